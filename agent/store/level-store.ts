import { messageOf } from '#protocol/errors.ts'
import type { StoreRepair } from '#protocol/query/store-ask.ts'
import type { StorePlace } from '#protocol/query/store-place.ts'
import type { ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import type { BlockArea } from './area/block-area.ts'
import { Arrivals } from './arrivals.ts'
import { JournalConsumer } from './consumer.ts'
import { type Dictionary, seriesMax } from './dictionary.ts'
import { jsonBytes, type Opened, readFacts } from './facts.ts'
import { WriteFault } from './fault.ts'
import { Check, type CheckReport } from './inspect/check.ts'
import { dump, type PlacedEntry } from './inspect/dump.ts'
import { Repair, type RepairOptions } from './inspect/repair.ts'
import { firstArrival, readRun } from './journal/arrival-reader.ts'
import { Committer } from './journal/committer.ts'
import type { StoredRow } from './journal/journal-reader.ts'
import { JournalTrimmer } from './journal/journal-trimmer.ts'
import { nameKey, positionKey } from './keys.ts'
import type { Level } from './level.ts'
import type { LevelSlot } from './level-slot.ts'
import { Maintenance } from './maintenance.ts'
import type { Memory } from './memory/memory.ts'
import { type FullStoreOptions, type StoreDamage, type StoreDeps, splitBytes } from './options.ts'
import {
  History,
  type SamplesPiece,
  type SamplesRequest,
  type WindowsPiece,
  type WindowsRequest,
} from './query/history.ts'
import { makeReport, type StoreReport } from './report.ts'
import type { Hash64 } from './series-hash.ts'
import type { ArrivalRun, DropReason, HistoryStore, SeriesEntry, StoreConsumer, StoreStats } from './store.ts'
import type { Tier } from './tier/tier.ts'

/** Timestamps beyond this many ms from the epoch are refused as invalid: day numbers and journal distances stay exact. */
const timestampMsMax = 2 ** 46
const lostCause = 'its folder was deleted, moved or covered while it was open'
/** Uncommitted samples at which a commit does not wait for its interval. */
const commitSamples = 32_768

/** Everything that `openStore` has opened. */
export interface StoreParts {
  readonly journal: LevelSlot
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
  readonly opened: Opened
  readonly memory: Memory
}

/** The store on LevelDB. Made by `openStore`. */
export class LevelStore implements HistoryStore {
  #storeId: string
  readonly #options: FullStoreOptions
  readonly #deps: StoreDeps
  readonly #parts: StoreParts
  readonly #dictionary: Dictionary
  readonly #memory: Memory
  #voids: RangeSet
  readonly #consumers = new Map<string, JournalConsumer>()
  readonly #listeners = new Set<() => void>()
  readonly #dropped: Record<DropReason, number> = {
    disk_full: 0,
    write_failed: 0,
    budget: 0,
    head_full: 0,
    invalid: 0,
    too_old: 0,
    folder_lost: 0,
  }
  readonly #fault: WriteFault
  readonly #committer: Committer
  readonly #trimmer: JournalTrimmer
  readonly #maintenance: Maintenance
  readonly #history: History
  #accepted = 0
  /** Until all that counts on the journal has begun anew. */
  #isJournalLost = false
  #isClosing = false
  #drainWaiters: (() => void)[] = []
  #closed: Promise<void> | undefined

  constructor(options: FullStoreOptions, deps: StoreDeps, parts: StoreParts) {
    const { opened, memory, journal, local, tiers } = parts
    const { clock, logger } = deps
    this.#options = options
    this.#deps = deps
    this.#parts = parts
    this.#memory = memory
    this.#storeId = opened.fact.storeId
    this.#dictionary = opened.dictionary
    this.#voids = opened.voids
    this.#trimmer = new JournalTrimmer(opened.sealedRowBytes)
    this.#fault = new WriteFault(options.folder, options.freeBytesMin, {
      clock,
      logger,
      reopen: () => this.#reopen(),
      onFault: () => this.#wakeDrained(),
      onRecovered: () => this.#onRecovered(),
    })
    const shared = { clock, logger, memory, fault: this.#fault }
    this.#committer = new Committer(
      options,
      {
        ...shared,
        slot: journal,
        dictionary: this.#dictionary,
        beforeCommit: (nowMs) => this.#maintenance.freezeIfDue(nowMs),
        putChanges: (batch) => this.#putAcknowledged(batch),
        afterCommit: () => this.#afterCommit(),
      },
      opened.fact,
      opened.first,
    )
    this.#maintenance = new Maintenance(
      options,
      {
        ...shared,
        journal,
        local,
        tiers,
        committer: this.#committer,
        dictionary: this.#dictionary,
        trimmer: this.#trimmer,
        trim: (sealedTo, bytesMax) => this.#trim(sealedTo, bytesMax),
        onDropped: (reason, samples) => {
          this.#dropped[reason] += samples
        },
        onReleased: () => this.#wakeDrained(),
      },
      opened.sealed,
    )
    this.#history = new History({ memory, local }, tiers, this.#dictionary)
    for (const [name, arrivals] of opened.consumers) this.#makeConsumer(name, arrivals)
    this.#maintenance.start()
  }

  get storeId(): string {
    return this.#storeId
  }

  get nextPosition(): number {
    return this.#committer.next
  }

  get seriesCount(): number {
    return this.#dictionary.size
  }

  seriesId(canonical: string, unit?: string): number {
    if (this.#dictionary.size >= seriesMax) return this.#dictionary.find(canonical) ?? -1
    return this.#dictionary.add(canonical, unit)
  }

  findSeries(canonical: string): number | undefined {
    return this.#dictionary.find(canonical)
  }

  seriesEntry(id: number): SeriesEntry {
    return this.#dictionary.entry(id)
  }

  seriesHash(id: number): Hash64 {
    return this.#dictionary.hash(id)
  }

  append(seriesId: number, timestampMs: number, value: number): void {
    const time = Math.floor(timestampMs)
    const isValid = time > -timestampMsMax && time < timestampMsMax && value - value === 0
    if (!isValid || !(seriesId < this.#dictionary.size)) {
      this.#dropped.invalid++
      return
    }
    const { active } = this.#memory
    const waiting = active.count - active.committed
    if (waiting >= this.#options.headSamplesMax || this.#memory.isFull || this.#isClosing) {
      if (this.#refuses(waiting)) return
    }
    active.push(seriesId, time, value)
    this.#accepted++
    if (waiting === 0) this.#committer.schedule()
    else if (waiting === commitSamples) this.#committer.commitSoon()
  }

  get isFull(): boolean {
    if (this.#fault.reason !== undefined) return false
    return this.#memory.isFull || this.#memory.uncommitted >= this.#options.headSamplesMax
  }

  drained(): Promise<void> {
    if (!this.isFull || this.#isClosing) return Promise.resolve()
    return new Promise((resolve) => this.#drainWaiters.push(resolve))
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  consumer(name: string): StoreConsumer {
    return this.#consumers.get(name) ?? this.#makeConsumer(name, new Arrivals(this.#voids.ranges))
  }

  stats(): StoreStats {
    const { journal, local, tiers } = this.#maintenance.bytes
    return {
      series: this.#dictionary.size,
      accepted: this.#accepted,
      dropped: { ...this.#dropped },
      collisions: this.#dictionary.collisions,
      bytes: journal + local + tiers,
      fault: this.#fault.reason,
    }
  }

  commit(): Promise<void> {
    return this.#committer.commit()
  }

  get sharedBytesMax(): number {
    return splitBytes(this.#options).shared
  }

  get syncedTo(): number {
    return this.#options.sync === 'never' ? this.#committer.next - 1 : this.#committer.syncedTo
  }

  arrivalsFrom(): Promise<number> {
    return firstArrival(this.#parts.journal.level, this.#committer.next)
  }

  readArrivals(range: ArrivalRange, samplesMax: number): Promise<ArrivalRun> {
    return readRun(this.#parts.journal.level, range, samplesMax)
  }

  read(request: SamplesRequest): AsyncIterable<SamplesPiece> {
    return this.#history.read(request)
  }

  windows(request: WindowsRequest): AsyncIterable<WindowsPiece> {
    return this.#history.windows(request)
  }

  flush(): Promise<void> {
    return this.#maintenance.flush()
  }

  settle(): Promise<void> {
    return this.#maintenance.settle()
  }

  compact(): Promise<void> {
    return this.#maintenance.compact()
  }

  check(signal?: AbortSignal): Promise<CheckReport> {
    const { journal, local, tiers } = this.#parts
    return new Check().run({ journal: journal.level, journalFolder: journal.folder, local, tiers }, signal)
  }

  repair(options: RepairOptions = {}): Promise<StoreRepair> {
    const alone = (work: (giveWay: () => Promise<void>) => Promise<void>): Promise<void> =>
      this.#maintenance.alone(work)
    const quarantine = (row: StoredRow, reason: string): Promise<boolean> => this.#quarantine(row, reason)
    return new Repair(options, { ...this.#parts, alone, quarantine }).run()
  }

  dump(after?: StorePlace): AsyncIterable<PlacedEntry> {
    return dump({ ...this.#parts, dictionary: this.#dictionary }, after)
  }

  async report(): Promise<StoreReport> {
    await this.#maintenance.measure()
    const { local, tiers } = this.#parts
    return makeReport({
      series: this.#dictionary.size,
      openSamples: this.#memory.count,
      local,
      tiers,
      bytes: this.#maintenance.bytes,
      bytesMax: splitBytes(this.#options),
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    this.#wakeDrained()
    const maintained = this.#maintenance.close()
    await this.#fault.close()
    await maintained
    try {
      await this.#committer.close()
    } finally {
      for (const slot of this.#slots) await slot.close()
    }
  }

  /** Near a bound: true when the sample is dropped, and then it has been counted. */
  #refuses(waiting: number): boolean {
    const { headSamplesMax } = this.#options
    const isOver =
      waiting >= 2 * headSamplesMax ||
      this.#fault.reason !== undefined ||
      this.#memory.active.count >= 2 * this.#memory.samplesMax ||
      this.#isClosing
    if (isOver) this.#dropped[this.#fault.reason ?? 'head_full']++
    return isOver
  }

  get #slots(): LevelSlot[] {
    const { journal, local, tiers } = this.#parts
    return [...tiers.map(({ area }) => area.slot), local.slot, journal]
  }

  async #reopen(): Promise<void> {
    const { journal, local, tiers } = this.#parts
    // what is under way on them fails soon and takes nothing along
    for (const slot of this.#slots) await slot.close()
    await this.#committer.idle()
    await this.#maintenance.ended()
    for (const area of [local, ...tiers.map((tier) => tier.area)]) {
      if (await area.slot.isInPlace()) await area.slot.reopen()
      else await this.#beginAreaAnew(area)
    }
    if (!this.#isJournalLost && (await journal.isInPlace())) await journal.reopen()
    else await this.#beginJournalAnew()
  }

  /** Its folder was deleted or moved: what it had cannot be read any more. */
  async #beginAreaAnew(area: BlockArea): Promise<void> {
    await area.slot.beginAnew(lostCause)
    const samples = area.restart()
    if (area === this.#parts.local) this.#dropped.folder_lost += samples
  }

  /** A new store as far as others can see. Names and samples that are in memory are written to it again. */
  async #beginJournalAnew(): Promise<void> {
    const { journal } = this.#parts
    this.#isJournalLost = true
    await journal.beginAnew(lostCause)
    const { fact, first, voids } = await readFacts(journal.level, (damage) => this.#report(damage))
    await journal.level.put(nameKey('m', 'sealed'), jsonBytes(this.#maintenance.restart()))
    this.#deps.logger.warn({ storeId: fact.storeId, before: this.#storeId }, 'store_begun_anew')
    this.#storeId = fact.storeId
    this.#voids = voids
    this.#dictionary.forgetStored()
    this.#memory.uncommit()
    this.#trimmer.restart()
    for (const consumer of this.#consumers.values()) consumer.restart()
    this.#committer.restart(fact, first)
    this.#isJournalLost = false
  }

  #onRecovered(): void {
    this.#committer.commitSoon()
    this.#maintenance.kick()
  }

  #afterCommit(): void {
    if (!this.isFull) this.#wakeDrained()
    for (const listener of this.#listeners) listener()
    if (this.#memory.frozen) this.#maintenance.kick()
  }

  #wakeDrained(): void {
    for (const resolve of this.#drainWaiters.splice(0)) resolve()
  }

  #makeConsumer(name: string, arrivals: Arrivals): JournalConsumer {
    const consumer = new JournalConsumer(name, arrivals, {
      level: () => this.#parts.journal.current,
      committedTo: () => this.#committer.next - 1,
      quarantine: (row, reason) => this.#quarantine(row, reason),
      changed: () => this.#committer.changed(),
    })
    this.#consumers.set(name, consumer)
    this.#committer.changed()
    return consumer
  }

  async #trim(sealedTo: number, bytesMax: number): Promise<{ wantsSeal: boolean }> {
    const arrivals = [...this.#consumers.values()].map((consumer) => consumer.arrivals)
    const options = { sealedTo, bytesMax, unsealedBytes: this.#memory.rowBytes }
    const { level } = this.#parts.journal
    const outcome = await this.#trimmer.trim(level, arrivals, this.#voids, options, (batch) =>
      this.#putAcknowledged(batch),
    )
    this.#dropped.budget += outcome.unacknowledged
    return outcome
  }

  #putAcknowledged(batch: ReturnType<Level['batch']>): void {
    for (const { name, arrivals } of this.#consumers.values())
      batch.put(nameKey('c', name), jsonBytes(arrivals.toStore()))
    batch.put(nameKey('m', 'voids'), jsonBytes(this.#voids.ranges))
  }

  async #quarantine(row: StoredRow, reason: string): Promise<boolean> {
    this.#report({ kind: 'row', from: row.from, to: row.to, reason })
    const batch = this.#parts.journal.level.batch().put(positionKey('q', row.to), row.row).del(positionKey('j', row.to))
    try {
      await batch.write()
      return true
    } catch (error) {
      this.#deps.logger.warn({ to: row.to, error: messageOf(error) }, 'store_quarantine_failed')
      return false
    }
  }

  #report(damage: StoreDamage): void {
    this.#deps.logger.error(damage, 'store_damage')
    this.#deps.onDamage?.(damage)
  }
}
