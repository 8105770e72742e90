import type { SampleSpan } from '#protocol/aggregation/span.ts'

/** A stretch without samples is a gap when it is longer than so many of the usual intervals of its series. */
export const gapIntervals = 3

/**
 * True when the samples of a window leave no gap in it, its edges included: none longer than three times the median interval, and none
 * longer than `everyMs`. What fell silent in a window has a value and does not stand for the whole of it.
 * @param fromMs beginning of the window; left out where it begins with its first sample
 * @param everyMs how often the window is looked at
 */
export function isWholeTime(span: SampleSpan, fromMs: number | undefined, beforeMs: number, everyMs: number): boolean {
  const { timestampsMs, start, end } = span
  if (end === start) return false
  const first = timestampsMs[start] as number
  const last = timestampsMs[end - 1] as number
  let longestMs = Math.max(beforeMs - last, fromMs === undefined ? 0 : first - fromMs)
  for (let i = start + 1; i < end; i++) {
    longestMs = Math.max(longestMs, (timestampsMs[i] as number) - (timestampsMs[i - 1] as number))
  }
  return longestMs <= everyMs || longestMs <= gapIntervals * medianIntervalMs(span)
}

/** The upper one of two; 0 for a sample alone. */
function medianIntervalMs({ timestampsMs, start, end }: SampleSpan): number {
  if (end - start < 2) return 0
  const intervals = new Float64Array(end - start - 1)
  for (let i = 0; i < intervals.length; i++) {
    intervals[i] = (timestampsMs[start + i + 1] as number) - (timestampsMs[start + i] as number)
  }
  intervals.sort()
  return intervals[intervals.length >> 1] as number
}
