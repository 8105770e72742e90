/** What stands around every answer of an agent: a version, then a page, a JSON value, or a refusal with a code. */
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { answerBytesMax, answerKind, answerVersion, invalidPage } from './page-format.ts'

/** Why there is no answer. */
interface Refusal {
  readonly code: string
  readonly message: string
}

/** A message ends on somebody's terminal, which must not obey it. */
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/

const refusalSchema: z.ZodMiniType<Refusal> = z.object({
  code: z.string().check(z.regex(/^[A-Z][A-Z_]{1,39}$/)),
  message: z.string().check(
    z.maxLength(2_000),
    z.refine((text) => !controlCharacter.test(text), 'expected no control characters'),
  ),
})

/** A refusal as an answer's body. */
export function encodeRefusal(error: LanistaError): Uint8Array {
  const message = error.message.slice(0, 2_000).replaceAll(new RegExp(controlCharacter, 'g'), '?')
  return enclose(answerKind.refusal, encodeJson({ code: error.code, message }))
}

/** A JSON value as an answer's body. */
export function encodeJsonAnswer(value: unknown): Uint8Array {
  return enclose(answerKind.json, encodeJson(value))
}

/** The JSON value in an answer. Throws the refusal that the answer is, PAGE_INVALID, MESSAGE_INVALID. */
export function parseJsonAnswer<T>(body: Uint8Array, schema: z.ZodMiniType<T>, what: string): T {
  return parseJson(openAnswer(body, answerKind.json), schema, what)
}

/**
 * What an answer of this kind holds. Throws PAGE_INVALID for anything else, and for a refusal a LanistaError with its code and with
 * `data.refused` true.
 */
export function openAnswer(body: Uint8Array, kind: number): Uint8Array {
  if (body.length > answerBytesMax) throw invalidPage(`${body.length} bytes, expected at most ${answerBytesMax}`)
  const [version, found] = body
  if (version !== answerVersion) throw invalidPage(`version ${version}, expected ${answerVersion}`)
  const payload = body.subarray(2)
  if (found === answerKind.refusal) throw refusalOf(payload)
  if (found !== kind) throw invalidPage(`kind ${found}, expected ${kind}`)
  return payload
}

function refusalOf(payload: Uint8Array): LanistaError {
  let refusal: Refusal
  try {
    refusal = parseJson(payload, refusalSchema, 'refusal')
  } catch (cause) {
    return invalidPage('a refusal of another shape', cause)
  }
  return new LanistaError(refusal.code, refusal.message, { data: { refused: true } })
}

function enclose(kind: number, payload: Uint8Array): Uint8Array {
  const body = new Uint8Array(2 + payload.length)
  body[0] = answerVersion
  body[1] = kind
  body.set(payload, 2)
  return body
}
