import type { SamplesAck } from '#protocol/messages/control.ts'
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import type { BatchMessage, DictionaryEntry, DictionaryMessage } from '#protocol/samples/format.ts'
import type { IngestCounters, IngestLimits } from './ingest-limits.ts'

/** Where ingested samples go. `S` is whatever stands for a series there. */
export interface IngestTarget<S> {
  /** The place of a series; undefined when its name is not one. */
  open(entry: DictionaryEntry): S | undefined
  append(series: S, timestampMs: number, value: number): void
}

/** What all stores of an ingest share. */
export interface IngestShared {
  readonly limits: IngestLimits
  readonly counters: IngestCounters
}

/** Ranges in one acknowledgement at most; more go into further ones. */
const rangesPerAckMax = 1000

/**
 * What the controller has of one store of one host: which positions were ingested, and what the store's series ids mean. Pure.
 *
 * The dictionary is not persisted. A batch with ids above it is left unacknowledged and answered with the number of entries
 * known, from where the agent sends them again; so a lost chunk and a restarted controller heal the same way.
 */
export class StoreIngest<S> {
  readonly storeId: string
  usedAtMs: number
  readonly #seen: RangeSet
  readonly #shared: IngestShared
  /** Entry i is series id i; undefined = acknowledged and dropped, for its name or a limit. */
  #series: (S | undefined)[] = []
  /** Ids below this are known, though those beyond `#series` are above a limit. */
  #dictionary = 0
  #pending = new RangeSet()
  /** Names came in: the agent wants to know how many are known now. */
  #heardNames = false
  /** A batch was left unacknowledged for want of names. */
  #lacksNames = false

  constructor(storeId: string, usedAtMs: number, seen: Iterable<ArrivalRange>, shared: IngestShared) {
    this.storeId = storeId
    this.usedAtMs = usedAtMs
    this.#seen = new RangeSet(seen)
    this.#shared = shared
  }

  get seen(): readonly ArrivalRange[] {
    return this.#seen.ranges
  }

  /** Series names open here. */
  get openSeries(): number {
    return this.#series.length
  }

  /** Ranges waiting to be acknowledged. */
  get pendingRanges(): number {
    return this.#pending.ranges.length
  }

  /** Ingests what is new of a batch and notes the whole of it for acknowledgement. Returns true when `seen` has changed. */
  takeBatch(batch: BatchMessage, target: IngestTarget<S>): boolean {
    const { counters } = this.#shared
    const missing = this.#seen.missing(batch)
    const fresh = missing.reduce((sum, range) => sum + range.to - range.from + 1, 0)
    if (fresh > 0 && !this.#knowsAll(batch.seriesIds)) {
      counters.unknownSeries++
      this.#lacksNames = true
      return false
    }
    let taken = 0
    for (const range of missing) taken += this.#ingest(batch, range, target)
    counters.duplicates += batch.seriesIds.length - taken
    this.#pending.add({ from: batch.from, to: batch.to })
    if (fresh > 0) this.#remember(batch)
    return fresh > 0
  }

  /** Learns the entries that follow on what is known; `room` is how many more series names may be opened. */
  takeDictionary(chunk: DictionaryMessage, target: IngestTarget<S>, room: number): void {
    this.#heardNames = true
    if (chunk.firstId > this.#dictionary) return
    const news = chunk.entries.slice(this.#dictionary - chunk.firstId)
    const isFull = this.#series.length < this.#dictionary
    const opened = isFull ? [] : news.slice(0, Math.max(0, room))
    for (const entry of opened) this.#series.push(target.open(entry))
    this.#dictionary += news.length
    this.#shared.counters.openSeries += opened.length
  }

  /** Forgets the names; the next batch asks for them again. */
  releaseDictionary(): void {
    this.#shared.counters.openSeries -= this.#series.length
    this.#series = []
    this.#dictionary = 0
  }

  /**
   * Takes what is to be acknowledged, in as many messages as it needs. An agent reads an acknowledgement without ranges as
   * "send names from there on", so that goes apart from the ranges.
   */
  takeAcks(): SamplesAck[] {
    const ranges = this.#pending.ranges
    const acks: SamplesAck[] = []
    for (let i = 0; i < ranges.length; i += rangesPerAckMax) {
      acks.push({ storeId: this.storeId, ranges: ranges.slice(i, i + rangesPerAckMax), dictionary: this.#dictionary })
    }
    if (this.#lacksNames || (this.#heardNames && acks.length === 0)) {
      acks.push({ storeId: this.storeId, ranges: [], dictionary: this.#dictionary })
    }
    this.#pending = new RangeSet()
    this.#heardNames = false
    this.#lacksNames = false
    return acks
  }

  #knowsAll(seriesIds: Uint32Array): boolean {
    for (const id of seriesIds) if (id >= this.#dictionary) return false
    return true
  }

  /** Hands over the samples of a range of the batch; returns how many it had. */
  #ingest(batch: BatchMessage, range: ArrivalRange, target: IngestTarget<S>): number {
    const { counters } = this.#shared
    const start = indexOf(batch, range.from)
    const end = indexOf(batch, range.to + 1)
    for (let i = start; i < end; i++) {
      const id = batch.seriesIds[i] as number
      const series = this.#series[id]
      if (series !== undefined) {
        target.append(series, batch.timestampsMs[i] as number, batch.values[i] as number)
        counters.samples++
      } else if (id < this.#series.length) counters.droppedName++
      else counters.droppedSeriesLimit++
    }
    return end - start
  }

  #remember(range: ArrivalRange): void {
    this.#seen.add({ from: range.from, to: range.to })
    const over = this.#seen.ranges.length - this.#shared.limits.rangesPerStoreMax
    const lowest = over > 0 ? this.#seen.ranges[over] : undefined
    if (lowest === undefined) return
    this.#seen.forgetBelow(lowest.from)
    this.#shared.counters.rangesForgotten += over
  }
}

/** Index of the first sample at `position` or behind it. */
function indexOf({ from, positions }: BatchMessage, position: number): number {
  if (!positions) return position - from
  const found = positions.findIndex((one) => one >= position)
  return found < 0 ? positions.length : found
}
