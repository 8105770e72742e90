/** Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a wait drawn evenly from [0, ceiling). */
export interface BackoffOptions {
  /** First ceiling, ms. Default 500. */
  readonly baseMs?: number | undefined
  /** Highest ceiling, ms. Default 30,000. */
  readonly capMs?: number | undefined
  /** Source of [0, 1), for tests. */
  readonly random?: (() => number) | undefined
}

/** Ceiling of the wait before attempt `attempt` (0 = first retry), ms: `min(cap, base * 2^attempt)`. */
export function backoffCeilingMs(attempt: number, options: BackoffOptions = {}): number {
  return Math.min(options.capMs ?? 30_000, (options.baseMs ?? 500) * 2 ** Math.min(attempt, 30))
}

/** One wait with full jitter, ms. */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  return (options.random ?? Math.random)() * backoffCeilingMs(attempt, options)
}
