import { LanistaError, messageOf } from '#protocol/errors.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import type { RangeSet } from '#protocol/samples/arrival.ts'
import { Arrivals } from './arrivals.ts'
import { JournalConsumer } from './consumer.ts'
import { type Dictionary, seriesMax } from './dictionary.ts'
import { pageEntriesMax } from './dictionary-page.ts'
import { canWrite, diskSpace, folderBytes } from './disk.ts'
import { dictionaryPages, jsonBytes, type Opened, reserveAhead, type StoreFact } from './facts.ts'
import { Head } from './head.ts'
import { rowsAbove, type StoredRow } from './journal/journal-reader.ts'
import { RowEncoder } from './journal/row-encoder.ts'
import { rowSamplesMax } from './journal/row-format.ts'
import { nameKey, positionKey } from './keys.ts'
import { isFolderFault, type Level, reasonOf } from './level.ts'
import type { FullStoreOptions, StoreDamage, StoreDeps } from './options.ts'
import type { DropReason, SeriesEntry, Store, StoreConsumer, StoreStats } from './store.ts'

/** Between two looks at the disk and the budget, ms. */
const housekeepingMs = 1000
/** Timestamps beyond this many ms from the epoch are refused as invalid. */
const timestampMsMax = 2 ** 51

/** What the store does while it cannot write: counts under `reason`, keeps reading, tries again. */
interface Fault {
  readonly reason: DropReason
  readonly cause: string
}

/** The store on LevelDB. Made by `openStore`. */
export class LevelStore implements Store {
  readonly storeId: string
  readonly #options: FullStoreOptions
  readonly #deps: StoreDeps
  readonly #reopen: () => Promise<Level>
  readonly #dictionary: Dictionary
  readonly #voids: RangeSet
  readonly #consumers = new Map<string, JournalConsumer>()
  readonly #encoder = new RowEncoder()
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  readonly #dropped: Record<DropReason, number> = { disk_full: 0, write_failed: 0, budget: 0, head_full: 0, invalid: 0 }

  #level: Level
  #isLevelOpen = true
  #fact: StoreFact
  #next: number
  #head = new Head()
  #spare = new Head()
  #accepted = 0
  #bytes = 0
  #journalBytes: number
  #trimmedTo = 0
  #fault: Fault | undefined
  #hasChanges = false
  #syncedAt = 0
  #isUnsynced = false
  #timer: (() => void) | undefined
  #writing: Promise<void> | undefined
  #queued: Promise<void> | undefined
  #housekeeping: Promise<void> | undefined
  #housekeptAt = Number.NEGATIVE_INFINITY
  #recovery: Promise<void> | undefined
  #isClosing = false
  #drainWaiters: (() => void)[] = []
  #closed: Promise<void> | undefined

  constructor(
    options: FullStoreOptions,
    deps: StoreDeps,
    opened: Opened,
    level: Level,
    journalBytes: number,
    reopen: () => Promise<Level>,
  ) {
    this.#options = options
    this.#deps = deps
    this.#level = level
    this.#reopen = reopen
    this.#fact = opened.fact
    this.storeId = opened.fact.storeId
    this.#dictionary = opened.dictionary
    this.#voids = opened.voids
    this.#next = opened.first
    this.#journalBytes = journalBytes
    this.#syncedAt = deps.clock.monotonic()
    for (const [name, arrivals] of opened.consumers) this.#makeConsumer(name, arrivals)
  }

