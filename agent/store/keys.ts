/**
 * Keys of the index and journal database: one letter, then big-endian numbers, so that byte order is number order.
 *
 * | key | value |
 * |---|---|
 * | `c` name | acknowledged ranges of a consumer, JSON |
 * | `j` u64 position of its last sample | journal row |
 * | `m` name | one fact of the store, JSON |
 * | `n` u32 first id | page of the series dictionary |
 * | `q` as `j` or `n` | a row or page that could not be read, as found |
 */

/** First letter of a kind of key. */
export type KeyKind = 'c' | 'j' | 'm' | 'n' | 'q'

const encoder = new TextEncoder()

/** All keys of a kind lie in `[gte, lt)`. */
export function keyRange(kind: KeyKind): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const code = kind.charCodeAt(0)
  return { gte: Uint8Array.of(code), lt: Uint8Array.of(code + 1) }
}

export function nameKey(kind: 'c' | 'm', name: string): Uint8Array {
  return encoder.encode(kind + name)
}

/** The name in a `c` or `m` key. */
export function nameOf(key: Uint8Array): string {
  return new TextDecoder().decode(key.subarray(1))
}

export function positionKey(kind: 'j' | 'q', position: number): Uint8Array {
  const key = new Uint8Array(9)
  const view = new DataView(key.buffer)
  key[0] = kind.charCodeAt(0)
  view.setUint32(1, Math.floor(position / 0x1_0000_0000))
  view.setUint32(5, position >>> 0)
  return key
}

/** The position in a `j` or `q` key. */
export function positionOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  return view.getUint32(1) * 0x1_0000_0000 + view.getUint32(5)
}

export function pageKey(firstId: number): Uint8Array {
  const key = new Uint8Array(5)
  key[0] = 'n'.charCodeAt(0)
  new DataView(key.buffer).setUint32(1, firstId)
  return key
}

/** The first id in an `n` key. */
export function pageFirstId(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(1)
}
