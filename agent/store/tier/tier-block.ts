/** Windows of one series as bytes: for each column its length as varint and a sealed block, in the order of `tierColumns`. */

import { BlockDecoder } from '../block/decoder.ts'
import type { BlockEncoder } from '../block/encoder.ts'
import { corrupt } from '../block/format.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { putVarint, VarintReader, varintBytesMax } from '../journal/varint.ts'
import { type TierColumn, tierColumns, type Windows } from './roll-up.ts'

export function encodeWindows(encoder: BlockEncoder, windows: Windows): Uint8Array {
  const blocks = tierColumns.map((column) =>
    encoder.encode(windows.startsMs, windows[column], 0, windows.startsMs.length),
  )
  const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + block.length + varintBytesMax, 0))
  let at = 0
  for (const block of blocks) {
    at = putVarint(bytes, at, block.length)
    bytes.set(block, at)
    at += block.length
  }
  return bytes.subarray(0, at)
}

/** Throws BLOCK_CORRUPT. */
export function decodeWindows(bytes: Uint8Array): Windows {
  const reader = new VarintReader(bytes, 0, bytes.length)
  const decoder = new BlockDecoder()
  let startsMs: Float64Array = new Float64Array(0)
  const columns = {} as Record<TierColumn, Float64Array>
  for (const column of tierColumns) {
    const length = reader.read()
    const block = bytes.subarray(reader.at, reader.at + length)
    if (reader.failed || block.length !== length)
      throw corrupt('truncated', `the ${column} column of a tier is cut off`)
    reader.at += length
    const { count } = decodeHeader(block)
    const times = new Float64Array(count)
    const values = new Float64Array(count)
    decoder.decode(block, times, values)
    if (column !== tierColumns[0] && count !== startsMs.length)
      throw corrupt('header', 'columns of a tier differ in length')
    startsMs = times
    columns[column] = values
  }
  return { startsMs, ...columns }
}

/** Windows in the bytes, from a header alone; 0 when it cannot be read. */
export function countWindows(bytes: Uint8Array): number {
  const reader = new VarintReader(bytes, 0, bytes.length)
  const length = reader.read()
  try {
    return decodeHeader(bytes.subarray(reader.at, reader.at + length)).count
  } catch {
    return 0
  }
}
