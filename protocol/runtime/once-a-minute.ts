import type { Clock } from './clock.ts'

/**
 * Keeps a repeated event from flooding the log: the first of each key passes at once, the rest are counted and
 * reported with the next one that passes, at most one a minute and key. At most 256 keys; beyond that one shared key.
 */
export class OnceAMinute {
  static readonly #keysMax = 256
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #seen = new Map<string, { passedAt: number; suppressed: number }>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Calls `log` with how many were suppressed since the last, or only counts. */
  pass(key: string, log: (suppressed: number) => void): void {
    const now = this.#clock.monotonic()
    const known = this.#seen.has(key) || this.#seen.size < OnceAMinute.#keysMax ? key : '*'
    const entry = this.#seen.get(known)
    if (entry && now - entry.passedAt < 60_000) {
      entry.suppressed++
      return
    }
    this.#seen.set(known, { passedAt: now, suppressed: 0 })
    log(entry?.suppressed ?? 0)
  }
}
