import type { Clock } from './clock.ts'

interface Timer {
  readonly at: number
  readonly fn: () => void
}

/** A clock that stands still until `advance` is called. Timers fire in order of their time, then of their making. */
export class FakeClock implements Clock {
  #wall: number
  #mono = 0
  #timers: Timer[] = []

  constructor(nowMs = 1_700_000_000_000) {
    this.#wall = nowMs
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#mono
  }

  sleep(ms: number, signal?: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#mono + Math.max(0, ms), fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves both clocks forward, firing what falls due on the way and letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#mono + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#move(due.at - this.#mono)
      due.fn()
      await settle()
    }
    this.#move(end - this.#mono)
    await settle()
  }

  /** Moves the wall clock alone, as an operator or NTP would. */
  step(ms: number): void {
    this.#wall += ms
  }

  #move(ms: number): void {
    this.#mono += ms
    this.#wall += ms
  }
}

/** Lets every promise continuation that is already due run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
  await new Promise<void>((resolve) => setImmediate(resolve))
}
