/** What the controller has of one host: its stores, the last used few of them. Pure; `#controller/ingest/ingest-service.ts` is the shell. */
import * as z from 'zod'
import type { SamplesAck } from '#protocol/messages/control.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { SamplesMessage } from '#protocol/samples/format.ts'
import { type IngestShared, type IngestTarget, StoreIngest } from './store-ingest.ts'

/** A host's row in the registry: `ranges` is from, to, from, to …, ascending. */
export interface IngestRow {
  readonly stores: readonly {
    readonly storeId: string
    readonly usedAtMs: number
    readonly ranges: readonly number[]
  }[]
}

const rowSchema: z.ZodType<IngestRow> = z.object({
  stores: z.array(z.object({ storeId: z.string(), usedAtMs: z.number(), ranges: z.array(z.int()) })),
})

export class HostIngest<S> {
  readonly #shared: IngestShared
  readonly #target: IngestTarget<S>
  readonly #stores = new Map<string, StoreIngest<S>>()
  #isDirty = false

  constructor(shared: IngestShared, target: IngestTarget<S>) {
    this.#shared = shared
    this.#target = target
    shared.counters.hosts++
  }

  /** Takes up a row as `row()` gave it; anything else leaves the host empty, which costs a repeat at most. */
  restore(value: unknown): void {
    const row = rowSchema.safeParse(value)
    if (!row.success) return
    for (const { storeId, usedAtMs, ranges } of row.data.stores) {
      this.#stores.set(storeId, new StoreIngest(storeId, usedAtMs, pairsOf(ranges), this.#shared))
    }
  }

  /** True when `row()` differs from what was last written. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  /** Ranges waiting to be acknowledged. */
  get pendingRanges(): number {
    let sum = 0
    for (const store of this.#stores.values()) sum += store.pendingRanges
    return sum
  }

  /** Ingests a decoded message of this host. */
  take(message: SamplesMessage, nowMs: number): void {
    const { counters, limits } = this.#shared
    const store = this.#storeOf(message.storeId, nowMs)
    if (message.kind === 'batch') {
      counters.batches++
      if (store.takeBatch(message, this.#target)) this.#isDirty = true
      return
    }
    counters.dictionaries++
    this.#makeRoom(store, message.entries.length)
    const room = Math.min(limits.seriesPerHostMax - this.#openSeries, limits.seriesMax - counters.openSeries)
    store.takeDictionary(message, this.#target, room)
  }

  /** Takes what is to be acknowledged. Send it only after `row()` is safe. */
  takeAcks(): SamplesAck[] {
    return [...this.#stores.values()].flatMap((store) => store.takeAcks())
  }

  /** Takes the row to write, and counts the host as clean from now on. */
  row(): IngestRow {
    this.#isDirty = false
    return {
      stores: [...this.#stores.values()].map(({ storeId, usedAtMs, seen }) => ({
        storeId,
        usedAtMs,
        ranges: seen.flatMap(({ from, to }) => [from, to]),
      })),
    }
  }

  /** The row could not be written: it has to be again before anything is acknowledged. */
  markDirty(): void {
    this.#isDirty = true
  }

  /** Epoch ms of the last message of any store. */
  get usedAtMs(): number {
    return Math.max(...[...this.#stores.values()].map((store) => store.usedAtMs))
  }

  /** Stores that it has had, as far as they are known. */
  get storeCount(): number {
    return this.#stores.size
  }

  /** Forgets the names of stores not heard since `beforeMs`; they are asked for when they speak again. */
  releaseIdle(beforeMs: number): void {
    for (const store of this.#stores.values()) if (store.usedAtMs < beforeMs) store.releaseDictionary()
  }

  get #openSeries(): number {
    let sum = 0
    for (const store of this.#stores.values()) sum += store.openSeries
    return sum
  }

  #storeOf(storeId: string, nowMs: number): StoreIngest<S> {
    const store = this.#stores.get(storeId) ?? new StoreIngest<S>(storeId, nowMs, [], this.#shared)
    store.usedAtMs = nowMs
    this.#stores.delete(storeId)
    this.#stores.set(storeId, store)
    while (this.#stores.size > this.#shared.limits.storesPerHostMax) this.#forgetOldest()
    return store
  }

  /** The map is in order of last use. */
  #forgetOldest(): void {
    for (const [storeId, store] of this.#stores) {
      store.releaseDictionary()
      this.#stores.delete(storeId)
      this.#shared.counters.storesForgotten++
      return
    }
  }

  /** The names of this host's other stores go first. */
  #makeRoom(store: StoreIngest<S>, entries: number): void {
    if (this.#openSeries + entries <= this.#shared.limits.seriesPerHostMax) return
    for (const other of this.#stores.values()) if (other !== store) other.releaseDictionary()
  }
}

function pairsOf(flat: readonly number[]): ArrivalRange[] {
  const ranges: ArrivalRange[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) ranges.push({ from: flat[i] as number, to: flat[i + 1] as number })
  return ranges
}
