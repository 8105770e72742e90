/**
 * Rates of counters, honest about what is not known: no rate for a first value, after a reset (the counter fell), or after a
 * gap of more than three intervals. So a rate is never negative and never a spike made of many missed intervals.
 */

/** Intervals that may lie between two values of a counter before it is a gap. */
const gapIntervals = 3

interface Seen {
  readonly value: number
  readonly round: number
}

export class CounterRates {
  readonly #gapMs: number
  #seen = new Map<string, Seen>()
  #round = 0
  #atMs: number | undefined
  #elapsedMs = 0

  /** @param intervalMs between two rounds when all goes well */
  constructor(intervalMs: number) {
    this.#gapMs = intervalMs * gapIntervals
  }

  /**
   * Opens a round at a monotonic time; every counter is then given once. Counters not given in the round before are forgotten,
   * so that devices which come and go cost no memory and start afresh.
   */
  begin(monotonicMs: number): void {
    for (const [key, seen] of this.#seen) {
      if (seen.round !== this.#round) this.#seen.delete(key)
    }
    this.#elapsedMs = this.#atMs === undefined ? 0 : monotonicMs - this.#atMs
    this.#atMs = monotonicMs
    this.#round++
  }

  /** What the counter grew by since the round before, or undefined where that is not known. */
  growth(key: string, value: number): number | undefined {
    const before = this.#seen.get(key)
    this.#seen.set(key, { value, round: this.#round })
    if (!before || value < before.value || this.#elapsedMs <= 0 || this.#elapsedMs > this.#gapMs) return undefined
    return value - before.value
  }

  /** Growth a second, or undefined where that is not known. */
  rate(key: string, value: number): number | undefined {
    const growth = this.growth(key, value)
    return growth === undefined ? undefined : (growth * 1000) / this.#elapsedMs
  }
}
