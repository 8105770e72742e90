/**
 * Follows an engine: its events are hints, a list from time to time is the truth, which costs one request while nothing has changed. Tells once
 * of each watched instance that has ended, and of the engine going away and coming back; what runs is unknown meanwhile, not dead.
 */
import type Docker from 'dockerode'
import { messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import { LineSplitter } from '../log/line-splitter.ts'
import { labelNames, ownLabels } from './docker-place.ts'
import type { FoundInstance, RuntimeEvent } from './instance-runtime.ts'
import { unseenExit } from './process-exit.ts'
import type { DockerRuntimeOptions, RuntimeDeps } from './runtime-options.ts'

/** Lists left out while nothing is watched and the engine was there: then only the events keep an eye on it. */
const idleLists = 12

/** What it needs of the runtime; both throw RUNTIME_UNAVAILABLE. */
export interface Lookout {
  /** Ids of all of ours, and whether the container is up, which one that waits for its start is too. */
  list(signal: AbortSignal): Promise<ReadonlyMap<string, boolean>>
  find(id: string, signal: AbortSignal): Promise<FoundInstance | undefined>
  /** The engine was gone for a while in this time, epoch ms: what ended then may have been ended by it. */
  wasAway(fromMs: number, untilMs: number): void
}

export class DockerWatch {
  readonly #engine: Docker
  readonly #options: DockerRuntimeOptions
  readonly #deps: RuntimeDeps
  readonly #lookout: Lookout
  readonly #listeners = new Set<(event: RuntimeEvent) => void>()
  readonly #watched = new Set<string>()
  readonly #stop = new AbortController()
  readonly #loops: Promise<unknown>
  #isAvailable = false
  #isFirst = true
  #isHearing = false
  #answeredMs: number
  /** When the engine answered last before its events broke off; undefined while they have not. */
  #unheardFromMs: number | undefined

  constructor(engine: Docker, options: DockerRuntimeOptions, deps: RuntimeDeps, lookout: Lookout) {
    this.#engine = engine
    this.#options = options
    this.#deps = deps
    this.#lookout = lookout
    this.#answeredMs = deps.clock.now()
    this.#loops = Promise.all([this.#listAgainAndAgain(), this.#hearAgainAndAgain()])
  }

  get isAvailable(): boolean {
    return this.#isAvailable
  }

  /** Watches a started instance until its end has been told: at once, where it has ended already. */
  addFound(found: FoundInstance): void {
    this.#watched.add(found.id)
    if (found.state !== 'running') this.#deps.clock.after(0, () => this.#judge(found.id, found))
  }

  remove(id: string): void {
    this.#watched.delete(id)
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Lists at once: for the first look of a new agent. Never throws: an engine that is away is a state. */
  async look(): Promise<void> {
    const watchedBefore = [...this.#watched]
    const { signal } = this.#stop
    try {
      const ups = await this.#lookout.list(signal)
      this.#noteAnswer()
      this.#setAvailable(true, 'the engine answers')
      for (const id of watchedBefore) if (!ups.get(id)) this.#judge(id, await this.#lookout.find(id, signal))
      for (const [id, isUp] of ups) if (isUp && !this.#watched.has(id)) await this.#adopt(id)
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#setAvailable(false, messageOf(error))
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loops
  }

  async #listAgainAndAgain(): Promise<void> {
    const { signal } = this.#stop
    for (let passed = 1; !signal.aborted; passed++) {
      await this.#deps.clock.sleep(this.#options.listIntervalMs, signal).catch(() => {})
      const isIdle = this.#watched.size === 0 && this.#isAvailable
      if (!signal.aborted && !(isIdle && passed % idleLists !== 0)) await this.look()
    }
  }

  async #hearAgainAndAgain(): Promise<void> {
    const { signal } = this.#stop
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#hear(signal, () => {
          attempt = 0
          this.#isHearing = true
        })
      } catch (error) {
        if (!signal.aborted) this.#deps.logger.debug({ error: messageOf(error) }, 'engine_events_lost')
      }
      if (this.#isHearing) this.#unheardFromMs ??= this.#answeredMs
      this.#isHearing = false
      if (!signal.aborted && this.#isAvailable) await this.look()
      await this.#deps.clock.sleep(backoffMs(attempt, { capMs: 5000 }), signal).catch(() => {})
    }
  }

  async #hear(signal: AbortSignal, onHeard: () => void): Promise<void> {
    const label = Object.entries(ownLabels(this.#options)).map(([name, value]) => `${name}=${value}`)
    const filters = { type: ['container'], event: ['die'], label }
    const stream = await this.#engine.getEvents({ filters: JSON.stringify(filters), abortSignal: signal })
    onHeard()
    await this.look()
    const splitter = new LineSplitter()
    for await (const chunk of stream) {
      for (const line of splitter.push(Buffer.from(chunk))) await this.#take(line)
    }
  }

  /** An engine whose events broke off may have been another process meanwhile; one whose socket alone was gone goes on telling. */
  #noteAnswer(): void {
    const nowMs = this.#deps.clock.now()
    if (this.#unheardFromMs !== undefined) this.#lookout.wasAway(this.#unheardFromMs, nowMs)
    if (this.#isHearing) this.#unheardFromMs = undefined
    this.#answeredMs = nowMs
  }

  /** One of an earlier agent's, or started just now. */
  async #adopt(id: string): Promise<void> {
    if ((await this.#lookout.find(id, this.#stop.signal))?.state === 'running') this.#watched.add(id)
  }

  async #take(line: string): Promise<void> {
    const id = instanceOf(line)
    if (id === undefined || !this.#watched.has(id)) return
    this.#judge(id, await this.#lookout.find(id, this.#stop.signal))
  }

  /** One that was watched and is not there any more has ended unseen. */
  #judge(id: string, found: FoundInstance | undefined): void {
    if (found?.state === 'running' || !this.#watched.delete(id)) return
    this.#tell({ kind: 'exited', id, exit: found?.exit ?? unseenExit })
  }

  #setAvailable(isAvailable: boolean, reason: string): void {
    const isNews = this.#isAvailable !== isAvailable && !(this.#isFirst && isAvailable)
    this.#isFirst = false
    this.#isAvailable = isAvailable
    if (!isNews) return
    this.#deps.logger.warn({ isAvailable, reason }, 'engine_availability_changed')
    this.#tell({ kind: 'availability', isAvailable, reason })
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function instanceOf(line: string): string | undefined {
  try {
    const event = JSON.parse(line) as { Actor?: { Attributes?: Record<string, string> } }
    return event.Actor?.Attributes?.[labelNames.instance]
  } catch {
    return undefined
  }
}
