import { setTimeout as delay } from 'node:timers/promises'

/** Every reading of time and every wait goes through a Clock, so that tests and the simulation own time. */
export interface Clock {
  /** Wall clock, epoch milliseconds. May step. For timestamps only. */
  now(): number
  /** Monotonic milliseconds from an arbitrary start. For intervals, deadlines, schedules. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when aborted. Does not keep the process alive. */
  sleep(ms: number, signal?: AbortSignal | undefined): Promise<void>
  /** Calls `fn` once after `ms`; the returned function cancels. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal, ref: false } : { ref: false })
  },
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
