import type { Store } from '../store/store.ts'
import type { SampleSink } from './sink.ts'

export interface IntakeOptions {
  /** Series the store may hold; above it new ones are refused and known ones go on. */
  readonly seriesMax: number
}

/** Hears of every accepted sample, on the hot path: keep it short, never throw. */
export type SampleListener = (seriesId: number, timestampMs: number, value: number) => void

/**
 * The sink in front of the store: holds the cardinality budget and lets one listener (the publisher) see each sample as it
 * comes, before it is on disk.
 */
export class Intake implements SampleSink {
  readonly #store: Store
  readonly #seriesMax: number
  #listener: SampleListener | undefined
  #refusedSeries = 0
  #accepted = 0

  constructor(options: IntakeOptions, deps: { readonly store: Store }) {
    this.#store = deps.store
    this.#seriesMax = options.seriesMax
  }

  /** Sets who hears of each sample from now on. */
  listen(listener: SampleListener): void {
    this.#listener = listener
  }

  seriesId(canonical: string, unit?: string): number {
    const known = this.#store.findSeries(canonical)
    if (known !== undefined) return known
    if (this.#store.seriesCount >= this.#seriesMax) {
      this.#refusedSeries++
      return -1
    }
    return this.#store.seriesId(canonical, unit)
  }

  append(seriesId: number, timestampMs: number, value: number): void {
    this.#accepted++
    this.#store.append(seriesId, timestampMs, value)
    this.#listener?.(seriesId, timestampMs, value)
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

  /** Times a new series was refused because the budget was full. */
  get refusedSeries(): number {
    return this.#refusedSeries
  }
}
