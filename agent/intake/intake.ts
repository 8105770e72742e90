import type { Logger } from '#protocol/runtime/logger.ts'
import { type Budget, Cardinality, type CardinalityOptions, type Talker } from '../store/cardinality.ts'
import type { Store } from '../store/store.ts'
import type { SampleSink } from './sink.ts'

/** Who made most series, most first. */
export interface TopTalkers {
  readonly prefixes: readonly Talker[]
  /** Addresses of carbon clients, and `sensors`; what they made since the start. */
  readonly clients: readonly Talker[]
}

/** Hears of every accepted sample, on the hot path: keep it short, never throw. */
export type SampleListener = (seriesId: number, timestampMs: number, value: number) => void

/**
 * The sink in front of the store: holds the budgets of new series and lets others (the publisher, the monitors) see each sample as
 * it comes, before it is on disk.
 */
export class Intake implements SampleSink {
  readonly #store: Store
  readonly #cardinality: Cardinality
  #counted = 0
  readonly #listeners: SampleListener[] = []
  #accepted = 0

  constructor(budgets: CardinalityOptions, deps: { readonly store: Store; readonly logger: Logger }) {
    this.#store = deps.store
    this.#cardinality = new Cardinality(budgets, (near) => deps.logger.warn(near, 'series_budget_near'))
    this.#countStored()
  }

  /** Adds one who hears of each sample from now on. */
  listen(listener: SampleListener): void {
    this.#listeners.push(listener)
  }

  seriesId(canonical: string, unit?: string, client?: string): number {
    const known = this.#store.findSeries(canonical)
    if (known !== undefined) return known
    this.#countStored()
    if (this.#cardinality.admit(canonical, client) !== undefined) return -1
    const id = this.#store.seriesId(canonical, unit)
    if (id < 0) this.#cardinality.withdraw(canonical, client)
    this.#counted = this.#store.seriesCount
    return id
  }

  append(seriesId: number, timestampMs: number, value: number): void {
    this.#accepted++
    this.#store.append(seriesId, timestampMs, value)
    for (const listener of this.#listeners) listener(seriesId, timestampMs, value)
  }

  get isFull(): boolean {
    return this.#store.isFull
  }

  drained(): Promise<void> {
    return this.#store.drained()
  }

  /** Samples taken since the start. */
  get accepted(): number {
    return this.#accepted
  }

  /** Times a new series was refused, by the budget that was full. */
  get refusedSeries(): Readonly<Record<Budget, number>> {
    return this.#cardinality.refused
  }

  /** At most `limit` of each. */
  topTalkers(limit: number): TopTalkers {
    return { prefixes: this.#cardinality.topPrefixes(limit), clients: this.#cardinality.topClients(limit) }
  }

  /** What is in the store and did not come through here: from before the start, or recorded by another way. */
  #countStored(): void {
    for (; this.#counted < this.#store.seriesCount; this.#counted++) {
      this.#cardinality.count(this.#store.seriesEntry(this.#counted).name)
    }
  }
}
