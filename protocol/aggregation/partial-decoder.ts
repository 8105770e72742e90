import { isLanistaError } from '#protocol/errors.ts'
import type { Quantifier } from '#protocol/monitors/model.ts'
import { ByteReader } from '#protocol/samples/bytes.ts'
import { type Aggregate, areBounds, boundsMax, rankedMax } from './aggregate.ts'
import { PartialAggregate, type PartialCounts, valuesMax } from './partial.ts'
import {
  exactFlag,
  functionCode,
  invalidPartial,
  partialBytesMax,
  partialVersion,
  percentScale,
} from './partial-format.ts'
import { readDouble, readDoubles, readTally, upTo } from './tally-reader.ts'

/**
 * A partial aggregate from a message body. Any bytes give a valid one or PARTIAL_INVALID, in memory and time that the limits bound.
 * Valid is not true: whoever sends it may lie about values and counts. So that a lie cannot use up the 2^40 values of a merge, say how
 * many this sender may have (`mostValues`, and as many unknown inputs).
 */
export function decodePartial(body: Uint8Array, mostValues: number = valuesMax): PartialAggregate {
  if (body.length > partialBytesMax) throw invalidPartial(`${body.length} bytes, expected at most ${partialBytesMax}`)
  try {
    return read(new ByteReader(body), mostValues)
  } catch (error) {
    throw isLanistaError(error, 'PARTIAL_INVALID') ? error : invalidPartial('unreadable bytes', error)
  }
}

function read(bytes: ByteReader, mostValues: number): PartialAggregate {
  const version = bytes.byte()
  if (version !== partialVersion) throw invalidPartial(`version ${version}, expected ${partialVersion}`)
  const code = bytes.byte()
  const exact = code >= exactFlag
  const aggregate = readAggregate(bytes, exact ? code - exactFlag : code)
  const counts = readCounts(bytes, mostValues)
  const tally = readTally(bytes, aggregate, exact)
  if (bytes.left > 0) throw invalidPartial(`${bytes.left} bytes behind the end`)
  if (!tally.agrees(counts.values)) throw invalidPartial(`what ${counts.values} values cannot give`)
  return new PartialAggregate(aggregate, exact, tally, counts)
}

function readAggregate(bytes: ByteReader, code: number): Aggregate {
  const kind = kindOf(code)
  switch (kind) {
    case 'percentile':
      return { kind, percent: upTo(100 * percentScale, bytes.varint(), 'a percent') / percentScale }
    case 'top':
    case 'bottom':
      return { kind, size: readSize(bytes) }
    case 'histogram':
      return { kind, bounds: readBounds(bytes) }
    case 'every':
    case 'some':
    case 'atLeast':
    case 'atLeastShare':
      return { kind: 'quantifier', quantifier: readQuantifier(bytes, kind) }
    case 'count':
    case 'sum':
    case 'mean':
    case 'stddev':
    case 'min':
    case 'max':
    case 'mode':
    case 'distinct':
      return { kind }
  }
}

function readCounts(bytes: ByteReader, mostValues: number): PartialCounts {
  const known = upTo(mostValues, bytes.varint(), 'known inputs')
  const unknown = upTo(mostValues, bytes.varint(), 'unknown inputs')
  const values = upTo(mostValues, known + bytes.varint(), 'values')
  if (known === 0 && values > 0) throw invalidPartial(`${values} values of no input`)
  return { known, unknown, values }
}

function kindOf(code: number): keyof typeof functionCode {
  for (const [kind, known] of Object.entries(functionCode)) {
    if (known === code) return kind as keyof typeof functionCode
  }
  throw invalidPartial(`function ${code}, expected 0 to ${functionCode.atLeastShare}`)
}

function readSize(bytes: ByteReader): number {
  const size = upTo(rankedMax, bytes.varint(), 'entries to keep')
  if (size === 0) throw invalidPartial('no entries to keep')
  return size
}

function readBounds(bytes: ByteReader): number[] {
  const bounds = readDoubles(bytes, boundsMax)
  if (!areBounds(bounds)) throw invalidPartial('bounds that are none, or do not ascend')
  return bounds
}

function readQuantifier(bytes: ByteReader, kind: Quantifier['kind']): Quantifier {
  if (kind === 'atLeast') return { kind, count: bytes.varint() }
  if (kind !== 'atLeastShare') return { kind }
  const percent = readDouble(bytes)
  if (percent < 0 || percent > 100) throw invalidPartial(`a share of ${percent} %`)
  return { kind, percent }
}
