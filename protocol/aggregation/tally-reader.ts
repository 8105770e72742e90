/** The payload of a partial aggregate on the wire, read into the tally of its function. */
import { parseCanonical } from '#protocol/metrics/series.ts'
import { type ByteReader, unzigzag } from '#protocol/samples/bytes.ts'
import type { Aggregate } from './aggregate.ts'
import { type DistinctState, DistinctTally, distinctHashesMax, distinctValuesMaxOf, hashMax } from './distinct-tally.ts'
import { ExtremeTally } from './extreme-tally.ts'
import { HistogramTally } from './histogram-tally.ts'
import { type Bucket, sketchBucketsMax, sketchLevelMax } from './log-sketch.ts'
import { ModeTally, modeValuesMaxOf, type ValueCount } from './mode-tally.ts'
import { type MomentsKind, MomentsTally } from './moments-tally.ts'
import { type AnyTally, valuesMax } from './partial.ts'
import {
  bucketKeyMax,
  invalidPartial,
  overflowMark,
  payloadForm,
  sumPartsMax,
  tagTextBytesMax,
} from './partial-format.ts'
import { type PercentileState, PercentileTally, percentileValuesMaxOf } from './percentile-tally.ts'
import { RankedTally } from './ranked-tally.ts'
import type { FinishedEntry } from './tally.ts'
import { TruthTally } from './truth-tally.ts'

/** The rest of a message from behind the inputs' counts; throws PARTIAL_INVALID, or SAMPLES_INVALID where the bytes end early. */
export function readTally(bytes: ByteReader, aggregate: Aggregate, exact: boolean): AnyTally {
  switch (aggregate.kind) {
    case 'count':
    case 'sum':
    case 'mean':
    case 'stddev':
      return readMoments(bytes, aggregate.kind)
    case 'min':
    case 'max':
      return new ExtremeTally(aggregate.kind, readDoubles(bytes, 1)[0])
    case 'percentile':
      return new PercentileTally(aggregate.percent, exact, readPercentile(bytes, exact))
    case 'mode':
      return new ModeTally(exact, readCounts(bytes, exact))
    case 'distinct':
      return new DistinctTally(exact, readDistinct(bytes, exact))
    case 'top':
    case 'bottom':
      return new RankedTally(aggregate.kind, aggregate.size, readEntries(bytes, aggregate.size))
    case 'histogram':
      return new HistogramTally(
        aggregate.bounds,
        Array.from({ length: aggregate.bounds.length + 1 }, () => readCount(bytes)),
      )
    case 'quantifier':
      return new TruthTally(readCount(bytes), readCount(bytes))
  }
}

function readMoments(bytes: ByteReader, kind: MomentsKind): MomentsTally {
  const sum = kind === 'count' ? [] : readParts(bytes)
  const squares = kind === 'stddev' ? readParts(bytes) : []
  return new MomentsTally(kind, { sum, squares })
}

function readParts(bytes: ByteReader): number[] | null {
  const count = bytes.byte()
  if (count === overflowMark) return null
  upTo(sumPartsMax, count, 'parts of a sum')
  return Array.from({ length: count }, () => readDouble(bytes))
}

function readPercentile(bytes: ByteReader, exact: boolean): PercentileState {
  if (!isCondensed(bytes)) return { values: readDoubles(bytes, percentileValuesMaxOf(exact)) }
  const min = readDouble(bytes)
  const max = readDouble(bytes)
  if (min > max) throw invalidPartial(`a smallest value of ${min} and a largest of ${max}`)
  const level = upTo(sketchLevelMax, bytes.byte(), 'a level')
  const zeros = readCount(bytes)
  const negatives = readBuckets(bytes, sketchBucketsMax)
  const positives = readBuckets(bytes, sketchBucketsMax - negatives.length)
  return { min, max, sketch: { level, zeros, negatives, positives } }
}

function readBuckets(bytes: ByteReader, most: number): Bucket[] {
  const length = upTo(most, bytes.varint(), 'buckets')
  const buckets: Bucket[] = []
  for (let i = 0, key = 0; i < length; i++) {
    const step = i === 0 ? unzigzag(bytes.varint()) : bytes.varint()
    key += step
    if (Math.abs(key) > bucketKeyMax || (i > 0 && step === 0)) throw invalidPartial(`the bucket ${key}`)
    buckets.push([key, readPositive(bytes, valuesMax)])
  }
  return buckets
}

function readCounts(bytes: ByteReader, exact: boolean): ValueCount[] | null {
  if (isCondensed(bytes)) return null
  const length = upTo(modeValuesMaxOf(exact), bytes.varint(), 'different values')
  return Array.from({ length }, (): ValueCount => [readDouble(bytes), readPositive(bytes, valuesMax)])
}

function readDistinct(bytes: ByteReader, exact: boolean): DistinctState {
  if (!isCondensed(bytes)) return { values: readDoubles(bytes, distinctValuesMaxOf(exact)) }
  const length = upTo(distinctHashesMax, bytes.varint(), 'hashes')
  let hash = -1
  const hashes = Array.from({ length }, () => (hash = upTo(hashMax - 1, hash + readPositive(bytes, hashMax), 'a hash')))
  return { hashes }
}

function readEntries(bytes: ByteReader, size: number): FinishedEntry[] {
  const length = upTo(size, bytes.varint(), 'entries')
  return Array.from({ length }, () => {
    const value = readDouble(bytes)
    const text = Buffer.from(bytes.take(upTo(tagTextBytesMax, bytes.varint(), 'bytes of tags'))).toString()
    if (text !== '' && !text.startsWith(';')) throw invalidPartial('tags without a semicolon before them')
    return { value, tags: parseCanonical(`x${text}`).tags }
  })
}

function isCondensed(bytes: ByteReader): boolean {
  const form = bytes.byte()
  if (form !== payloadForm.values && form !== payloadForm.condensed) throw invalidPartial(`form ${form}`)
  return form === payloadForm.condensed
}

function readCount(bytes: ByteReader): number {
  return upTo(valuesMax, bytes.varint(), 'a count')
}

function readPositive(bytes: ByteReader, most: number): number {
  const count = upTo(most, bytes.varint(), 'a count')
  if (count < 1) throw invalidPartial('a count of 0')
  return count
}

/** A length and as many finite doubles, at most `most`. */
export function readDoubles(bytes: ByteReader, most: number): number[] {
  const length = upTo(most, bytes.varint(), 'values')
  return Array.from({ length }, () => readDouble(bytes))
}

/** A finite double, never −0. */
export function readDouble(bytes: ByteReader): number {
  const value = bytes.double()
  if (!Number.isFinite(value)) throw invalidPartial(`the number ${value}, expected a finite one`)
  return value + 0
}

/** The number, or PARTIAL_INVALID when it is beyond the bound. */
export function upTo(most: number, found: number, what: string): number {
  if (found > most) throw invalidPartial(`${what}: ${found}, expected at most ${most}`)
  return found
}
