import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Dictionary } from '../dictionary.ts'
import { pageEntriesMax } from '../dictionary-page.ts'
import { dictionaryPages, jsonBytes, reserveAhead, type StoreFact } from '../facts.ts'
import type { WriteFault } from '../fault.ts'
import { nameKey, positionKey } from '../keys.ts'
import type { Level } from '../level.ts'
import { folderLost, type LevelSlot } from '../level-slot.ts'
import type { Memory } from '../memory/memory.ts'
import type { SyncPolicy } from '../options.ts'
import { RowEncoder } from './row-encoder.ts'

type Batch = ReturnType<Level['batch']>

export interface CommitterOptions {
  readonly commitIntervalMs: number
  readonly sync: SyncPolicy
}

export interface CommitterDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly slot: LevelSlot
  readonly memory: Memory
  readonly dictionary: Dictionary
  readonly fault: WriteFault
  /** Called at the beginning of each commit: the moment to freeze the samples in memory. */
  readonly beforeCommit: (nowMs: number) => void
  /** Puts what changed besides samples. */
  readonly putChanges: (batch: Batch) => void
  readonly afterCommit: () => void
}

/** Between two syncs under `everySecond`, ms. */
const syncIntervalMs = 1000

/** Turns what is in memory and not in the journal into rows: one batch a commit, one commit at a time. */
export class Committer {
  readonly #options: CommitterOptions
  readonly #deps: CommitterDeps
  readonly #encoder = new RowEncoder()
  #fact: StoreFact
  #next: number
  #hasChanges = false
  #syncedTo: number
  #syncedAt: number
  #isUnsynced = false
  #isClosed = false
  #timer: (() => void) | undefined
  #syncTimer: (() => void) | undefined
  #writing: Promise<void> | undefined
  #queued: Promise<void> | undefined

  /** @param next position of the next sample */
  constructor(options: CommitterOptions, deps: CommitterDeps, fact: StoreFact, next: number) {
    this.#options = options
    this.#deps = deps
    this.#fact = fact
    this.#next = next
    // LevelDB syncs what it recovers, and the opening has written its facts synced
    this.#syncedTo = next - 1
    this.#syncedAt = deps.clock.monotonic()
  }

  /** Position of the last sample that a power cut cannot take. */
  get syncedTo(): number {
    return this.#syncedTo
  }

  /** Position of the next sample to be committed. */
  get next(): number {
    return this.#next
  }

  /** Something besides samples wants to be written with the next commit. */
  changed(): void {
    this.#hasChanges = true
    this.schedule()
  }

  /** A commit will happen within one interval. */
  schedule(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    if (this.#options.commitIntervalMs === 0) {
      this.#timer = () => {}
      queueMicrotask(() => this.commitSoon())
    } else {
      this.#timer = this.#deps.clock.after(this.#options.commitIntervalMs, () => this.commitSoon())
    }
  }

  /** Commits in the background; a failure has already become a fault when it arrives here. */
  commitSoon(): void {
    this.#timer?.()
    this.#timer = undefined
    if (this.#deps.fault.reason !== undefined || this.#isClosed) return
    this.commit().catch((error: unknown) => this.#deps.logger.debug({ error: messageOf(error) }, 'commit_failed'))
  }

  /** Resolves when everything accepted before the call is written. Throws STORE_WRITE_FAILED. */
  commit(): Promise<void> {
    if (!this.#writing) return this.#start()
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined
      return this.#start()
    })
    return this.#queued
  }

  /** Resolves when no commit is under way. */
  async idle(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  /** The journal was begun anew: nothing is in it. */
  restart(fact: StoreFact, next: number): void {
    this.#fact = fact
    this.#next = next
    this.#syncedTo = next - 1
    this.#hasChanges = true
  }

  /** Commits a last time, acknowledgements included. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.()
    this.#syncTimer?.()
    this.#hasChanges = true
    await this.commit()
  }

  #start(): Promise<void> {
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
    const { clock, memory, dictionary, fault, slot } = this.#deps
    if (fault.reason !== undefined) throw this.#failed(fault.cause)
    const now = clock.monotonic()
    this.#deps.beforeCommit(now)
    const isSyncDue = this.#isUnsynced && this.#options.sync === 'everySecond' && now - this.#syncedAt >= syncIntervalMs
    if (memory.uncommitted === 0 && !this.#hasChanges && !isSyncDue) return
    const batch = slot.level.batch()
    const seriesCount = dictionary.size
    for (const { key, page } of dictionaryPages(dictionary, pageEntriesMax)) batch.put(key, page)
    const parts = memory.parts.map((part) => ({ part, to: part.count, bytes: 0 }))
    const next = this.#putRows(batch, parts)
    if (this.#hasChanges) this.#deps.putChanges(batch)
    const mustReserve = next + reserveAhead / 2 > this.#fact.reservedTo
    const fact = mustReserve ? { ...this.#fact, reservedTo: next + reserveAhead } : this.#fact
    if (mustReserve || batch.length === 0) batch.put(nameKey('m', 'store'), jsonBytes(fact))
    const sync = mustReserve || this.#mustSync(now)
    this.#hasChanges = false
    try {
      const [isInPlace] = await Promise.all([slot.isInPlace(), batch.write({ sync })])
      if (!isInPlace) throw folderLost(slot.folder)
    } catch (error) {
      this.#hasChanges = true
      fault.enter(error)
      throw this.#failed(messageOf(error), error)
    }
    this.#fact = fact
    dictionary.markStored(seriesCount)
    for (const { part, to, bytes } of parts) {
      part.committed = to
      part.rowBytes += bytes
    }
    this.#next = next
    this.#isUnsynced = !sync
    if (sync) this.#syncedAt = now
    if (sync) this.#syncedTo = next - 1
    this.#deps.afterCommit()
    if (memory.uncommitted > 0) this.schedule()
    if (this.#isUnsynced) this.#scheduleSync()
  }

  /** Answers the position after the last row. */
  #putRows(batch: Batch, parts: readonly { part: Memory['active']; to: number; bytes: number }[]): number {
    let next = this.#next
    for (const of of parts) {
      for (const { seriesIds, timestampsMs, values, start, count } of of.part.segments(of.part.committed, of.to)) {
        const row = this.#encoder.encode(seriesIds, timestampsMs, values, start, count)
        next += count
        of.bytes += row.length
        batch.put(positionKey('j', next - 1), row)
      }
    }
    return next
  }

  #mustSync(now: number): boolean {
    if (this.#options.sync === 'always') return true
    return this.#options.sync === 'everySecond' && now - this.#syncedAt >= syncIntervalMs
  }

  /** An idle store still syncs its last commits within a second; a timer of its own, so that it delays no commit. */
  #scheduleSync(): void {
    if (this.#syncTimer !== undefined || this.#isClosed || this.#options.sync !== 'everySecond') return
    this.#syncTimer = this.#deps.clock.after(syncIntervalMs, () => {
      this.#syncTimer = undefined
      this.commitSoon()
    })
  }

  #failed(found: string, cause?: unknown): LanistaError {
    return new LanistaError('STORE_WRITE_FAILED', `free or repair the disk: the journal took no write: ${found}`, {
      cause,
    })
  }
}
