import type { Bus, BusSubscription } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { parseAck, type SamplesAck } from '#protocol/messages/control.ts'
import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import { parseCanonical } from '#protocol/metrics/series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { encodeBatch, encodeDictionary } from '#protocol/samples/encoder.ts'
import type { SampleColumns } from '#protocol/samples/format.ts'
import { type Address, buildSubject, prefixOf } from '#protocol/subjects/subject.ts'
import { type ChosenSeries, matchChosen } from '../chosen-series.ts'
import type { SampleBatch, Store, StoreConsumer } from '../store/store.ts'
import { type DictionarySlice, UplinkWindow, type UplinkWindowOptions } from './uplink-window.ts'

export interface UplinkOptions extends UplinkWindowOptions {
  readonly address: Address
  /** What is sent to the controller. */
  readonly uplink: ChosenSeries
  /** Samples a message at most. Default 8,192. */
  readonly batchSamplesMax?: number | undefined
}

export interface UplinkDeps {
  readonly bus: Bus
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
}

export interface UplinkCounters {
  readonly batches: number
  readonly samples: number
  readonly bytes: number
  /** Batches offered again because no acknowledgement came in time or the way went down. */
  readonly resent: number
  readonly badAcks: number
}

/** Entries a dictionary message at most: 512-byte names keep it far below 1 MiB. */
const dictionaryEntriesMax = 1000
/** After a failure to read or send, ms. */
const failureWaitMs = 500

/**
 * Carries committed samples to the controller, fresh first, until each position is acknowledged. It sleeps until a commit,
 * an acknowledgement, a change of the bus, an overdue acknowledgement or a renewed rate: an idle agent has no ticks.
 */
export class Uplink {
  readonly #options: UplinkOptions
  readonly #deps: UplinkDeps
  readonly #consumer: StoreConsumer
  readonly #window: UplinkWindow
  #matches: SeriesMatcher
  #chosen: boolean[] = []
  readonly #subject: string
  readonly #stop = new AbortController()
  readonly #subscription: BusSubscription
  readonly #removeCommitListener: () => void
  #wake: (() => void) | undefined
  #isAwake = false
  readonly #running: Promise<void>
  readonly #following: Promise<void>
  #counters = { batches: 0, samples: 0, bytes: 0, resent: 0, badAcks: 0 }

