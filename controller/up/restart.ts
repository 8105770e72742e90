import { type BackoffOptions, backoffMs } from '#protocol/runtime/backoff.ts'
import type { RestartPolicy } from './plan.ts'

/** A child that ran at least this long was healthy: the next failure counts as the first again, ms. */
export const healthyAfterMs = 30_000

/** What to do about a child that has ended. */
export type RestartDecision =
  | { readonly kind: 'stay_dead' }
  | { readonly kind: 'restart'; readonly waitMs: number; readonly failures: number }

/**
 * @param failures ends in a row before this one
 * @param ranMs how long the child lived
 */
export function afterEnd(
  policy: RestartPolicy,
  failures: number,
  ranMs: number,
  backoff: BackoffOptions = {},
): RestartDecision {
  if (policy === 'never') return { kind: 'stay_dead' }
  const before = ranMs >= healthyAfterMs ? 0 : failures
  return { kind: 'restart', waitMs: backoffMs(before, backoff), failures: before + 1 }
}
