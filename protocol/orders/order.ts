/** What an order says, and how long any part of it may be. */
import { randomBytes } from 'node:crypto'
import { LanistaError } from '#protocol/errors.ts'
import { showValue } from '#protocol/schema-words.ts'
import { isId } from '#protocol/subjects/token.ts'

/** Everything that is signed but the body, which the signature holds by its hash. */
export interface OrderHeader {
  /** `ord-` and 128 random bits: a token that no other order has. */
  readonly id: string
  /** `T.C.H` of the one host that may carry it out. */
  readonly target: string
  /** Id of the agent's journal that decides about it: another one could not know what was done already. */
  readonly journal: string
  /** Session of the controller that sends it; an agent that has heard a newer one passes it over. */
  readonly session: number
  /** What to do: a token. */
  readonly verb: string
  /** Of two orders with one key the one of higher generation counts. Its own id where nothing is to be superseded. */
  readonly key: string
  /** Grows with each order of a controller, over its restarts too. */
  readonly generation: number
  /** Controller time, epoch ms. */
  readonly issuedMs: number
  /** Not started from then on; controller time. */
  readonly expiresMs: number
  /** The journal keeps what became of it until then: no older order with this key is valid for longer. At least `expiresMs`. */
  readonly keepUntilMs: number
  /** Controller time when this copy was sent: a lower bound of what time it is. */
  readonly sentMs: number
}

export interface Order extends OrderHeader {
  /** JSON text, empty for none. */
  readonly body: string
}

/** An order is valid for so long at most, ms: a week. */
export const lifetimeMsMax = 604_800_000
/** Bytes of a body. */
export const orderBodyBytesMax = 131_072
/** Characters of a key. */
export const orderKeyLengthMax = 256

const idPattern = /^ord-[A-Za-z0-9_-]{1,60}$/

/** A fresh id. */
export function newOrderId(): string {
  return `ord-${randomBytes(16).toString('base64url')}`
}

/** Is this token the id of an order? Answers to queries come on the same subjects, under other ids. */
export function isOrderId(token: string): boolean {
  return idPattern.test(token)
}

/** Keys are printable ASCII without spaces, so that they can be shown and compared byte by byte. */
export function isOrderKey(text: string): boolean {
  return text.length <= orderKeyLengthMax && /^[!-~]+$/.test(text)
}

/** Returns the key; throws ORDER_INVALID. */
export function parseOrderKey(text: string): string {
  if (isOrderKey(text)) return text
  throw new LanistaError(
    'ORDER_INVALID',
    `choose another key: found ${showValue(text)}, expected 1 to ${orderKeyLengthMax} printable characters without spaces`,
  )
}

/** Returns the verb; throws ORDER_INVALID. */
export function parseVerb(text: string): string {
  if (isId(text)) return text
  throw new LanistaError(
    'ORDER_INVALID',
    `choose another verb: found ${showValue(text)}, expected a token like sensors-configure`,
  )
}

/** Is `verb` named by one of the patterns: a verb, or the beginning of verbs with a final `*`? */
export function allowsVerb(patterns: readonly string[], verb: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? verb.startsWith(pattern.slice(0, -1)) : pattern === verb))
}
