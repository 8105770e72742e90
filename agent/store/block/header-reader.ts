/** Reads a block's header without touching its samples, and checks its checksum. */
import { ByteReader } from './byte-cursor.ts'
import { crc32c } from './crc32c.ts'
import { powersOfTen } from './decimal.ts'
import {
  type Aggregates,
  BLOCK_BYTES_MIN,
  BLOCK_SAMPLES_MAX,
  BLOCK_VERSION,
  type BlockHeader,
  corrupt,
  flags,
  type TimeCodec,
  timeCodecs,
  type ValueCodec,
  valueCodecs,
} from './format.ts'

/** Bytes of the checksum at the end. */
export const CHECKSUM_BYTES = 4

/** Throws BLOCK_CORRUPT when the checksum at the end of `bytes` is not that of the bytes before it. */
export function verifyBlock(bytes: Uint8Array): void {
  if (bytes.length < BLOCK_BYTES_MIN) {
    throw corrupt('truncated', `found ${bytes.length} bytes, expected at least ${BLOCK_BYTES_MIN}`)
  }
  const end = bytes.length - CHECKSUM_BYTES
  const expected = crc32c(bytes, 0, end)
  const found = crcAt(bytes, end)
  if (found !== expected) {
    throw corrupt('checksum', `found the checksum ${found.toString(16)}, expected ${expected.toString(16)}`)
  }
}

function crcAt(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number]
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}

/**
 * Reads what coarse queries and rules need, at a cost that does not depend on the number of samples. Does not check the
 * checksum (`verifyBlock` does). Throws BLOCK_CORRUPT.
 */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  const reader = new ByteReader(bytes, 0, bytes.length - CHECKSUM_BYTES)
  const start = reader.byte()
  const version = start & 15
  if (version !== BLOCK_VERSION) throw corrupt('version', `found the version ${version}, expected ${BLOCK_VERSION}`)
  const exponent = start >>> 4
  const bits = reader.byte()
  const valueCodec = valueCodecs[bits & 3]
  const timeCodec = timeCodecs[(bits >>> 2) & 3]
  if (valueCodec === undefined || timeCodec === undefined || !isConsistent(valueCodec, exponent, bits)) {
    throw corrupt('header', `found the codecs and flags ${bits.toString(16)} with the exponent ${exponent}`)
  }
  const count = reader.varint()
  if (count < 1 || count > BLOCK_SAMPLES_MAX) {
    throw corrupt('header', `found ${count} samples, expected 1 to ${BLOCK_SAMPLES_MAX}`)
  }
  const times = readTimes(reader, timeCodec, count)
  const scalars =
    bits & flags.rawScalars ? readRawScalars(reader, valueCodec) : readScalars(reader, valueCodec, exponent, bits)
  const sums = readSums(reader, valueCodec, bits, count, scalars.first)
  return {
    version,
    valueCodec,
    timeCodec,
    count,
    t0Ms: times.t0Ms,
    t1Ms: times.t1Ms,
    stepMs: times.stepMs,
    first: scalars.first,
    last: scalars.last,
    min: scalars.min,
    max: scalars.max,
    sum: sums.sum,
    falls: sums.falls,
    lost: sums.lost,
    exponent,
    hasExceptions: (bits & flags.exceptions) !== 0,
    payloadOffset: reader.position,
  }
}

/** The combinations that a writer makes. */
function isConsistent(codec: ValueCodec, exponent: number, bits: number): boolean {
  const rawScalars = (bits & flags.rawScalars) !== 0
  const rawSums = (bits & flags.rawSums) !== 0
  const exceptions = (bits & flags.exceptions) !== 0
  if (rawScalars && !rawSums) return false
  switch (codec) {
    case 'constant':
      return (bits & (flags.falls | flags.exceptions)) === 0 && (exponent === 0 || (rawSums && !rawScalars))
    case 'integer':
      return rawScalars === exceptions && (exponent === 0 || rawSums)
    case 'xor':
      return rawScalars && !exceptions && exponent === 0
  }
}

function readTimes(reader: ByteReader, codec: TimeCodec, count: number): Pick<BlockHeader, 't0Ms' | 't1Ms' | 'stepMs'> {
  const t0Ms = reader.signedVarint()
  if (codec === 'raw') {
    const t1Ms = reader.signedVarint()
    if (!(t1Ms > t0Ms) || count < 2) throw badTimes()
    return { t0Ms, t1Ms, stepMs: Math.round((t1Ms - t0Ms) / (count - 1)) }
  }
  const stepMs = reader.varint()
  const t1Ms = t0Ms + (codec === 'column' ? reader.varint() : stepMs * (count - 1))
  const isOrdered = count === 1 ? stepMs === 0 && t1Ms === t0Ms : stepMs > 0 && t1Ms > t0Ms
  if (!isOrdered || !Number.isSafeInteger(t1Ms)) throw badTimes()
  return { t0Ms, t1Ms, stepMs }
}

const badTimes = () => corrupt('header', 'the first and last timestamps, step and count contradict each other')

type Scalars = Pick<Aggregates, 'first' | 'last' | 'min' | 'max'>

function readScalars(reader: ByteReader, codec: ValueCodec, exponent: number, bits: number): Scalars {
  const power = powersOfTen[exponent] as number
  const integer = reader.signedVarint()
  const first = integer / power
  if (codec === 'constant') return { first, last: first, min: first, max: first }
  const last = (integer + reader.signedVarint()) / power
  if ((bits & flags.falls) === 0) return { first, last, min: first, max: last }
  const min = (integer - reader.varint()) / power
  const max = (integer + reader.varint()) / power
  return { first, last, min, max }
}

function readRawScalars(reader: ByteReader, codec: ValueCodec): Scalars {
  const first = reader.finite()
  if (codec === 'constant') return { first, last: first, min: first, max: first }
  const last = reader.finite()
  const min = reader.finite()
  return { first, last, min, max: reader.finite() }
}

type Sums = Pick<Aggregates, 'sum' | 'falls' | 'lost'>

/** Sums of finite values may themselves be infinite. */
function readSums(reader: ByteReader, codec: ValueCodec, bits: number, count: number, first: number): Sums {
  const isRaw = (bits & flags.rawSums) !== 0
  const base = count * first
  const sum = isRaw ? reader.double() : codec === 'constant' ? base : base + reader.signedVarint()
  if ((bits & flags.falls) === 0) return { sum, falls: 0, lost: 0 }
  const falls = reader.varint()
  if (falls < 1 || falls >= count) throw corrupt('header', `found ${falls} falls in ${count} samples`)
  return { sum, falls, lost: isRaw ? reader.double() : reader.signedVarint() }
}
