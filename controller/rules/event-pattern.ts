/** Patterns of events: a sequence of kinds, so many times, all within a time. One pass, bounded by the events given. */
import type { Truth } from '#protocol/aggregation/truth.ts'
import type { EventPattern } from '#protocol/monitors/rule.ts'
import type { EventsInput, RuleEvent } from './decision.ts'

/** A pattern's value, and how far it has got. */
export interface PatternSeen {
  readonly value: Truth
  /** Whole sequences seen. */
  readonly count: number
}

/**
 * Looks at the events of `(nowMs − within, nowMs]` in their order. Each event serves one sequence, the earliest it can, others may
 * come between; that finds as many sequences without overlap as there are. Not found = false, or unknown where events of that
 * stretch may have been missed.
 */
export function seesPattern(pattern: EventPattern, events: EventsInput, nowMs: number): PatternSeen {
  const fromMs = nowMs - pattern.withinMs
  let count = 0
  let next = 0
  for (let i = firstAfter(events.recent, fromMs); i < events.recent.length && count < pattern.count; i++) {
    const event = events.recent[i] as RuleEvent
    if (event.atMs > nowMs) break
    const wanted = pattern.sequence[next]
    if (!wanted || !fits(event, wanted)) continue
    next++
    if (next < pattern.sequence.length) continue
    next = 0
    count++
  }
  if (count >= pattern.count && pattern.sequence.length > 0) return { value: true, count }
  return { value: events.heardSinceMs > fromMs ? null : false, count }
}

/** The pattern in words. */
export function patternText({ sequence, withinMs, count }: EventPattern): string {
  const kinds = sequence.map(({ kind, where }) => {
    const fields = Object.entries(where).map(([field, value]) => `${field}=${value}`)
    return fields.length === 0 ? kind : `${kind}{${fields.join(',')}}`
  })
  const times = count === 1 ? '' : ` ${count} times`
  return `events ${kinds.join(' then ')}${times} within ${withinMs / 1000} s`
}

function fits(event: RuleEvent, { kind, where }: EventPattern['sequence'][number]): boolean {
  return event.kind === kind && Object.entries(where).every(([field, value]) => event.fields[field] === value)
}

/** Index of the first event after a time; the events are in order. */
function firstAfter(events: readonly RuleEvent[], timeMs: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((events[middle] as RuleEvent).atMs <= timeMs) low = middle + 1
    else high = middle
  }
  return low
}
