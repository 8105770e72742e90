import { ByteWriter, zigzag } from '#protocol/samples/bytes.ts'
import type { Aggregate } from './aggregate.ts'
import type { DistinctState } from './distinct-tally.ts'
import type { Bucket } from './log-sketch.ts'
import type { ValueCount } from './mode-tally.ts'
import type { MomentsTally } from './moments-tally.ts'
import type { AnyTally, PartialAggregate } from './partial.ts'
import {
  exactFlag,
  functionCode,
  overflowMark,
  partialVersion,
  payloadForm,
  percentScale,
  tagTextBytesMax,
} from './partial-format.ts'
import type { PercentileState } from './percentile-tally.ts'
import { tagText } from './ranked-tally.ts'
import type { FinishedEntry } from './tally.ts'

/** A partial aggregate as a message body; the same values give the same bytes, in whatever order they came. */
export function encodePartial(partial: PartialAggregate): Uint8Array {
  const out = new ByteWriter(64)
  out.byte(partialVersion)
  writeAggregate(out, partial.aggregate, partial.exact ? exactFlag : 0)
  out.varint(partial.known)
  out.varint(partial.unknown)
  out.varint(partial.values - partial.known)
  writeTally(out, partial.tally)
  return out.written().slice()
}

function writeAggregate(out: ByteWriter, aggregate: Aggregate, flag: number): void {
  const kind = aggregate.kind === 'quantifier' ? aggregate.quantifier.kind : aggregate.kind
  out.byte(functionCode[kind] + flag)
  if (aggregate.kind === 'percentile') out.varint(Math.round(aggregate.percent * percentScale))
  if (aggregate.kind === 'top' || aggregate.kind === 'bottom') out.varint(aggregate.size)
  if (aggregate.kind === 'histogram') writeDoubles(out, aggregate.bounds)
  if (aggregate.kind !== 'quantifier') return
  if (aggregate.quantifier.kind === 'atLeast') out.varint(aggregate.quantifier.count)
  if (aggregate.quantifier.kind === 'atLeastShare') out.double(aggregate.quantifier.percent)
}

function writeTally(out: ByteWriter, tally: AnyTally): void {
  switch (tally.form) {
    case 'moments':
      return writeMoments(out, tally)
    case 'extreme':
      return writeDoubles(out, tally.value === undefined ? [] : [tally.value])
    case 'percentile':
      return writePercentile(out, tally.state())
    case 'mode':
      return writeCounts(out, tally.state())
    case 'distinct':
      return writeDistinct(out, tally.state())
    case 'ranked':
      return writeEntries(out, tally.state())
    case 'histogram':
      return tally.state().forEach((count) => out.varint(count))
    case 'truths':
      out.varint(tally.yes)
      return out.varint(tally.no)
  }
}

function writeMoments(out: ByteWriter, tally: MomentsTally): void {
  const { sum, squares } = tally.state()
  if (tally.kind !== 'count') writeParts(out, sum)
  if (tally.kind === 'stddev') writeParts(out, squares)
}

function writeParts(out: ByteWriter, parts: readonly number[] | null): void {
  out.byte(parts?.length ?? overflowMark)
  for (const part of parts ?? []) out.double(part)
}

function writePercentile(out: ByteWriter, state: PercentileState): void {
  if ('values' in state) {
    out.byte(payloadForm.values)
    return writeDoubles(out, state.values)
  }
  out.byte(payloadForm.condensed)
  out.double(state.min)
  out.double(state.max)
  out.byte(state.sketch.level)
  out.varint(state.sketch.zeros)
  writeBuckets(out, state.sketch.negatives)
  writeBuckets(out, state.sketch.positives)
}

/** Keys as the gap to the key before; the first one to 0. */
function writeBuckets(out: ByteWriter, buckets: readonly Bucket[]): void {
  out.varint(buckets.length)
  let before = 0
  for (const [i, [key, count]] of buckets.entries()) {
    out.varint(i === 0 ? zigzag(key) : key - before)
    out.varint(count)
    before = key
  }
}

function writeCounts(out: ByteWriter, counts: readonly ValueCount[] | null): void {
  out.byte(counts ? payloadForm.values : payloadForm.condensed)
  if (counts === null) return
  out.varint(counts.length)
  for (const [value, count] of counts) {
    out.double(value)
    out.varint(count)
  }
}

function writeDistinct(out: ByteWriter, state: DistinctState): void {
  if ('values' in state) {
    out.byte(payloadForm.values)
    return writeDoubles(out, state.values)
  }
  out.byte(payloadForm.condensed)
  out.varint(state.hashes.length)
  let before = -1
  for (const hash of state.hashes) {
    out.varint(hash - before)
    before = hash
  }
}

function writeEntries(out: ByteWriter, entries: readonly FinishedEntry[]): void {
  out.varint(entries.length)
  for (const { value, tags } of entries) {
    const text = Buffer.from(tagText(tags))
    if (text.length > tagTextBytesMax) throw new RangeError(`tags of ${text.length} bytes`)
    out.double(value)
    out.varint(text.length)
    out.append(text)
  }
}

function writeDoubles(out: ByteWriter, values: readonly number[]): void {
  out.varint(values.length)
  for (const value of values) out.double(value)
}
