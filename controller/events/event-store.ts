/**
 * Every event the controller heard of, newest last: append-only rows in the registry and the same in memory, bounded by count, bytes
 * and age. What was appended is in the registry a moment later; a killed process may lose the last ones.
 */
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type EventDraft, type EventFilter, fitsFilter, type StoredEvent } from './event.ts'
import { eventKey, readEvents } from './event-rows.ts'

export interface EventStoreOptions {
  /** Events kept at most; beyond it the oldest goes. */
  readonly eventsMax: number
  /** Bytes of them as JSON, the same. */
  readonly bytesMax: number
  /** How long an event is kept, ms. */
  readonly ageMsMax: number
}

export const eventStoreDefaults: EventStoreOptions = {
  eventsMax: 50_000,
  bytesMax: 33_554_432,
  ageMsMax: 30 * 86_400_000,
}

export interface EventStoreDeps {
  readonly registry: RegistryStore
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly logger: Logger
}

export interface EventCounters {
  readonly appended: number
  /** The same event again. */
  readonly repeated: number
  /** Oldest ones dropped, by the bound that they were beyond. */
  readonly droppedByCount: number
  readonly droppedByBytes: number
  readonly droppedByAge: number
  readonly writeFailures: number
}

type Counts = { -readonly [K in keyof EventCounters]: EventCounters[K] }

interface Kept {
  readonly event: StoredEvent
  readonly bytes: number
}

export class EventStore {
  readonly #options: EventStoreOptions
  readonly #deps: EventStoreDeps
  readonly #logged: OnceAMinute
  readonly #counters: Counts = {
    appended: 0,
    repeated: 0,
    droppedByCount: 0,
    droppedByBytes: 0,
    droppedByAge: 0,
    writeFailures: 0,
  }
  readonly #ids = new Set<string>()
  readonly #listeners = new Set<(event: StoredEvent) => void>()
  #kept: Kept[] = []
  #head = 0
  #bytes = 0
  #nextSeq = 0
  #droppedUntilMs = Number.NEGATIVE_INFINITY
  #unwritten: RegistryChange[] = []
  #writing: Promise<void> | undefined

  private constructor(options: EventStoreOptions, deps: EventStoreDeps) {
    this.#options = options
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
  }

  /** Reads what was kept before. */
  static async open(options: EventStoreOptions, deps: EventStoreDeps): Promise<EventStore> {
    const store = new EventStore(options, deps)
    for await (const event of readEvents(deps.registry)) store.#keep(event)
    store.#dropBeyond()
    return store
  }

  get counters(): EventCounters {
    return this.#counters
  }

  /** Events kept, and the highest `seq` given so far (−1 = none). */
  get size(): { readonly events: number; readonly lastSeq: number } {
    return { events: this.#kept.length - this.#head, lastSeq: this.#nextSeq - 1 }
  }

  /** Events heard up to then may have been dropped; −Infinity = none was since the start. */
  get droppedUntilMs(): number {
    return this.#droppedUntilMs
  }

  /** Keeps an event and tells the listeners; undefined for one that is known already. */
  append(draft: EventDraft): StoredEvent | undefined {
    if (this.#ids.has(draft.id)) {
      this.#counters.repeated++
      return undefined
    }
    const event: StoredEvent = { ...draft, seq: this.#nextSeq, atMs: this.#deps.clock.now() }
    this.#keep(event)
    this.#counters.appended++
    this.#unwritten.push({ key: eventKey(event.seq), value: event })
    this.#dropBeyond()
    this.#write()
    for (const listener of this.#listeners) listener(event)
    return event
  }

  /** The newest events that fit, at most `limit`, oldest first; with `afterSeq` the first ones behind it. */
  query(filter: EventFilter, limit: number): StoredEvent[] {
    const found: StoredEvent[] = []
    const isForward = filter.afterSeq !== undefined
    const first = isForward ? this.#indexAfter(filter.afterSeq) : this.#head
    for (let i = 0; i < this.#kept.length - first && found.length < limit; i++) {
      const { event } = this.#kept[isForward ? first + i : this.#kept.length - 1 - i] as Kept
      if (fitsFilter(event, filter)) found.push(event)
    }
    return isForward ? found : found.reverse()
  }

  /** Calls `listener` with every event from now on, until the returned function is called. It must not throw. */
  listen(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Waits until everything appended is in the registry, or cannot be written. Idempotent. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  #keep(event: StoredEvent): void {
    const bytes = JSON.stringify(event).length
    this.#kept.push({ event, bytes })
    this.#ids.add(event.id)
    this.#bytes += bytes
    this.#nextSeq = Math.max(this.#nextSeq, event.seq + 1)
  }

  #indexAfter(seq: number | undefined): number {
    let low = this.#head
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#kept[middle] as Kept).event.seq <= (seq ?? -1)) low = middle + 1
      else high = middle
    }
    return low
  }

  #dropBeyond(): void {
    const { eventsMax, bytesMax, ageMsMax } = this.#options
    const beforeMs = this.#deps.clock.now() - ageMsMax
    for (;;) {
      const oldest = this.#kept[this.#head]
      if (!oldest) break
      if (this.#kept.length - this.#head > eventsMax) this.#counters.droppedByCount++
      else if (this.#bytes > bytesMax) this.#counters.droppedByBytes++
      else if (oldest.event.atMs < beforeMs) this.#counters.droppedByAge++
      else break
      this.#head++
      this.#droppedUntilMs = Math.max(this.#droppedUntilMs, oldest.event.atMs)
      this.#bytes -= oldest.bytes
      this.#ids.delete(oldest.event.id)
      this.#unwritten.push({ key: eventKey(oldest.event.seq), remove: true })
    }
    if (this.#head > 1024 && this.#head * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#head)
      this.#head = 0
    }
  }

  /** One write at a time; what comes meanwhile goes with the next one. */
  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
  }

  /** What a disk refuses is given up, counted: the events stay in memory, and those that go are gone from there. */
  async #writeAll(): Promise<void> {
    while (this.#unwritten.length > 0) {
      const changes = this.#unwritten
      this.#unwritten = []
      try {
        await this.#deps.registry.write(changes)
      } catch (error) {
        this.#counters.writeFailures++
        this.#logged.pass('write', (suppressed) =>
          this.#deps.logger.warn({ suppressed, error: messageOf(error) }, 'events_not_written'),
        )
      }
    }
  }
}
