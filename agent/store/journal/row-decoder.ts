import { LanistaError } from '#protocol/errors.ts'
import { crc32c } from '../block/crc32c.ts'
import { rawValue, rowChecksumBytes, rowSamplesMax, rowVersion, scaleDivisors } from './row-format.ts'
import { unzigzag, VarintReader } from './varint.ts'

/** The columns of one row; sample `i` is the i-th that arrived. */
export interface RowColumns {
  readonly seriesIds: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** Samples in a row, from its header alone: cheap, and unchecked. 0 when the header makes no sense. */
export function rowCount(row: Uint8Array): number {
  if (row[rowChecksumBytes] !== rowVersion) return 0
  const reader = new VarintReader(row, rowChecksumBytes + 1, row.length)
  const count = reader.read()
  return reader.failed || count > rowSamplesMax ? 0 : count
}

/** Decodes one row. Throws JOURNAL_ROW_CORRUPT (`data.reason`) for anything that `RowEncoder` did not write. */
export function decodeRow(row: Uint8Array): RowColumns {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  if (row.length < rowChecksumBytes + 4) throw corrupt('short')
  if (view.getUint32(0, true) !== crc32c(row.subarray(rowChecksumBytes))) throw corrupt('checksum')
  if (row[rowChecksumBytes] !== rowVersion) throw corrupt('version')
  const header = new VarintReader(row, rowChecksumBytes + 1, row.length)
  const count = header.read()
  const idBytes = header.read()
  const timeBytes = header.read()
  const timesAt = header.at + idBytes
  const valuesAt = timesAt + timeBytes
  if (header.failed || count === 0 || count > rowSamplesMax || valuesAt > row.length) throw corrupt('header')
  return {
    seriesIds: decodeIds(new VarintReader(row, header.at, timesAt), count),
    timestampsMs: decodeTimes(new VarintReader(row, timesAt, valuesAt), count),
    values: decodeValues(row, valuesAt, count),
  }
}

function decodeIds(reader: VarintReader, count: number): Uint32Array {
  const ids = new Uint32Array(count)
  let next = 0
  for (let i = 0; i < count; ) {
    next += unzigzag(reader.read())
    const end = i + reader.read() + 1
    if (reader.failed || end > count || next < 0 || next + (end - i) > 0xffff_ffff) throw corrupt('ids')
    while (i < end) ids[i++] = next++
  }
  if (!reader.isAtEnd) throw corrupt('ids')
  return ids
}

function decodeTimes(reader: VarintReader, count: number): Float64Array {
  const times = new Float64Array(count)
  let time = 0
  for (let i = 0; i < count; ) {
    const distance = unzigzag(reader.read())
    const end = i + reader.read() + 1
    if (reader.failed || end > count) throw corrupt('times')
    while (i < end) {
      time += distance
      times[i++] = time
    }
  }
  if (!reader.isAtEnd) throw corrupt('times')
  return times
}

function decodeValues(row: Uint8Array, from: number, count: number): Float64Array {
  const values = new Float64Array(count)
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  let at = from
  for (let i = 0; i < count; i++) {
    if (at >= row.length) throw corrupt('values')
    const control = row[at++] as number
    const length = control & 7
    const end = at + (length === rawValue ? 8 : length)
    if (end > row.length) throw corrupt('values')
    if (length === rawValue) {
      values[i] = view.getFloat64(at, true)
    } else {
      const value = magnitudeOf(row, at, length) / (scaleDivisors[(control >> 3) & 3] as number)
      values[i] = (control & 32) === 0 ? value : -value
    }
    at = end
  }
  if (at !== row.length) throw corrupt('values')
  return values
}

/** A little-endian number of at most six bytes. */
function magnitudeOf(row: Uint8Array, at: number, length: number): number {
  let low = 0
  const lowEnd = length < 4 ? length : 4
  for (let byte = lowEnd - 1; byte >= 0; byte--) low = (low << 8) | (row[at + byte] as number)
  if (length <= 4) return low >>> 0
  const high = (row[at + 4] as number) | (length > 5 ? (row[at + 5] as number) << 8 : 0)
  return high * 0x1_0000_0000 + (low >>> 0)
}

function corrupt(reason: string): LanistaError {
  return new LanistaError(
    'JOURNAL_ROW_CORRUPT',
    `skip this journal row: its ${reason} is wrong, expected a version ${rowVersion} row`,
    { data: { reason } },
  )
}
