import type { Detector } from '#protocol/instances/spec.ts'
import type { Detected, TaskDeps } from './run-task.ts'

interface Followed extends Omit<Detected, 'environment'> {
  readonly detector: Detector
}

type StopWatchDeps = Pick<TaskDeps, 'detectors' | 'environmentOf'>

/** Looks after one running component with its stop detector, until it is told to look after another or none. */
export class StopWatch {
  readonly #deps: StopWatchDeps
  readonly #onStopped: (reason: string) => void
  #text = ''
  #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  constructor(deps: StopWatchDeps, onStopped: (reason: string) => void) {
    this.#deps = deps
    this.#onStopped = onStopped
  }

  /** Goes on where nothing has changed. */
  follow(followed: Followed | undefined): void {
    const text = followed ? JSON.stringify([followed.detector, followed.place, followed.spec.generation]) : ''
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

  async #watch(followed: Followed, signal: AbortSignal, before: Promise<void>): Promise<void> {
    await before
    if (signal.aborted) return
    // a detector that cannot tell leaves it to the main process
    const reason = await this.#stopped(followed, signal).catch(() => undefined)
    if (reason !== undefined && !signal.aborted) this.#onStopped(reason)
  }

  async #stopped({ detector, ...target }: Followed, signal: AbortSignal): Promise<string> {
    const environment = await this.#deps.environmentOf(target.spec, target.place)
    return this.#deps.detectors.stopped(detector, { ...target, environment }, signal)
  }
}