  get nextPosition(): number {
    return this.#next
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

  append(seriesId: number, timestampMs: number, value: number): void {
    const time = Math.floor(timestampMs)
    if (
      this.#isClosing ||
      !(time > -timestampMsMax && time < timestampMsMax) ||
      !Number.isFinite(value) ||
      seriesId >= this.#dictionary.size
    ) {
      this.#dropped.invalid++
      return
    }
    if (
      this.#uncommitted >= 2 * this.#options.headSamplesMax ||
      (this.#fault && this.#uncommitted >= this.#options.headSamplesMax)
    ) {
      this.#dropped[this.#fault?.reason ?? 'head_full']++
      return
    }
    this.#head.push(seriesId, time, value)
    this.#accepted++
    if (this.#timer === undefined) this.#schedule()
    if (this.#head.count === rowSamplesMax) this.#commitSoon()
  }

  get isFull(): boolean {
    return this.#fault === undefined && this.#uncommitted >= this.#options.headSamplesMax
  }

  drained(): Promise<void> {
    if (!this.isFull) return Promise.resolve()
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
    return {
      series: this.#dictionary.size,
      accepted: this.#accepted,
      dropped: { ...this.#dropped },
      bytes: this.#bytes,
    }
  }

  commit(): Promise<void> {
    if (!this.#writing) return this.#startWrite()
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined
      return this.#startWrite()
    })
    return this.#queued
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#timer?.()
    this.#isClosing = true
    this.#closing.abort()
    await this.#recovery
    await this.#housekeeping
    this.#hasChanges = true
    const failure = await this.commit().catch((error: unknown) => error)
    for (const resolve of this.#drainWaiters.splice(0)) resolve()
    if (this.#isLevelOpen) await this.#level.close()
    if (failure !== undefined) throw failure
  }

  get #uncommitted(): number {
    return this.#head.count + this.#spare.count
  }

  #makeConsumer(name: string, arrivals: Arrivals): JournalConsumer {
    const consumer = new JournalConsumer(name, arrivals, {
      level: () => (this.#isLevelOpen ? this.#level : undefined),
      committedTo: () => this.#next - 1,
      quarantine: (row, reason) => this.#quarantine(row, reason),
      changed: () => {
        this.#hasChanges = true
        if (this.#timer === undefined) this.#schedule()
      },
    })
    this.#consumers.set(name, consumer)
    this.#hasChanges = true
    return consumer
  }

  #schedule(): void {
    if (this.#isClosing) return
    if (this.#options.commitIntervalMs === 0) {
      this.#timer = () => {}
      queueMicrotask(() => this.#commitSoon())
    } else {
      this.#timer = this.#deps.clock.after(this.#options.commitIntervalMs, () => this.#commitSoon())
    }
  }

  /** Commits in the background; a failure has already become a fault when it arrives here. */
  #commitSoon(): void {
    this.#timer?.()
    this.#timer = undefined
    if (this.#fault) return
    this.commit().catch((error: unknown) => this.#deps.logger.debug({ error: messageOf(error) }, 'commit_failed'))
  }

  #startWrite(): Promise<void> {
    const write = this.#write()
    const settled = write.then(
      () => {},
      () => {},
    )
    this.#writing = settled
    void settled.then(() => {
      if (this.#writing === settled) this.#writing = undefined
    })
    return write
  }

  async #write(): Promise<void> {
    if (this.#fault) {
      throw new LanistaError('STORE_WRITE_FAILED', `free the disk of ${this.#options.folder}: ${this.#fault.cause}`)
    }
    const now = this.#deps.clock.monotonic()
    const isDue = this.#isUnsynced && now - this.#syncedAt >= 1000
    if (this.#head.count === 0 && this.#spare.count === 0 && !this.#hasChanges && !isDue) return
    const isRetry = this.#spare.count > 0
    if (!isRetry) [this.#head, this.#spare] = [this.#spare, this.#head]
    const taken = this.#spare
    const seriesCount = this.#dictionary.size
    const to = this.#next + taken.count - 1
    const batch = this.#level.batch()
    for (const { key, page } of dictionaryPages(this.#dictionary, pageEntriesMax)) batch.put(key, page)
    let rowBytes = 0
    for (let start = 0; start < taken.count; start += rowSamplesMax) {
      const count = Math.min(rowSamplesMax, taken.count - start)
      const row = this.#encoder.encode(taken.seriesIds, taken.timestampsMs, taken.values, start, count)
      batch.put(positionKey('j', this.#next + start + count - 1), row)
      rowBytes += row.length
    }
    if (this.#hasChanges) this.#putConsumers(batch)
    const reserves = to + reserveAhead / 2 > this.#fact.reservedTo
    const fact = reserves ? { ...this.#fact, reservedTo: to + reserveAhead } : this.#fact
    const sync = this.#mustSync(now, reserves)
    if (reserves || batch.length === 0) batch.put(nameKey('m', 'store'), jsonBytes(fact))
    this.#hasChanges = false
    try {
      await batch.write({ sync })
    } catch (error) {
      this.#hasChanges = true
      const reason = reasonOf(error)
      this.#enterFault({
        reason: /no space|ENOSPC|quota|EDQUOT/i.test(reason) ? 'disk_full' : 'write_failed',
        cause: reason,
      })
      throw new LanistaError('STORE_WRITE_FAILED', `free or repair the disk of ${this.#options.folder}: ${reason}`, {
        cause: error,
      })
    }
    this.#fact = fact
    this.#dictionary.markStored(seriesCount)
    this.#next = to + 1
    this.#journalBytes += rowBytes
    this.#isUnsynced = !sync
    if (sync) this.#syncedAt = now
    taken.clear()
    if (isRetry && this.#head.count > 0) await this.#write()
    else this.#afterCommit()
  }

  #mustSync(now: number, reserves: boolean): boolean {
    if (reserves || this.#options.sync === 'always') return true
    return this.#options.sync === 'everySecond' && now - this.#syncedAt >= 1000
  }

  #putConsumers(batch: ReturnType<Level['batch']>): void {
    for (const { name, arrivals } of this.#consumers.values())
      batch.put(nameKey('c', name), jsonBytes(arrivals.toStore()))
    batch.put(nameKey('m', 'voids'), jsonBytes(this.#voids.ranges))
  }

  #afterCommit(): void {
    if (!this.isFull) for (const resolve of this.#drainWaiters.splice(0)) resolve()
    for (const listener of this.#listeners) listener()
    if (this.#isUnsynced && this.#options.sync === 'everySecond') this.#scheduleSync()
    this.#housekeep()
  }

  /** An idle store still syncs its last commits within a second. */
  #scheduleSync(): void {
    if (this.#timer !== undefined || this.#head.count > 0 || this.#isClosing) return
    this.#timer = this.#deps.clock.after(1000, () => this.#commitSoon())
  }

  #enterFault(fault: Fault): void {
    if (this.#fault || this.#isClosing) return
    this.#fault = fault
    this.#deps.logger.error({ reason: fault.reason, cause: fault.cause, folder: this.#options.folder }, 'store_faulted')
    for (const resolve of this.#drainWaiters.splice(0)) resolve()
    this.#recovery = this.#recover()
  }

  /** Waits until the disk takes writes again, then opens the database anew: a failed write may have left half a record. */
  async #recover(): Promise<void> {
    const { clock, logger } = this.#deps
    for (let attempt = 0; this.#fault; attempt++) {
      try {
        await clock.sleep(backoffCeilingMs(attempt), this.#closing.signal)
      } catch {
        return
      }
      try {
        if (!(await this.#hasRoom()) || !(await canWrite(this.#options.folder))) continue
        this.#isLevelOpen = false
        await this.#level.close()
        this.#level = await this.#reopen()
        this.#isLevelOpen = true
        this.#fault = undefined
      } catch (error) {
        logger.warn({ error: messageOf(error), isFolderFault: isFolderFault(reasonOf(error)) }, 'store_recovery_failed')
      }
    }
    logger.info({ folder: this.#options.folder }, 'store_recovered')
    this.#commitSoon()
  }

  async #hasRoom(): Promise<boolean> {
    return (await diskSpace(this.#options.folder)).freeBytes >= this.#options.freeBytesMin
  }

  #housekeep(): void {
    const now = this.#deps.clock.monotonic()
    if (this.#housekeeping || now - this.#housekeptAt < housekeepingMs || this.#isClosing) return
    this.#housekeptAt = now
    this.#housekeeping = this.#keepHouse()
      .catch((error: unknown) => this.#deps.logger.warn({ error: messageOf(error) }, 'store_housekeeping_failed'))
      .finally(() => {
        this.#housekeeping = undefined
      })
  }

  async #keepHouse(): Promise<void> {
    if (!(await this.#hasRoom())) {
      this.#enterFault({ reason: 'disk_full', cause: `less than ${this.#options.freeBytesMin} bytes are free` })
      return
    }
    await this.#trim()
    this.#bytes = await folderBytes(this.#options.folder)
  }

  /** Drops rows that every consumer has, and the oldest beyond the budget whoever lacks them. */
  async #trim(): Promise<void> {
    const all = [...this.#consumers.values()].map(({ arrivals }) => arrivals)
    const floor = all.length === 0 ? 0 : Math.min(...all.map((arrivals) => arrivals.floor))
    const batch = this.#level.batch()
    let freed = 0
    let to = this.#trimmedTo
    for await (const row of rowsAbove(this.#level, to)) {
      if (row.to > floor && this.#journalBytes - freed <= this.#options.bytesMax) break
      this.#dropped.budget += Math.max(0, ...all.map((arrivals) => arrivals.acknowledge({ from: to + 1, to: row.to })))
      to = row.to
      freed += row.row.length
      batch.del(positionKey('j', to))
    }
    if (to === this.#trimmedTo) {
      await batch.close()
      return
    }
    this.#voids.add({ from: this.#trimmedTo + 1, to })
    this.#putConsumers(batch)
    await batch.write()
    this.#trimmedTo = to
    this.#journalBytes -= freed
  }

  async #quarantine(row: StoredRow, reason: string): Promise<void> {
    await this.#level.batch().put(positionKey('q', row.to), row.row).del(positionKey('j', row.to)).write()
    this.#report({ kind: 'row', from: row.from, to: row.to, reason })
  }

  #report(damage: StoreDamage): void {
    this.#deps.logger.error(damage, 'store_damage')
    this.#deps.onDamage?.(damage)
  }
}
