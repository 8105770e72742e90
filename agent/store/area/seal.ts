import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { BlockEncoder } from '../block/encoder.ts'
import { RowEncoder } from '../journal/row-encoder.ts'
import { rowSamplesMax } from '../journal/row-format.ts'
import { type Bucket, buckets, splitBucket } from '../memory/buckets.ts'
import type { OpenSamples } from '../memory/open-samples.ts'
import { orderByTime } from '../memory/time-order.ts'
import type { AreaWriter } from './area-writer.ts'
import type { BlockArea } from './block-area.ts'
import { dayMs, dayOf } from './day.ts'

/** Bytes of blocks collected before they are written. */
const batchBytes = 1024 * 1024
/** A series with fewer samples than this shares a page with its neighbours instead of having a block. */
const blockSamplesMin = 32

export interface SealOptions {
  /** Above every sequence used before. */
  readonly sequence: number
  /** Arrival positions of the samples. */
  readonly range: ArrivalRange
  /** Samples of earlier days are past retention and not kept. */
  readonly firstDay: number
  readonly sync: boolean
}

/**
 * Writes all samples: blocks of the series that have many, cut at midnight UTC and at the encoder's bound; pages of what neighbours
 * with few samples have together. Between batches other work gets its turn. May be repeated after a failure: with a higher sequence
 * the repeated ones win.
 * @returns how many samples were past retention
 */
export async function seal(
  samples: OpenSamples,
  area: BlockArea,
  encoder: BlockEncoder,
  options: SealOptions,
): Promise<number> {
  const writer = area.writer()
  const rows = new RowEncoder()
  let tooOld = 0
  for (const bucket of buckets(samples)) {
    const { dense, sparse } = splitBucket(bucket, blockSamplesMin)
    for (const { seriesId, timestampsMs, values } of dense) {
      const count = orderByTime(timestampsMs, values, timestampsMs.length)
      for (const { start, end, day } of cutDays(timestampsMs, count, encoder.samplesMax)) {
        if (day < options.firstDay) tooOld += end - start
        else writeBlock(writer, encoder, seriesId, timestampsMs, values, start, end, options)
      }
    }
    tooOld += writePages(writer, rows, bucket.group, sparse, options)
    if (writer.bytes >= batchBytes) await writer.write(options.sync)
  }
  await writer.write(options.sync)
  return tooOld
}

/** Encodes samples `start … end − 1`, all of one day, and puts them on the writer. */
export function writeBlock(
  writer: AreaWriter,
  encoder: BlockEncoder,
  seriesId: number,
  timestampsMs: Float64Array,
  values: Float64Array,
  start: number,
  end: number,
  of: { readonly sequence: number; readonly range: ArrivalRange },
): void {
  const block = encoder.encode(timestampsMs, values, start, end - start)
  writer.put({ seriesId, sequence: of.sequence }, of.range, block, {
    count: end - start,
    t0Ms: timestampsMs[start] as number,
    t1Ms: timestampsMs[end - 1] as number,
  })
}

/** One page for each day that the samples, in arrival order, lie in. */
function writePages(
  writer: AreaWriter,
  rows: RowEncoder,
  group: number,
  samples: Omit<Bucket, 'group'>,
  options: SealOptions,
): number {
  let tooOld = 0
  for (const { day, seriesIds, timestampsMs, values, minMs, maxMs } of byDay(samples)) {
    const count = seriesIds.length
    if (day < options.firstDay) {
      tooOld += count
      continue
    }
    const summary = { count, t0Ms: minMs, t1Ms: maxMs }
    for (let start = 0, part = 0; start < count; start += rowSamplesMax, part++) {
      const row = rows.encode(seriesIds, timestampsMs, values, start, Math.min(rowSamplesMax, count - start))
      const key = { day, group, sequence: options.sequence, part }
      writer.putPage(key, options.range, row, { ...summary, count: Math.min(rowSamplesMax, count - start) })
    }
  }
  return tooOld
}

interface DaySamples extends Omit<Bucket, 'group'> {
  readonly day: number
  readonly minMs: number
  readonly maxMs: number
}

/** Samples in their order, by day; nearly always they are all of one. */
function* byDay(samples: Omit<Bucket, 'group'>): Generator<DaySamples> {
  const spans = new Map<number, { minMs: number; maxMs: number; count: number }>()
  for (const time of samples.timestampsMs) {
    const day = dayOf(time)
    const span = spans.get(day) ?? { minMs: time, maxMs: time, count: 0 }
    spans.set(day, span)
    span.count++
    if (time < span.minMs) span.minMs = time
    if (time > span.maxMs) span.maxMs = time
  }
  for (const [day, { count, minMs, maxMs }] of spans) {
    if (count === samples.seriesIds.length) {
      yield { ...samples, day, minMs, maxMs }
      return
    }
    const isInside = (_: number, i: number): boolean => dayOf(samples.timestampsMs[i] as number) === day
    const seriesIds = samples.seriesIds.filter(isInside)
    const timestampsMs = samples.timestampsMs.filter(isInside)
    yield { day, minMs, maxMs, seriesIds, timestampsMs, values: samples.values.filter(isInside) }
  }
}

/** Cuts ordered samples at midnight and at `samplesMax`. */
export function* cutDays(
  timestampsMs: Float64Array,
  count: number,
  samplesMax: number,
): Generator<{ start: number; end: number; day: number }> {
  for (let start = 0; start < count; ) {
    const day = dayOf(timestampsMs[start] as number)
    const midnight = (day + 1) * dayMs
    const limit = Math.min(count, start + samplesMax)
    let end = limit
    if ((timestampsMs[limit - 1] as number) >= midnight) {
      end = start + 1
      while (end < limit && (timestampsMs[end] as number) < midnight) end++
    }
    yield { start, end, day }
    start = end
  }
}
