import { LanistaError } from '#protocol/errors.ts'
import type { BusState, BusStateChange } from './bus.ts'

/** Holds the present state of a bus and tells it to any number of readers; a slow reader skips to the newest. */
export class StateFeed {
  #current: BusStateChange
  #version = 1
  #wakers = new Set<() => void>()

  constructor(first: BusStateChange) {
    this.#current = first
  }

  get state(): BusState {
    return this.#current.state
  }

  get reason(): string {
    return this.#current.reason
  }

  /** `closed` is final: later changes are ignored. */
  set(state: BusState, reason: string): void {
    if (this.#current.state === 'closed') return
    this.#current = { state, reason }
    this.#version++
    const wakers = [...this.#wakers]
    this.#wakers.clear()
    for (const wake of wakers) wake()
  }

  /** See `Bus.states`. */
  async *states(signal?: AbortSignal | undefined): AsyncGenerator<BusStateChange> {
    let seen = 0
    for (;;) {
      if (seen === this.#version && !signal?.aborted) await this.#changedOrAborted(signal)
      if (signal?.aborted) return
      seen = this.#version
      const change = this.#current
      yield change
      if (change.state === 'closed') return
    }
  }

  async #changedOrAborted(signal: AbortSignal | undefined): Promise<void> {
    let wake = (): void => undefined
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    this.#wakers.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await woken
    this.#wakers.delete(wake)
    signal?.removeEventListener('abort', wake)
  }

  /** Resolves when `up`; rejects with the signal's reason, or CLOSED. */
  async up(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#current.state !== 'up') {
      if (this.#current.state === 'closed') throw new LanistaError('CLOSED', 'open a new bus: this one is closed')
      await this.#changed(signal)
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#wakers.delete(wake)
        reject(signal.reason)
      }
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#wakers.add(wake)
    })
  }
}
