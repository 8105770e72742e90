/**
 * Looks at what one runtime has: at once, when it says that it is back, and from time to time, as its events may be lost. What is ours and nobody
 * knows of is removed after a time of grace, in which the controller may order it again.
 */
import { messageOf } from '#protocol/errors.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { InstanceEvent } from './instance.ts'
import type { InstanceKeeper } from './instance-keeper.ts'
import type { FoundInstance, InstanceRuntime } from './runtime/instance-runtime.ts'

export interface RuntimeLookOptions {
  readonly isolation: InstanceSpec['isolation']
  /** Time between looks, ms. */
  readonly lookMs: number
  /** How long what is ours and unknown is left alone, ms. */
  readonly orphanGraceMs: number
}

export interface RuntimeLookDeps {
  readonly runtime: InstanceRuntime
  /** Those that run in this isolation now. */
  readonly keepers: () => readonly InstanceKeeper[]
  readonly clock: Clock
  readonly logger: Logger
}

/** Until a runtime that does not answer is asked again, where something waits for it, ms. */
const againMs = 1000
/** How long it may take to answer, ms. */
const answerMs = 30_000

export class RuntimeLook {
  readonly #options: RuntimeLookOptions
  readonly #deps: RuntimeLookDeps
  readonly #stop = new AbortController()
  readonly #orphans = new Map<string, { readonly found: FoundInstance; readonly sinceMs: number }>()
  readonly #forget: () => void
  #wake: () => void = () => {}
  #cancelSoon: (() => void) | undefined
  #isAsked = false
  #looking: Promise<void> = Promise.resolve()
  #reaped = 0

  constructor(options: RuntimeLookOptions, deps: RuntimeLookDeps) {
    this.#options = options
    this.#deps = deps
    this.#forget = deps.runtime.onEvent((event) => {
      if (event.kind === 'exited') return this.#send(event.id, { kind: 'exited', exit: event.exit })
      deps.logger.warn({ ...event, runtime: deps.runtime.kind }, 'runtime_availability')
      if (!event.isAvailable) this.#sendAll({ kind: 'unavailable' })
      this.now()
    })
  }

  /** Begins. Once. */
  start(): void {
    this.#looking = this.#loop()
  }

  /** Looks again at once. */
  now(): void {
    this.#isAsked = true
    this.#wake()
  }

  /** Looks again within a second: the runtime did not answer to something that was to be done. */
  soon(): void {
    if (this.#stop.signal.aborted) return
    this.#cancelSoon ??= this.#deps.clock.after(againMs, () => {
      this.#cancelSoon = undefined
      this.now()
    })
  }

  /** Something of ours that nobody knew of when it was looked last. */
  orphan(id: string): FoundInstance | undefined {
    return this.#orphans.get(id)?.found
  }

  /** Removed since the start because nobody knew of them. */
  get reaped(): number {
    return this.#reaped
  }

  /** Looks no more. Idempotent. */
  async close(): Promise<void> {
    this.#forget()
    this.#stop.abort()
    this.#cancelSoon?.()
    this.#wake()
    await this.#looking
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isAsked = false
      const isAnswered = await this.#look()
      const isAwaited = !isAnswered && this.#deps.keepers().length > 0
      if (!this.#isAsked) await this.#pause(isAwaited ? againMs : this.#options.lookMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stop.signal.aborted) return resolve()
      const cancel = this.#deps.clock.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  /** False when the runtime did not answer: then nothing is known. */
  async #look(): Promise<boolean> {
    const { runtime, keepers, logger } = this.#deps
    const idle = new Map(keepers().flatMap((keeper) => (keeper.isIdle ? [[keeper, keeper.tasks]] : [])))
    let list: readonly FoundInstance[]
    const late = new AbortController()
    const cancel = this.#deps.clock.after(answerMs, () => late.abort())
    try {
      list = await runtime.list(AbortSignal.any([this.#stop.signal, late.signal]))
    } catch (error) {
      if (this.#stop.signal.aborted) return true
      logger.debug({ runtime: runtime.kind, error: messageOf(error) }, 'runtime_silent')
      this.#sendAll({ kind: 'unavailable' })
      return false
    } finally {
      cancel()
    }
    const found = new Map(list.map((each) => [each.id, each]))
    for (const [keeper, tasks] of idle) {
      // what was begun meanwhile may not be in the list
      if (keeper.isIdle && keeper.tasks === tasks) {
        void keeper.send({ kind: 'found', found: found.get(keeper.row.spec.id) })
      }
    }
    await this.#reap(found)
    return true
  }

  async #reap(found: ReadonlyMap<string, FoundInstance>): Promise<void> {
    const { clock, keepers, logger, runtime } = this.#deps
    const known = new Set(keepers().map(({ row }) => row.spec.id))
    for (const id of this.#orphans.keys()) if (known.has(id) || !found.has(id)) this.#orphans.delete(id)
    for (const [id, each] of found) {
      if (known.has(id)) continue
      const sinceMs = this.#orphans.get(id)?.sinceMs ?? clock.monotonic()
      this.#orphans.set(id, { found: each, sinceMs })
      if (clock.monotonic() - sinceMs < this.#options.orphanGraceMs) continue
      logger.warn({ id, runtime: runtime.kind }, 'instance_orphan_removed')
      await runtime.destroy(id, this.#stop.signal).then(
        () => this.#reaped++,
        (error: unknown) => logger.warn({ id, error: messageOf(error) }, 'instance_orphan_left'),
      )
    }
  }

  #send(id: string, event: InstanceEvent): void {
    const keeper = this.#deps.keepers().find(({ row }) => row.spec.id === id)
    void keeper?.send(event)
  }

  #sendAll(event: InstanceEvent): void {
    for (const keeper of this.#deps.keepers()) if (keeper.isIdle) void keeper.send(event)
  }
}
