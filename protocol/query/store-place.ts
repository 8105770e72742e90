/** A place in a store, for dumps and repairs that are done page by page: which of its parts, and behind which key of it. */
import * as z from 'zod/mini'

export interface StorePlace {
  /** Parts have an order that the store chooses. */
  readonly part: number
  readonly key: Uint8Array
}

/** A place as text: part, colon, key in hex. */
export const placeSchema: z.ZodMiniType<string> = z.string().check(z.regex(/^\d{1,4}:(?:[0-9a-f]{2}){0,40}$/))

export function formatPlace({ part, key }: StorePlace): string {
  return `${part}:${Buffer.from(key).toString('hex')}`
}

/** The place in a text that `placeSchema` takes. */
export function parsePlace(text: string): StorePlace {
  const [part = '', key = ''] = text.split(':')
  return { part: Number(part), key: Buffer.from(key, 'hex') }
}

/** True when `a` lies behind `b`: whoever goes from place to place comes to an end. */
export function isBehind(a: string, b: string): boolean {
  const [left, right] = [parsePlace(a), parsePlace(b)]
  return left.part > right.part || (left.part === right.part && Buffer.compare(left.key, right.key) > 0)
}
