import { LanistaError } from '#protocol/errors.ts'
import { subjectBytesMax } from '#protocol/subjects/subject.ts'
import { bodyBytesMax } from './connection.ts'

const literal = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

/** True for a subject of at most 1,024 bytes whose tokens are all within the alphabet: what may travel, either way. */
export function isLiteral(subject: string): boolean {
  return subject.length <= subjectBytesMax && literal.test(subject)
}

/** Throws SUBJECT_INVALID. */
export function checkLiteral(subject: string): void {
  if (isLiteral(subject)) return
  throw new LanistaError(
    'SUBJECT_INVALID',
    `publish to another subject: found ${JSON.stringify(subject.slice(0, 200))}, expected at most ${subjectBytesMax} bytes, tokens of A-Z a-z 0-9 _ -`,
  )
}

/** Throws TOO_LARGE. */
export function checkBody(body: Uint8Array): void {
  if (body.length <= bodyBytesMax) return
  throw new LanistaError('TOO_LARGE', `split the message: found ${body.length} bytes, expected at most ${bodyBytesMax}`)
}
