/**
 * Samples of one series in time order, as columns; `start` (inclusive) and `end` (exclusive) cut out a window without copying.
 */
export interface SampleSpan {
  /** Epoch milliseconds, ascending. */
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly start: number
  readonly end: number
}

/** Pairs `[timestampMs, value]` in time order as a span. */
export function spanOf(pairs: readonly (readonly [timestampMs: number, value: number])[]): SampleSpan {
  return {
    timestampsMs: Float64Array.from(pairs, ([timestampMs]) => timestampMs),
    values: Float64Array.from(pairs, ([, value]) => value),
    start: 0,
    end: pairs.length,
  }
}

/** The part of a span with `fromMs ≤ timestamp < beforeMs`. */
export function spanBetween(span: SampleSpan, fromMs: number, beforeMs: number): SampleSpan {
  const start = firstAtOrAfter(span, fromMs)
  return { ...span, start, end: Math.max(start, firstAtOrAfter(span, beforeMs)) }
}

function firstAtOrAfter(span: SampleSpan, timeMs: number): number {
  let low = span.start
  let high = span.end
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((span.timestampsMs[middle] as number) < timeMs) low = middle + 1
    else high = middle
  }
  return low
}
