/**
 * Keys of the shared area: one letter, the owner and a zero byte, then big-endian numbers, so that byte order is age order.
 *
 * | key | value |
 * |---|---|
 * | `f` owner | JSON `{zone, start}`: whom to refuse |
 * | `l` owner 0 start storeId | JSON number: the lane's floor |
 * | `m` name | JSON, one fact of the ring |
 * | `d` owner 0 start storeId 0 firstId | names, see README.md |
 * | `n` owner 0 storeId 0 firstId | names in version 1, brought over by `names-by-lane.ts` |
 * | `r` owner 0 start storeId 0 to from bytes | rows |
 * | `q` … | rows that could not be read, under their old key but for the first letter |
 */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { Lane } from './lane.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What the key of rows says. */
export interface RowKey extends Lane, ArrivalRange {
  readonly owner: string
  /** Bytes of the value. */
  readonly bytes: number
}

export function factsKey(owner: string): Uint8Array {
  return encoder.encode(`f${owner}`)
}

export function metaKey(name: string): Uint8Array {
  return encoder.encode(`m${name}`)
}

export function floorKey(owner: string, { storeId, start }: Lane): Uint8Array {
  return join(encoder.encode(`l${owner}\0`), u64(start), encoder.encode(storeId))
}

export function namesKey(owner: string, lane: Lane, firstId: number): Uint8Array {
  return join(namesPrefix(owner, lane), u64(firstId))
}

/** Begins every key of a lane's names. */
export function namesPrefix(owner: string, { storeId, start }: Lane): Uint8Array {
  return join(ownerPrefix('d', owner), u64(start), encoder.encode(`${storeId}\0`))
}

export function rowKey({ owner, storeId, start, from, to, bytes }: RowKey): Uint8Array {
  return join(lanePrefix(owner, { storeId, start }), u64(to), u64(from), u64(bytes))
}

/** Begins every key of a lane's rows. */
export function lanePrefix(owner: string, { storeId, start }: Lane): Uint8Array {
  return join(ownerPrefix('r', owner), u64(start), encoder.encode(`${storeId}\0`))
}

/** Begins every key of this kind. */
export function kindPrefix(kind: 'd' | 'f' | 'l' | 'n' | 'r'): Uint8Array {
  return encoder.encode(kind)
}

/** Begins every key of an owner of this kind. */
export function ownerPrefix(kind: 'd' | 'l' | 'r', owner: string): Uint8Array {
  return encoder.encode(`${kind}${owner}\0`)
}

/** The first key of a lane whose rows end at `to` or later. */
export function rowsFrom(owner: string, lane: Lane, to: number): Uint8Array {
  return join(lanePrefix(owner, lane), u64(to))
}

/** Keys that begin with these bytes lie in `[gte, lt)`. */
export function startingWith(prefix: Uint8Array): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const lt = Uint8Array.from(prefix)
  lt[lt.length - 1] = (lt.at(-1) as number) + 1
  return { gte: prefix, lt }
}

export function parseRowKey(key: Uint8Array): RowKey {
  const ownerEnd = key.indexOf(0)
  const storeEnd = key.length - 25
  const at = (offset: number): number => readU64(key, offset)
  return {
    owner: decoder.decode(key.subarray(1, ownerEnd)),
    start: at(ownerEnd + 1),
    storeId: decoder.decode(key.subarray(ownerEnd + 9, storeEnd)),
    to: at(storeEnd + 1),
    from: at(storeEnd + 9),
    bytes: at(storeEnd + 17),
  }
}

export function parseFloorKey(key: Uint8Array): Lane & { readonly owner: string } {
  const ownerEnd = key.indexOf(0)
  return {
    owner: decoder.decode(key.subarray(1, ownerEnd)),
    start: readU64(key, ownerEnd + 1),
    storeId: decoder.decode(key.subarray(ownerEnd + 9)),
  }
}

export function parseNamesKey(key: Uint8Array): Lane & { readonly owner: string; readonly firstId: number } {
  const ownerEnd = key.indexOf(0)
  const storeEnd = key.length - 9
  return {
    owner: decoder.decode(key.subarray(1, ownerEnd)),
    start: readU64(key, ownerEnd + 1),
    storeId: decoder.decode(key.subarray(ownerEnd + 9, storeEnd)),
    firstId: readU64(key, storeEnd + 1),
  }
}

/** As version 1 had them. */
export function parseStoreNamesKey(key: Uint8Array): {
  readonly owner: string
  readonly storeId: string
  readonly firstId: number
} {
  const ownerEnd = key.indexOf(0)
  const storeEnd = key.length - 9
  return {
    owner: decoder.decode(key.subarray(1, ownerEnd)),
    storeId: decoder.decode(key.subarray(ownerEnd + 1, storeEnd)),
    firstId: readU64(key, storeEnd + 1),
  }
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, Math.floor(value / 0x1_0000_0000))
  view.setUint32(4, value >>> 0)
  return bytes
}

function readU64(key: Uint8Array, at: number): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
  return view.getUint32(at) * 0x1_0000_0000 + view.getUint32(at + 4)
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
