/**
 * Which series of this host are inputs of monitors, kept up by what happens: a set of monitors came, a series got its first sample. Every
 * series is looked at once for each set; what is no input costs one look into an array a sample from then on.
 */
import { parseCanonical } from '#protocol/metrics/series.ts'
import { type BoundSeries, forgetMsDefault, type KnownInstance, SeriesBinding } from '#protocol/monitors/binding.ts'
import type { HostPlace } from '#protocol/monitors/host-evaluation.ts'
import type { MonitorFilter } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Breath } from '../query/breath.ts'
import type { HistoryStore } from '../store/store.ts'
import { inputIndexOf, SelectorIndex } from './selector-index.ts'

export interface SeriesInputsDeps {
  readonly store: Pick<HistoryStore, 'read' | 'seriesCount' | 'seriesEntry'>
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
}

const unseen = 0
const noInput = 1
const input = 2

const everySeries = (): boolean => true

/** Series whose newest samples are looked up in one read. */
const lookUpMax = 1_000

export class SeriesInputs {
  readonly #deps: SeriesInputsDeps
  readonly #binding: SeriesBinding
  #index = new SelectorIndex([])
  #state = new Uint8Array(1024)
  #firstMs = new Float64Array(1024)
  #newestMs = new Float64Array(1024)
  /** Inputs with samples that the binding has not heard of. */
  #noted: number[] = []

  constructor(place: HostPlace, deps: SeriesInputsDeps) {
    this.#deps = deps
    this.#binding = new SeriesBinding(place)
  }

  /** Takes these plans in place of those before. Series that are only in the store are found by `find`. */
  select(plans: readonly ContextPlan[]): void {
    this.#index = inputIndexOf(plans)
    this.#state = this.#state.map((state) => (state === noInput ? unseen : state))
    this.#binding.select(plans)
  }

  /** Looks through the store for series that are inputs, those silent for longer than a day apart. Rejects with the signal's reason. */
  async find(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#deps
    const breath = new Breath(clock, signal)
    let found: number[] = []
    for (let id = 0; id < store.seriesCount; id++) {
      if (this.#stateOf(id) === unseen && this.#classify(id) === input) found.push(id)
      if (found.length >= lookUpMax) {
        await this.#lookUp(found, signal)
        found = []
      }
      if (breath.isDue) await breath.take()
    }
    await this.#lookUp(found, signal)
  }

  /** A sample was accepted: on the hot path. */
  note(seriesId: number, timestampMs: number): void {
    let state = this.#state[seriesId]
    if (state === noInput) return
    if (state === undefined || state === unseen) state = this.#classify(seriesId)
    if (state === noInput) return
    if (this.#newestMs[seriesId] === Number.NEGATIVE_INFINITY) {
      this.#noted.push(seriesId)
      this.#firstMs[seriesId] = timestampMs
      this.#newestMs[seriesId] = timestampMs
    } else if (timestampMs > (this.#newestMs[seriesId] as number)) this.#newestMs[seriesId] = timestampMs
    else if (timestampMs < (this.#firstMs[seriesId] as number)) this.#firstMs[seriesId] = timestampMs
  }

  /** An instance came to this host, or went. */
  instanceSeen(instance: KnownInstance): void {
    this.#binding.instanceSeen(instance)
  }

  /** Inputs of a raw monitor at a window end. */
  bound(application: string, of: string, filter: MonitorFilter, windowEndMs: number): readonly BoundSeries[] {
    this.#settle()
    return this.#binding.bound(application, of, filter, windowEndMs)
  }

  /** Tells the binding of samples noted since it was last asked. */
  #settle(): void {
    if (this.#noted.length === 0) return
    const noted = this.#noted
    this.#noted = []
    for (const id of noted) {
      this.#tell(id, this.#firstMs[id] as number, this.#newestMs[id] as number)
      this.#forget(id)
    }
  }

  #tell(id: number, firstMs: number, newestMs: number): void {
    const text = this.#deps.store.seriesEntry(id).name
    this.#binding.seriesSeen({ ...parseCanonical(text), text, firstMs, newestMs })
  }

  async #lookUp(seriesIds: readonly number[], signal: AbortSignal): Promise<void> {
    if (seriesIds.length === 0) return
    const { store, clock } = this.#deps
    const nowMs = clock.now()
    const range = { fromMs: nowMs - forgetMsDefault, untilMs: nowMs + forgetMsDefault }
    const request = { ...range, seriesIds, newest: true, matches: everySeries, signal }
    for await (const { seriesId, timestampsMs } of store.read(request)) {
      // when it began is not looked up: windows that are evaluated end after that, but for a few of a take-over
      this.#tell(seriesId, Number.NEGATIVE_INFINITY, timestampsMs[0] as number)
    }
  }

  #stateOf(id: number): number {
    return this.#state[id] ?? unseen
  }

  #classify(id: number): number {
    if (id >= this.#state.length) this.#grow(id)
    const takes = this.#index.takes(parseCanonical(this.#deps.store.seriesEntry(id).name))
    const state = takes ? input : noInput
    this.#state[id] = state
    if (takes) this.#forget(id)
    return state
  }

  #forget(id: number): void {
    this.#firstMs[id] = Number.POSITIVE_INFINITY
    this.#newestMs[id] = Number.NEGATIVE_INFINITY
  }

  #grow(id: number): void {
    const capacity = Math.max(id + 1, this.#state.length * 2)
    this.#state = copied(new Uint8Array(capacity), this.#state)
    this.#firstMs = copied(new Float64Array(capacity), this.#firstMs)
    this.#newestMs = copied(new Float64Array(capacity), this.#newestMs)
  }
}

function copied<T extends Uint8Array | Float64Array>(next: T, old: T): T {
  next.set(old)
  return next
}
