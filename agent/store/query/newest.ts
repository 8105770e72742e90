import { dayMs } from '../area/day.ts'
import type { Samples } from '../area/series-reader.ts'
import { daysOf, readSeries, type SeriesSources, type TimeRange } from './series-query.ts'

/**
 * The newest sample of a series in a range, undefined when there is none: looks at days from the newest back, at blocks by their headers
 * alone. A range between two days that have blocks may still have samples in memory.
 */
export async function newestOf(
  sources: SeriesSources,
  seriesId: number,
  range: TimeRange,
): Promise<Samples | undefined> {
  let { untilMs } = range
  for (const day of daysOf(sources.local, range).toReversed()) {
    const fromMs = Math.max(range.fromMs, day * dayMs)
    const newest = await lastOf(sources, seriesId, { fromMs, untilMs })
    if (newest || fromMs === range.fromMs) return newest
    untilMs = fromMs - 1
  }
  return lastOf(sources, seriesId, { fromMs: range.fromMs, untilMs })
}

async function lastOf(sources: SeriesSources, seriesId: number, range: TimeRange): Promise<Samples | undefined> {
  let newest: Samples | undefined
  for await (const piece of readSeries(sources, seriesId, range, () => true)) {
    if (piece.kind === 'header') {
      newest = { timestampsMs: Float64Array.of(piece.header.t1Ms), values: Float64Array.of(piece.header.last) }
    } else if (piece.samples.timestampsMs.length > 0) {
      newest = { timestampsMs: piece.samples.timestampsMs.slice(-1), values: piece.samples.values.slice(-1) }
    }
  }
  return newest
}
