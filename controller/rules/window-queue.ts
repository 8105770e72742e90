/** Which windows of an application are to be judged, and when each no longer waits for its results. Pure but for its own state. */

/** Windows of one application that wait at most; beyond it the oldest is judged with what there is. */
const waitingMax = 8

export interface WaitingWindow {
  readonly windowEndMs: number
  /** Monotonic ms. */
  readonly deadlineMs: number
}

export class WindowQueue {
  readonly #lastEndMs = new Map<number, number>()
  #waiting: WaitingWindow[] = []

  /** @param periods of the rules, ms; the windows that are open at `nowMs` are taken for judged */
  constructor(periods: Iterable<number>, nowMs: number) {
    for (const everyMs of periods) this.#lastEndMs.set(everyMs, endOf(everyMs, nowMs))
  }

  /**
   * Adds the windows that have ended by `nowMs`: of each period the last one alone, so that a pause or a step of the clock is
   * not caught up with, and one that went back judges again (under the same ids).
   */
  open(nowMs: number, monotonicMs: number, delayMs: number): void {
    const ends = new Set<number>()
    for (const [everyMs, lastMs] of this.#lastEndMs) {
      const endMs = endOf(everyMs, nowMs)
      if (endMs === lastMs) continue
      this.#lastEndMs.set(everyMs, endMs)
      if (!this.#waiting.some(({ windowEndMs }) => windowEndMs === endMs)) ends.add(endMs)
    }
    for (const windowEndMs of [...ends].sort((a, b) => a - b)) {
      this.#waiting.push({ windowEndMs, deadlineMs: monotonicMs + windowEndMs + delayMs - nowMs })
    }
  }

  /** The next window to judge: the oldest, once it has its results, is overdue, or too many wait behind it. */
  take(monotonicMs: number, isComplete: (windowEndMs: number) => boolean): number | undefined {
    const [oldest] = this.#waiting
    if (!oldest) return undefined
    const isDue =
      this.#waiting.length > waitingMax || monotonicMs >= oldest.deadlineMs || isComplete(oldest.windowEndMs)
    if (!isDue) return undefined
    this.#waiting = this.#waiting.slice(1)
    return oldest.windowEndMs
  }

  /** How long nothing happens by itself, ms. */
  quietMs(nowMs: number, monotonicMs: number): number {
    const [oldest] = this.#waiting
    let quietMs = oldest ? oldest.deadlineMs - monotonicMs : Number.POSITIVE_INFINITY
    for (const everyMs of this.#lastEndMs.keys()) quietMs = Math.min(quietMs, endOf(everyMs, nowMs) + everyMs - nowMs)
    return Math.max(0, quietMs)
  }
}

function endOf(everyMs: number, nowMs: number): number {
  return Math.floor(nowMs / everyMs) * everyMs
}
