import type { BlockArea } from '../area/block-area.ts'
import { dayOf } from '../area/day.ts'
import { overlapGroups } from '../area/overlap.ts'
import type { Samples, SeriesReader, Source } from '../area/series-reader.ts'
import type { BlockHeader } from '../block/format.ts'
import type { Memory } from '../memory/memory.ts'
import { mergeRuns, orderByTime } from '../memory/time-order.ts'

/** What one series is read from. */
export interface SeriesSources {
  readonly memory: Memory
  readonly local: BlockArea
  readonly reader: SeriesReader
}

/** Both ends inclusive. */
export interface TimeRange {
  readonly fromMs: number
  readonly untilMs: number
}

/** A stretch of one series: its samples, or a block's header where that is enough. */
export type SeriesPiece =
  | { readonly kind: 'samples'; readonly samples: Samples }
  | { readonly kind: 'header'; readonly header: BlockHeader }

/**
 * One series in a range, in time order, each time once (last write wins), piece by piece: a piece is what overlaps in time, rarely
 * more than a block or two. What memory has is read first, so nothing is missed that is sealed meanwhile.
 * @param takesHeader asked for each block that overlaps nothing and lies within the range; true = its header will do
 */
export async function* readSeries(
  sources: SeriesSources,
  seriesId: number,
  range: TimeRange,
  takesHeader: (header: BlockHeader) => boolean = () => false,
): AsyncGenerator<SeriesPiece> {
  const open = openOf(sources.memory, seriesId, range)
  const { reader } = sources
  let from = 0
  for (const day of daysOf(sources.local, range)) {
    const found = await reader.sources(day, seriesId)
    const inside = found.filter(({ t0Ms, t1Ms }) => t1Ms >= range.fromMs && t0Ms <= range.untilMs)
    for (const group of overlapGroups(inside)) {
      const first = group[0] as Source
      const start = firstAfter(open.timestampsMs, first.t0Ms - 1, from)
      const to = firstAfter(open.timestampsMs, endOf(group), start)
      if (start > from) yield { kind: 'samples', samples: sliceOf(open, from, start) }
      from = to
      const header = first.block?.header
      const isWhole =
        header && group.length === 1 && start === to && first.t0Ms >= range.fromMs && first.t1Ms <= range.untilMs
      if (isWhole && takesHeader(header)) {
        yield { kind: 'header', header }
        continue
      }
      const sealed = { ...cut(await reader.merge(group), range), rank: 0 }
      const samples = mergeRuns([sealed, { ...sliceOf(open, start, to), rank: 1 }])
      if (samples.timestampsMs.length > 0) yield { kind: 'samples', samples }
    }
  }
  if (from < open.timestampsMs.length) yield { kind: 'samples', samples: sliceOf(open, from, open.timestampsMs.length) }
}

/** Days that may hold samples of the range, oldest first. */
export function daysOf(area: BlockArea, range: TimeRange): number[] {
  const [first, last] = [dayOf(range.fromMs), dayOf(range.untilMs)]
  return area.days.filter((day) => {
    if (day < first || day > last) return false
    const { minMs, maxMs } = area.facts(day)
    return maxMs >= range.fromMs && minMs <= range.untilMs
  })
}

/** What memory has of the series in the range, ordered; of two samples at one time the later arrival. */
function openOf(memory: Memory, seriesId: number, range: TimeRange): Samples {
  const parts = memory.parts.filter(
    (part) => part.count > 0 && part.maxMs >= range.fromMs && part.minMs <= range.untilMs,
  )
  const runs = parts.map((part, rank) => {
    const count = part.countOf(seriesId)
    const timestampsMs = new Float64Array(count)
    const values = new Float64Array(count)
    part.gather(seriesId, timestampsMs, values)
    const ordered = orderByTime(timestampsMs, values, count)
    return {
      rank,
      ...cut({ timestampsMs: timestampsMs.subarray(0, ordered), values: values.subarray(0, ordered) }, range),
    }
  })
  return mergeRuns(runs)
}

/** The part of ordered samples that lies in the range. */
export function cut(samples: Samples, range: TimeRange): Samples {
  const { timestampsMs } = samples
  const count = timestampsMs.length
  if (count === 0) return samples
  if ((timestampsMs[0] as number) >= range.fromMs && (timestampsMs[count - 1] as number) <= range.untilMs)
    return samples
  return sliceOf(samples, firstAfter(timestampsMs, range.fromMs - 1, 0), firstAfter(timestampsMs, range.untilMs, 0))
}

function sliceOf({ timestampsMs, values }: Samples, from: number, to: number): Samples {
  return { timestampsMs: timestampsMs.subarray(from, to), values: values.subarray(from, to) }
}

/** Index of the first timestamp above `ms`, at or after `from`. */
function firstAfter(timestampsMs: Float64Array, ms: number, from: number): number {
  let [low, high] = [from, timestampsMs.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((timestampsMs[middle] as number) <= ms) low = middle + 1
    else high = middle
  }
  return low
}

function endOf(group: readonly Source[]): number {
  return group.reduce((end, { t1Ms }) => Math.max(end, t1Ms), Number.NEGATIVE_INFINITY)
}
