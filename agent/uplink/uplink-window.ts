/**
 * The uplink's memory: what is on its way to the controller, how much of the series dictionary it has been told, how fast
 * backlog may flow. Pure: time and acknowledgements come in, what to send and what to offer again comes out. Whatever the
 * bus loses, repeats or reorders changes only when a range is acknowledged, never whether.
 */
import type { SamplesAck } from '#protocol/messages/control.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'

export interface UplinkWindowOptions {
  /** Batches unacknowledged at most. Default 8. */
  readonly batchesMax?: number | undefined
  /** An unacknowledged batch is offered again after this long, ms. Default 5,000. */
  readonly ackTimeoutMs?: number | undefined
  /** Samples a second at most, so that a backlog never crowds out the rest. Default 200,000. */
  readonly samplesPerSecondMax?: number | undefined
}

interface InFlight {
  readonly range: ArrivalRange
  readonly sentAtMs: number
}

/** Entries `from` … `to` − 1 of the series dictionary. */
export interface DictionarySlice {
  readonly from: number
  readonly to: number
}

/** At the rate's end nothing goes out for this long, ms: sending each sample as its token comes would be many messages. */
const rateWaitMs = 50

export class UplinkWindow {
  readonly #batchesMax: number
  readonly #ackTimeoutMs: number
  readonly #samplesPerSecondMax: number
  #inFlight: InFlight[] = []
  #dictionarySent = 0
  #tokens: number
  #refilledAtMs: number

  constructor(options: UplinkWindowOptions, nowMs: number) {
    this.#batchesMax = options.batchesMax ?? 8
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 5000
    this.#samplesPerSecondMax = options.samplesPerSecondMax ?? 200_000
    this.#tokens = this.#samplesPerSecondMax
    this.#refilledAtMs = nowMs
  }

  get inFlight(): number {
    return this.#inFlight.length
  }

  /** How many samples may be sent now; 0 when the window is full or the rate is spent. */
  room(nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#refilledAtMs)
    this.#refilledAtMs = nowMs
    this.#tokens = Math.min(this.#samplesPerSecondMax, this.#tokens + (elapsedMs / 1000) * this.#samplesPerSecondMax)
    return this.#inFlight.length < this.#batchesMax ? Math.floor(this.#tokens) : 0
  }

  /** Time until `room` can be above 0 again by waiting alone, ms; Infinity while only an acknowledgement can help. */
  roomInMs(): number {
    if (this.#inFlight.length >= this.#batchesMax) return Number.POSITIVE_INFINITY
    return this.#tokens >= 1 ? 0 : rateWaitMs
  }

  /** Notes that a batch goes out now. Returns the slice of the dictionary that must go out before it. */
  sending(range: ArrivalRange, highestSeriesId: number, nowMs: number): DictionarySlice | undefined {
    this.#tokens -= range.to - range.from + 1
    this.#inFlight.push({ range, sentAtMs: nowMs })
    if (highestSeriesId < this.#dictionarySent) return undefined
    const slice = { from: this.#dictionarySent, to: highestSeriesId + 1 }
    this.#dictionarySent = slice.to
    return slice
  }

  /**
   * Takes an acknowledgement of this store in. Returns the ranges to offer again: when the controller says that it lacks
   * series we had told it (it restarted, or a dictionary message was lost), everything still in flight.
   */
  acknowledged(ack: SamplesAck): ArrivalRange[] {
    this.#inFlight = this.#inFlight.filter(
      ({ range }) => !ack.ranges.some((known) => known.from <= range.from && known.to >= range.to),
    )
    if (ack.ranges.length > 0 || ack.dictionary >= this.#dictionarySent) return []
    this.#dictionarySent = ack.dictionary
    return this.#releaseAll()
  }

  /** Ranges whose acknowledgement is overdue, to be offered again. The dictionary may have been lost with them: it goes again too. */
  overdue(nowMs: number): ArrivalRange[] {
    const late = this.#inFlight.filter(({ sentAtMs }) => nowMs - sentAtMs >= this.#ackTimeoutMs)
    if (late.length === 0) return []
    this.#inFlight = this.#inFlight.filter((batch) => !late.includes(batch))
    this.#dictionarySent = 0
    return late.map(({ range }) => range)
  }

  /** Time until `overdue` has something to say, ms; Infinity when nothing is in flight. */
  overdueInMs(nowMs: number): number {
    const oldestMs = this.#inFlight.reduce(
      (oldest, { sentAtMs }) => Math.min(oldest, sentAtMs),
      Number.POSITIVE_INFINITY,
    )
    return Math.max(0, oldestMs + this.#ackTimeoutMs - nowMs)
  }

  /** The way is down: everything in flight is to be offered again. */
  down(): ArrivalRange[] {
    this.#dictionarySent = 0
    return this.#releaseAll()
  }

  #releaseAll(): ArrivalRange[] {
    const ranges = this.#inFlight.map(({ range }) => range)
    this.#inFlight = []
    return ranges
  }
}
