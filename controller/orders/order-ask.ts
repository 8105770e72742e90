import { LanistaError } from '#protocol/errors.ts'
import { lifetimeMsMax, orderBodyBytesMax, parseOrderKey, parseVerb } from '#protocol/orders/order.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import type { OrderWish } from './order-events.ts'

/** What somebody wants done. */
export interface OrderAsk {
  readonly target: Address
  /** A token that a handler of the agent knows. */
  readonly verb: string
  /** A JSON value, at most 131,072 bytes as text; undefined for none. */
  readonly body?: unknown
  /** What it is about: a newer order with the same key takes the place of one not started. Default: nothing, it stands alone. */
  readonly key?: string | undefined
}

/** An order is valid for so long where nobody says otherwise, ms. */
export const orderLifetimeMs = 3_600_000

/** The order that somebody asks for, checked. Throws ORDER_INVALID. */
export function wishOf({ target, verb, key, body }: OrderAsk, lifetimeMs: number, id: string): OrderWish {
  return {
    id,
    target: hostIdOf(target),
    verb: parseVerb(verb),
    key: key === undefined ? id : parseOrderKey(key),
    body: bodyOf(body),
    lifetimeMs: parseLifetime(lifetimeMs),
  }
}

function bodyOf(value: unknown): string {
  const text = value === undefined ? '' : JSON.stringify(value)
  const bytes = Buffer.byteLength(text)
  if (bytes <= orderBodyBytesMax) return text
  throw new LanistaError(
    'ORDER_INVALID',
    `shorten the body of the order: found ${bytes} bytes, expected at most ${orderBodyBytesMax}`,
  )
}

function parseLifetime(ms: number): number {
  const whole = Math.round(ms)
  if (whole >= 1 && whole <= lifetimeMsMax) return whole
  throw new LanistaError('ORDER_INVALID', `choose another lifetime: found ${ms} ms, expected 1 to ${lifetimeMsMax}`)
}
