import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { putVarint, VarintReader } from '../journal/varint.ts'
import { type BlockKey, parseBlockKey } from './area-keys.ts'

/** A sealed block where it lies, with the arrival range its samples came from. */
export interface StoredBlock extends BlockKey, ArrivalRange {
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
  const reader = new VarintReader(value, 0, Math.min(16, value.length))
  const from = reader.read()
  const to = from + reader.read()
  return { ...parseBlockKey(key), from, to, bytes: reader.failed ? value.subarray(0, 0) : value.subarray(reader.at) }
}
