import { compare } from '#protocol/aggregation/combine.ts'
import type { SubscriptionFilter } from './subscription.ts'

/** What a filter remembers of one series. */
export interface Seen {
  readonly value: number | null
  readonly timestampMs: number
}

export interface Judged {
  readonly passes: boolean
  /** To be handed in with the next value of the series. */
  readonly seen: Seen
}

/**
 * Does a value pass? Pure. Values are judged in the order in which they come. The same value for the same time again is a repeat and
 * never passes: an aggregator that takes over says its windows again. `onChange` compares with the value before, unknown being a
 * value, and lets nothing pass that is older than that one: what a host sends of its past after an outage is no change of the
 * present. A comparison holds of no unknown value.
 * @param nowMs a timestamp ahead of it counts as now, so that a clock that ran ahead silences its host only until then
 */
export function judge(
  filter: SubscriptionFilter,
  before: Seen | undefined,
  { value, timestampMs }: Seen,
  nowMs: number,
): Judged {
  const isLate = before !== undefined && timestampMs < before.timestampMs
  const isSame = before !== undefined && before.value === value
  const isRepeat = isSame && before.timestampMs === timestampMs
  const seen = isLate ? before : { value, timestampMs: Math.min(timestampMs, nowMs) }
  const holds = filter.compare === undefined || compare(filter.compare.with, value, filter.compare.limit) === 1
  const isNews = !filter.onChange || !(isLate || isSame)
  return { passes: holds && isNews && !isRepeat, seen }
}
