import { createHash } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import { envelopeVersion, headerBytesMax, signedPart } from './envelope-format.ts'
import { type Order, orderBodyBytesMax } from './order.ts'

/** Signature of the bytes in base64url, as `NkeyPair.sign` of `broker/nkey.ts` gives it. */
export type Sign = (data: Uint8Array) => string

/** SHA-256 of a body in base64url. */
export function bodyHash(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url')
}

/** The order as one message. The same order signed by the same key gives the same bytes. Throws ORDER_INVALID when too large. */
export function encodeOrder(order: Order, sign: Sign): Uint8Array {
  const body = Buffer.from(order.body)
  expectSize('body', body.length, orderBodyBytesMax)
  const header = Buffer.from(JSON.stringify(headerOf(order, bodyHash(body))))
  expectSize('header', header.length, headerBytesMax)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(header.length)
  const lengthAndHeader = Buffer.concat([length, header])
  const signature = Buffer.from(sign(signedPart(lengthAndHeader)), 'base64url')
  return Buffer.concat([Buffer.of(envelopeVersion), signature, lengthAndHeader, body])
}

/** In the order of the format. */
function headerOf(order: Order, hash: string): object {
  const { id, target, journal, session, verb, key, generation } = order
  const { issuedMs, expiresMs, keepUntilMs, sentMs } = order
  return {
    id,
    target,
    journal,
    session,
    verb,
    key,
    generation,
    issuedMs,
    expiresMs,
    keepUntilMs,
    sentMs,
    bodyHash: hash,
  }
}

function expectSize(what: string, found: number, expected: number): void {
  if (found <= expected) return
  throw new LanistaError(
    'ORDER_INVALID',
    `shorten the ${what} of the order: found ${found} bytes, expected at most ${expected}`,
  )
}
