import * as z from 'zod/mini'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { parseJson } from '#protocol/messages/json.ts'
import { bodyHash } from './envelope-encoder.ts'
import {
  envelopeVersion,
  headerAt,
  headerBytesMax,
  headerLengthAt,
  signatureAt,
  signatureBytes,
  signedPart,
} from './envelope-format.ts'
import { isOrderId, isOrderKey, lifetimeMsMax, type Order, type OrderHeader, orderBodyBytesMax } from './order.ts'

/** Is this the key's signature (base64url) of the data? As `nkeyVerifier` of `broker/nkey.ts` makes it. */
export type Verify = (data: Uint8Array, signature: string) => boolean

type SignedHeader = OrderHeader & { readonly bodyHash: string }

const id = z.string().check(z.refine(isOrderId, 'expected the id of an order'))
const token = z.string().check(z.regex(/^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$/))
const timeMs = z.int().check(z.minimum(0))

const headerSchema: z.ZodMiniType<SignedHeader> = z.object({
  id,
  target: z.string().check(z.maxLength(256)),
  journal: token,
  session: z.int().check(z.positive()),
  verb: token,
  key: z.string().check(z.refine(isOrderKey, 'expected a key')),
  generation: z.int().check(z.positive()),
  issuedMs: timeMs,
  expiresMs: timeMs,
  keepUntilMs: timeMs,
  sentMs: timeMs,
  bodyHash: z.string(),
})

/**
 * The order in a message, its signature and its body's hash checked: what comes back was said by whoever has the key.
 * @throws LanistaError ORDER_INVALID (another form, a wrong hash, impossible times), ORDER_UNSIGNED (not signed by this key)
 */
export function decodeOrder(bytes: Uint8Array, verify: Verify): Order {
  const { signature, lengthAndHeader, header, body } = partsOf(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  )
  if (!verify(signedPart(lengthAndHeader), signature.toString('base64url'))) {
    throw new LanistaError('ORDER_UNSIGNED', 'sign the order with the key this agent knows: found another signature')
  }
  const { bodyHash: expected, ...rest } = parseHeader(header)
  if (bodyHash(body) !== expected) throw invalid('a body of another hash')
  const { issuedMs, expiresMs, keepUntilMs } = rest
  const fits = expiresMs > issuedMs && expiresMs <= issuedMs + lifetimeMsMax && keepUntilMs >= expiresMs
  if (!fits || keepUntilMs > issuedMs + lifetimeMsMax) throw invalid('impossible times')
  return { ...rest, body: body.toString('utf8') }
}

interface Parts {
  readonly signature: Buffer
  readonly lengthAndHeader: Buffer
  readonly header: Buffer
  readonly body: Buffer
}

function partsOf(bytes: Buffer): Parts {
  if (bytes[0] !== envelopeVersion) throw invalid(`version ${bytes[0] ?? 'none'}`)
  if (bytes.length < headerAt) throw invalid(`${bytes.length} bytes`)
  const end = headerAt + bytes.readUInt16BE(headerLengthAt)
  const body = bytes.subarray(end)
  if (end > bytes.length || end - headerAt > headerBytesMax || body.length > orderBodyBytesMax) {
    throw invalid(`${bytes.length} bytes, ${end - headerAt} of them header`)
  }
  return {
    signature: bytes.subarray(signatureAt, signatureAt + signatureBytes),
    lengthAndHeader: bytes.subarray(headerLengthAt, end),
    header: bytes.subarray(headerAt, end),
    body,
  }
}

function parseHeader(header: Buffer): SignedHeader {
  try {
    return parseJson(header, headerSchema, 'header')
  } catch (error) {
    throw invalid(messageOf(error), error)
  }
}

function invalid(found: string, cause?: unknown): LanistaError {
  return new LanistaError('ORDER_INVALID', `send the order again: found ${found}, expected an order of version 1`, {
    cause,
  })
}
