import type { WindowSeries } from '#controller/window/window-series.ts'
import { controllerHost, homeCloud } from '#protocol/subjects/subject.ts'
import { type OfferedResult, type Reading, type ReadingSource, sourceOf } from './reading.ts'

/** Somebody who takes the readings of some sources. */
export interface Taker {
  readonly tenant: string
  wants(source: ReadingSource): boolean
  take(reading: Reading): void
}

interface Route {
  readonly source: ReadingSource
  readonly takers: readonly Taker[]
  /** The takers are those of this generation of subscriptions. */
  readonly generation: number
}

/** Who takes which readings. What is wanted of a series is worked out once, and again when subscriptions have changed. */
export class Router {
  #takers: readonly Taker[] = []
  #generation = 0
  #routes = new WeakMap<WindowSeries, Route>()

  /** From now on these, all of them. */
  setTakers(takers: readonly Taker[]): void {
    this.#takers = takers
    this.#generation++
  }

  /**
   * A sample that a host sent. Results of the scope cross-cloud are left out: they were offered when they were made, and come back
   * because an agent of home recorded them.
   */
  hear(series: WindowSeries, timestampMs: number, value: number): void {
    if (this.#takers.length === 0) return
    const { source, takers } = this.#routeOf(series)
    for (const taker of takers) taker.take({ source, timestampMs, value })
  }

  /** A result of the controller's own; a value that is no number is unknown. */
  offer({ tenant, series, unit, timestampMs, value }: OfferedResult): void {
    if (this.#takers.length === 0 || !Number.isFinite(timestampMs)) return
    const known = value !== null && Number.isFinite(value) ? value : null
    const source = sourceOf({ tenant, cloud: homeCloud, host: controllerHost }, series, unit)
    for (const taker of this.#takersOf(source)) taker.take({ source, timestampMs, value: known })
  }

  #routeOf(series: WindowSeries): Route {
    const known = this.#routes.get(series)
    if (known?.generation === this.#generation) return known
    const source = known?.source ?? sourceOf(series.address, series.name, series.unit)
    const takers = source.scope === 'cross-cloud' ? [] : this.#takersOf(source)
    const route = { source, takers, generation: this.#generation }
    this.#routes.set(series, route)
    return route
  }

  #takersOf(source: ReadingSource): Taker[] {
    return this.#takers.filter((taker) => taker.tenant === source.tenant && taker.wants(source))
  }
}
