import type * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf, showValue } from '#protocol/schema-words.ts'

/** A JSON body above this many bytes is refused unread. */
export const jsonBytesMax = 262_144

/** The value as UTF-8 JSON. */
export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/** Parses and checks a JSON body; throws MESSAGE_INVALID naming the path of the first mistake. */
export function parseJson<T>(body: Uint8Array, schema: z.ZodMiniType<T>, what: string): T {
  if (body.length > jsonBytesMax) throw invalid(what, `${body.length} bytes, expected at most ${jsonBytesMax}`)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch (cause) {
    throw invalid(what, 'no JSON', cause)
  }
  const result = schema.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw invalid(what, issue ? mistakeOf(issue, value) : 'wrong shape', result.error)
  }
  return result.data
}

function mistakeOf(issue: z.core.$ZodIssue, value: unknown): string {
  let found: unknown = value
  for (const key of issue.path) found = (found as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key]
  return `${dotted(issue.path)}: found ${showValue(found)}, expected ${expectedOf(issue)}`
}

function invalid(what: string, found: string, cause?: unknown): LanistaError {
  return new LanistaError('MESSAGE_INVALID', `refuse the ${what}: ${found}`, { cause })
}
