import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { putVarint, VarintReader } from '../journal/varint.ts'
import { type BlockKey, blockKey, type PageKey, pageKey, parseBlockKey, parsePageKey } from './area-keys.ts'

/** A sealed block where it lies, with the arrival range its samples came from. */
export interface StoredBlock extends BlockKey, ArrivalRange {
  readonly bytes: Uint8Array
}

/** Samples of neighbouring series in arrival order, as a journal row, where it lies. */
export interface StoredPage extends PageKey, ArrivalRange {
  readonly bytes: Uint8Array
}

/** The value: `from` varint, `to − from` varint, block. */
export function encodeStored(range: ArrivalRange, block: Uint8Array): Uint8Array {
  const value = new Uint8Array(16 + block.length)
  const at = putVarint(value, putVarint(value, 0, range.from), range.to - range.from)
  value.set(block, at)
  return value.subarray(0, at + block.length)
}

/** A value that is no stored block comes back with an empty block, which no decoder takes. */
export function decodeStored(key: Uint8Array, value: Uint8Array): StoredBlock {
  return { ...parseBlockKey(key), ...decodeValue(value) }
}

/** The same for a page. */
export function decodeStoredPage(key: Uint8Array, value: Uint8Array): StoredPage {
  return { ...parsePageKey(key), ...decodeValue(value) }
}

/** The key that a block or page lies under. */
export function keyOf(stored: StoredBlock | StoredPage): Uint8Array {
  return 'group' in stored ? pageKey(stored) : blockKey(stored)
}

function decodeValue(value: Uint8Array): ArrivalRange & { readonly bytes: Uint8Array } {
  const reader = new VarintReader(value, 0, Math.min(16, value.length))
  const from = reader.read()
  const to = from + reader.read()
  return { from, to, bytes: reader.failed ? value.subarray(0, 0) : value.subarray(reader.at) }
}