  /** Starts at once. Throws SELECTOR_INVALID for a selector that does not parse. */
  constructor(options: UplinkOptions, deps: UplinkDeps) {
    this.#options = options
    this.#deps = deps
    this.#consumer = deps.store.consumer('uplink')
    this.#window = new UplinkWindow(options, deps.clock.monotonic())
    this.#matches = matchChosen(options.uplink)
    this.#subject = buildSubject(options.address, 'samples')
    this.#subscription = deps.bus.subscribe(`${prefixOf(options.address)}.control.ack.>`, ({ body }) =>
      this.#onAck(body),
    )
    this.#removeCommitListener = deps.store.onCommit(() => this.#awake())
    this.#running = this.#run()
    this.#following = this.#follow()
  }

  get counters(): UplinkCounters {
    return this.#counters
  }

  /** Samples committed and not acknowledged. */
  get lag(): number {
    return this.#consumer.lag
  }

  /**
   * Sends series of these selectors, too, from now on, in place of those said before; what was passed over stays so. Throws
   * SELECTOR_INVALID, and changes nothing then.
   */
  select(more: readonly string[]): void {
    const { uplink } = this.#options
    if (uplink === 'all') return
    this.#matches = matchChosen([...uplink, ...more])
    this.#chosen = []
  }

  /** Stops sending; what is unacknowledged stays in the store. Idempotent. */
  async close(): Promise<void> {
    this.#subscription.close()
    this.#removeCommitListener()
    this.#stop.abort()
    this.#awake()
    await Promise.all([this.#running, this.#following])
  }

  async #run(): Promise<void> {
    const { clock, bus, logger } = this.#deps
    let isUp = false
    while (!this.#stop.signal.aborted) {
      if (isUp && bus.state !== 'up') this.#release(this.#window.down())
      isUp = bus.state === 'up'
      this.#release(this.#window.overdue(clock.monotonic()))
      let waitMs = Number.POSITIVE_INFINITY
      try {
        if (isUp) waitMs = await this.#sendAll()
      } catch (error) {
        if (!isLanistaError(error, 'NOT_UP')) logger.error({ error: messageOf(error) }, 'uplink_failed')
        waitMs = failureWaitMs
      }
      await this.#pause(Math.min(waitMs, this.#window.overdueInMs(clock.monotonic())))
    }
  }

  /** Sends until there is nothing to send or no room to send it in; returns when to try again by itself, ms. */
  async #sendAll(): Promise<number> {
    const { clock, bus } = this.#deps
    while (bus.state === 'up' && !this.#stop.signal.aborted) {
      const room = Math.min(this.#options.batchSamplesMax ?? 8192, this.#window.room(clock.monotonic()))
      if (room === 0) return this.#window.roomInMs()
      const batch = await this.#consumer.next(room)
      if (!batch) return Number.POSITIVE_INFINITY
      const chosen = this.#choose(batch)
      if (chosen.seriesIds.length === 0) this.#consumer.acknowledge([batch])
      else this.#send(chosen)
    }
    return Number.POSITIVE_INFINITY
  }

  #send(batch: SampleColumns): void {
    const { store, bus, clock } = this.#deps
    const highest = batch.seriesIds.reduce((a, b) => Math.max(a, b), 0)
    const slice = this.#window.sending({ from: batch.from, to: batch.to }, highest, clock.monotonic())
    if (slice) this.#sendDictionary(slice)
    const body = encodeBatch(store.storeId, batch)
    bus.publish(this.#subject, body)
    this.#counters.batches++
    this.#counters.samples += batch.seriesIds.length
    this.#counters.bytes += body.length
  }

  #sendDictionary(slice: DictionarySlice): void {
    const { store, bus } = this.#deps
    for (let first = slice.from; first < slice.to; first += dictionaryEntriesMax) {
      const count = Math.min(dictionaryEntriesMax, slice.to - first)
      const entries = Array.from({ length: count }, (_, i) => store.seriesEntry(first + i))
      const body = encodeDictionary(store.storeId, first, entries)
      bus.publish(this.#subject, body)
      this.#counters.bytes += body.length
    }
  }

  #onAck(body: Uint8Array): void {
    let ack: SamplesAck
    try {
      ack = parseAck(body)
    } catch (error) {
      this.#counters.badAcks++
      this.#deps.logger.warn({ error: messageOf(error) }, 'ack_refused')
      return
    }
    if (ack.storeId !== this.#deps.store.storeId) return
    this.#consumer.acknowledge(ack.ranges)
    this.#release(this.#window.acknowledged(ack))
    this.#awake()
  }

  #release(ranges: readonly { from: number; to: number }[]): void {
    for (const range of ranges) this.#consumer.release(range)
    this.#counters.resent += ranges.length
  }

  /** The samples of the batch that the controller asked for; the range stays whole. */
  #choose(batch: SampleBatch): SampleColumns {
    if (this.#options.uplink === 'all') return batch
    const kept: number[] = []
    for (let i = 0; i < batch.seriesIds.length; i++) if (this.#isChosen(batch.seriesIds[i] as number)) kept.push(i)
    return {
      from: batch.from,
      to: batch.to,
      positions: Float64Array.from(kept, (i) => batch.from + i),
      seriesIds: Uint32Array.from(kept, (i) => batch.seriesIds[i] as number),
      timestampsMs: Float64Array.from(kept, (i) => batch.timestampsMs[i] as number),
      values: Float64Array.from(kept, (i) => batch.values[i] as number),
    }
  }

  #isChosen(seriesId: number): boolean {
    this.#chosen[seriesId] ??= this.#matches(parseCanonical(this.#deps.store.seriesEntry(seriesId).name))
    return this.#chosen[seriesId]
  }

  #awake(): void {
    this.#isAwake = true
    this.#wake?.()
  }

  async #pause(waitMs: number): Promise<void> {
    if (!this.#isAwake && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const cancel = Number.isFinite(waitMs) ? this.#deps.clock.after(waitMs, resolve) : () => {}
        this.#wake = () => {
          cancel()
          resolve()
        }
      })
      this.#wake = undefined
    }
    this.#isAwake = false
  }

  /** Wakes at each change of the bus, until it is closed or we are. */
  async #follow(): Promise<void> {
    for await (const _ of this.#deps.bus.states(this.#stop.signal)) this.#awake()
  }
}
