import type { JournalFacts, JournalRow } from './journal-row.ts'

/**
 * What time it is at the controller, from below: the latest it was heard to say, and what has passed here since. It never goes
 * back, over restarts of the agent neither, so that an order which was over once stays so; the clock of this machine has no say.
 */
export class ControllerTime {
  readonly #monotonic: () => number
  #heardMs: number
  #heardAt: number

  /** Begins with the latest time that the journal has seen. */
  constructor(monotonic: () => number, facts: JournalFacts, rows: readonly JournalRow[]) {
    this.#monotonic = monotonic
    this.#heardMs = Math.max(facts.floorMs, ...rows.map(({ issuedMs }) => issuedMs))
    this.#heardAt = monotonic()
  }

  /** Epoch ms, at most what it is. */
  now(): number {
    return Math.floor(this.#heardMs + this.#monotonic() - this.#heardAt)
  }

  /** The controller has said that it is this late. */
  hear(nowMs: number): void {
    if (nowMs <= this.now()) return
    this.#heardMs = nowMs
    this.#heardAt = this.#monotonic()
  }
}
