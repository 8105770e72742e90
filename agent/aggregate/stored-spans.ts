import type { SampleSpan } from '#protocol/aggregation/span.ts'
import type { HistoryStore } from '../store/store.ts'

/** What is asked for samples: an own store, or copies of another host's. */
export type SpanSource = Pick<HistoryStore, 'read'>

/** A stretch of some series, `fromMs` inclusive, `beforeMs` exclusive. */
export interface SpanRequest {
  readonly seriesIds: readonly number[]
  readonly fromMs: number
  readonly beforeMs: number
}

export const emptySpan: SampleSpan = {
  timestampsMs: new Float64Array(0),
  values: new Float64Array(0),
  start: 0,
  end: 0,
}

/**
 * Samples read at once, so that windows can be evaluated without waiting: by the name of the series, without those that have none.
 * Rejects with QUERY_TOO_LARGE, and with the signal's reason.
 */
export async function readSpans(
  source: SpanSource,
  { seriesIds, fromMs, beforeMs }: SpanRequest,
  signal: AbortSignal,
): Promise<Map<string, SampleSpan>> {
  const spans = new Map<string, SampleSpan>()
  const request = { seriesIds, fromMs, untilMs: beforeMs - 1, matches: () => true, signal }
  for await (const { name, timestampsMs, values } of source.read(request)) {
    const before = spans.get(name)
    const span = { timestampsMs, values, start: 0, end: values.length }
    spans.set(name, before === undefined ? span : joined(before, span))
  }
  return spans
}

function joined(a: SampleSpan, b: SampleSpan): SampleSpan {
  const both = (first: Float64Array, second: Float64Array): Float64Array => {
    const column = new Float64Array(first.length + second.length)
    column.set(first)
    column.set(second, first.length)
    return column
  }
  const timestampsMs = both(a.timestampsMs, b.timestampsMs)
  return { timestampsMs, values: both(a.values, b.values), start: 0, end: timestampsMs.length }
}
