/**
 * Wall-clock stamps for monotonic ticks. Ticks are exactly one interval apart, and so should their timestamps be: a step that
 * never varies costs the store nothing, while a millisecond of jitter costs bits at every sample. So the wall clock is read
 * once, followed on the monotonic clock, and looked at again only to notice that the two have come apart.
 */

/** How far a stamp may be from the wall clock at the moment of the read, ms. */
const toleranceMs = 100

export class TickTime {
  #offsetMs: number | undefined
  #steps = 0

  /** Times the wall clock was found to have moved against the monotonic one; drift counts when it adds up to the tolerance. */
  get steps(): number {
    return this.#steps
  }

  /**
   * Epoch milliseconds, whole, of a read that was meant for the monotonic time `dueMs` and starts now. A read that is late by
   * more than the tolerance is stamped with the true time.
   */
  stamp(dueMs: number, monotonicMs: number, wallMs: number): number {
    const trueOffsetMs = wallMs - monotonicMs
    if (this.#offsetMs === undefined || Math.abs(trueOffsetMs - this.#offsetMs) > toleranceMs) {
      if (this.#offsetMs !== undefined) this.#steps++
      this.#offsetMs = Math.round(trueOffsetMs)
    }
    const isLate = monotonicMs - dueMs > toleranceMs
    return Math.round((isLate ? monotonicMs : dueMs) + this.#offsetMs)
  }
}
