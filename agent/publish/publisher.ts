import type { Bus } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { MetricMessage } from '#protocol/messages/metric.ts'
import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import { parseCanonical } from '#protocol/metrics/series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type Address, metricSubject } from '#protocol/subjects/subject.ts'
import { type ChosenSeries, matchChosen } from '../chosen-series.ts'
import type { Store } from '../store/store.ts'
import { PublishQueue, type PublishQueueOptions } from './publish-queue.ts'

export interface PublisherOptions extends PublishQueueOptions {
  readonly address: Address
  /** What operators may hear. */
  readonly publish: ChosenSeries
}

export interface PublisherDeps {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
}

export interface PublisherCounters {
  readonly published: number
  /** Values that came due while the bus was not up. */
  readonly notUp: number
  /** Series never published because their subject would be over 1,024 bytes or 100 tokens. */
  readonly unnameable: number
}

/** Where a series goes; `undefined` = nowhere. */
interface Route {
  readonly subject: string
  readonly head: Pick<MetricMessage, 'unit' | 'tags'>
}

const retryMs = 100

/**
 * Publishes the newest value of each chosen series on `lanista.T.C.H.metric.<name>`, within a turn of the event loop when
 * the series has been quiet for a second.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #deps: PublisherDeps
  readonly #queue: PublishQueue
  readonly #matches: SeriesMatcher
  readonly #routes: (Route | undefined)[] = []
  #isScheduled = false
  #cancelRetry: (() => void) | undefined
  #published = 0
  #notUp = 0
  #unnameable = 0

  /** Throws SELECTOR_INVALID for a selector that does not parse. */
  constructor(options: PublisherOptions, deps: PublisherDeps) {
    this.#options = options
    this.#deps = deps
    this.#queue = new PublishQueue(options)
    this.#matches = matchChosen(options.publish)
  }

  /** Notes an accepted sample; the message follows in this turn of the event loop, or when the series is due again. */
  note(seriesId: number, timestampMs: number, value: number): void {
    if (!this.#queue.note(seriesId, timestampMs, value) || this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#flush())
  }

  get counters(): PublisherCounters {
    return { published: this.#published, notUp: this.#notUp, unnameable: this.#unnameable }
  }

  close(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
  }

  #flush(): void {
    this.#isScheduled = false
    for (const { seriesId, timestampMs, value } of this.#queue.take(this.#deps.clock.monotonic())) {
      const route = this.#routeOf(seriesId)
      if (!route) continue
      if (this.#deps.bus.state !== 'up') {
        this.#notUp++
        continue
      }
      this.#send(route, { t: timestampMs, v: value, ...route.head })
    }
    if (this.#queue.size > 0 && this.#cancelRetry === undefined) {
      this.#cancelRetry = this.#deps.clock.after(retryMs, () => {
        this.#cancelRetry = undefined
        this.#flush()
      })
    }
  }

  #send(route: Route, message: MetricMessage): void {
    try {
      this.#deps.bus.publish(route.subject, encodeJson(message))
      this.#published++
    } catch (error) {
      if (!isLanistaError(error, 'NOT_UP')) throw error
      this.#notUp++
    }
  }

  #routeOf(seriesId: number): Route | undefined {
    if (!(seriesId in this.#routes)) this.#routes[seriesId] = this.#makeRoute(seriesId)
    return this.#routes[seriesId]
  }

  #makeRoute(seriesId: number): Route | undefined {
    const { name, unit } = this.#deps.store.seriesEntry(seriesId)
    const series = parseCanonical(name)
    if (!this.#matches(series)) return undefined
    const tags = Object.keys(series.tags).length > 0 ? { tags: series.tags } : {}
    try {
      return {
        subject: metricSubject(this.#options.address, series.name),
        head: { ...(unit ? { unit } : {}), ...tags },
      }
    } catch (error) {
      if (!isLanistaError(error)) throw error
      this.#unnameable++
      return undefined
    }
  }
}
