/** Looks at running instances from time to time and tells once of each that has ended. */
import type { ProcessExit } from './instance-runtime.ts'
import type { RuntimeDeps } from './runtime-options.ts'

/** A third of the second within which an unexpected end must be known, ms. */
const intervalMs = 300

type ExitListener = (id: string, exit: ProcessExit) => void

export class ExitWatch {
  readonly #endOf: (id: string) => Promise<ProcessExit | undefined>
  readonly #deps: RuntimeDeps
  readonly #listeners = new Set<ExitListener>()
  readonly #watched = new Set<string>()
  readonly #stop = new AbortController()
  readonly #loop: Promise<void>

  /** @param endOf how a watched instance ended; undefined while it runs */
  constructor(endOf: (id: string) => Promise<ProcessExit | undefined>, deps: RuntimeDeps) {
    this.#endOf = endOf
    this.#deps = deps
    this.#loop = this.#run()
  }

  /** From now on until its end has been told. */
  add(id: string): void {
    this.#watched.add(id)
  }

  remove(id: string): void {
    this.#watched.delete(id)
  }

  /** The returned function takes the listener away. */
  onExit(listener: ExitListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const id of this.#watched) await this.#look(id)
      await this.#deps.clock.sleep(intervalMs, this.#stop.signal).catch(() => {})
    }
  }

  async #look(id: string): Promise<void> {
    try {
      const exit = await this.#endOf(id)
      // it may have been removed while it was looked at
      if (exit && this.#watched.delete(id)) for (const listener of this.#listeners) listener(id, exit)
    } catch (error) {
      this.#deps.logger.warn({ id, error }, 'instance_look_failed')
    }
  }
}
