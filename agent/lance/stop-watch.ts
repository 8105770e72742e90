import type { Detector } from '#protocol/instances/spec.ts'
import type { Detected, Detectors } from './run-task.ts'

interface Followed {
  readonly detector: Detector
  readonly target: Detected
}

/** Looks after one running component with its stop detector, until it is told to look after another or none. */
export class StopWatch {
  readonly #detectors: Detectors
  readonly #onStopped: (reason: string) => void
  #text = ''
  #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  constructor(deps: { readonly detectors: Detectors }, onStopped: (reason: string) => void) {
    this.#detectors = deps.detectors
    this.#onStopped = onStopped
  }

  /** Goes on where nothing has changed. */
  follow(followed: Followed | undefined): void {
    const text = followed ? JSON.stringify([followed.detector, followed.target.place, followed.target.environment]) : ''
    if (text === this.#text) return
    this.#text = text
    this.#stop.abort()
    if (!followed) return
    this.#stop = new AbortController()
    this.#ended = this.#watch(followed, this.#stop.signal, this.#ended)
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.follow(undefined)
    await this.#ended
  }

  async #watch({ detector, target }: Followed, signal: AbortSignal, before: Promise<void>): Promise<void> {
    await before
    if (signal.aborted) return
    // a detector that cannot tell leaves it to the main process
    const reason = await this.#detectors.stopped(detector, target, signal).catch(() => undefined)
    if (reason !== undefined && !signal.aborted) this.#onStopped(reason)
  }
}
