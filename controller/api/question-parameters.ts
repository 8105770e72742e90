/** Parameters that several questions share: which series, which stretch of time. */
import { LanistaError } from '#protocol/errors.ts'
import { compileSelector, type SeriesMatcher } from '#protocol/metrics/selector.ts'
import { queryTimeMsMax } from '#protocol/query/ask.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { parseTime } from '#protocol/runtime/time.ts'
import type { Parameters } from './parameters.ts'

export interface RangeDeps {
  readonly clock: Pick<Clock, 'now'>
  /** What the operator may see. */
  readonly tenant: string
}

/** `match`, as written and compiled. Throws SELECTOR_INVALID. */
export function selectionOf({ match }: Parameters): { match: string | undefined; matches: SeriesMatcher | undefined } {
  return { match, matches: match === undefined ? undefined : compileSelector(match) }
}

/** `from` and `until`. Throws TIME_INVALID, QUERY_INVALID. */
export function rangeOf(
  { clock }: RangeDeps,
  { from, until }: Parameters,
): { fromMs: number | undefined; untilMs: number | undefined } {
  const nowMs = clock.now()
  const fromMs = from === undefined ? undefined : timeWithin(parseTime(from, nowMs))
  const untilMs = until === undefined ? undefined : timeWithin(parseTime(until, nowMs))
  if (fromMs !== undefined && untilMs !== undefined && fromMs > untilMs) {
    throw clash('from', `${fromMs} after until ${untilMs}`, 'a time before it')
  }
  return { fromMs, untilMs }
}

/** No sample is beyond these times. */
function timeWithin(timeMs: number): number {
  return Math.max(-queryTimeMsMax, Math.min(queryTimeMsMax, timeMs))
}

/** QUERY_INVALID for a parameter that contradicts another. */
export function clash(parameter: string, found: string, expected: string): LanistaError {
  return new LanistaError('QUERY_INVALID', `change the parameter ${parameter}: found ${found}, expected ${expected}`, {
    data: { issues: [{ parameter, found, expected }] },
  })
}
