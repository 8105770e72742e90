import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '#protocol/runtime/clock.ts'

/** Work at a stretch, ms: intake waits no longer than this for a query, but for one block being decoded. */
const stretchMs = 4

/** Lets everybody else in between stretches of work, and notices when the work has been given up. */
export class Breath {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #signal: AbortSignal
  #since: number

  constructor(clock: Pick<Clock, 'monotonic'>, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
    this.#since = clock.monotonic()
  }

  /** True when it is time to `take` one. */
  get isDue(): boolean {
    return this.#clock.monotonic() - this.#since >= stretchMs
  }

  /** Resolves after the event loop has gone round. Throws the signal's reason. */
  async take(): Promise<void> {
    await turn()
    this.#signal.throwIfAborted()
    this.#since = this.#clock.monotonic()
  }
}
