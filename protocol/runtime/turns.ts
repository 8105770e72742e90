import { LanistaError } from '#protocol/errors.ts'

/** How many may run at once, and how many may wait for that. */
export interface TurnsOptions {
  readonly atOnceMax: number
  readonly waitingMax: number
}

/** Lets work run a few at a time, in order of arrival; what waits too long leaves by its signal, and too many are refused. */
export class Turns {
  readonly #options: TurnsOptions
  #running = 0
  readonly #waiting = new Set<() => void>()

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Runs `work` when it is its turn. Throws BUSY, the signal's reason when it aborts while waiting, or what `work` throws. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    if (this.#running >= this.#options.atOnceMax) await this.#turn(signal)
    else this.#running++
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  /** Resolves with a turn taken over from somebody who is done. */
  #turn(signal: AbortSignal): Promise<void> {
    const { waitingMax } = this.#options
    if (this.#waiting.size >= waitingMax) {
      throw new LanistaError('BUSY', `ask later: ${waitingMax} others are waiting, expected less`)
    }
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.delete(start)
        reject(signal.reason)
      }
      this.#waiting.add(start)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #next(): void {
    const [start] = this.#waiting
    if (!start) {
      this.#running--
      return
    }
    this.#waiting.delete(start)
    start()
  }
}
