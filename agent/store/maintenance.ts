import { join } from 'node:path'
import { messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { BlockArea } from './area/block-area.ts'
import { dayMs, dayOf } from './area/day.ts'
import { type FoldOptions, foldDay } from './area/fold.ts'
import { seal } from './area/seal.ts'
import type { StoredBlock, StoredPage } from './area/stored-block.ts'
import { BlockEncoder } from './block/encoder.ts'
import { decodeHeader } from './block/header-reader.ts'
import type { Dictionary } from './dictionary.ts'
import { mergePages } from './dictionary-merge.ts'
import { folderBytes } from './disk.ts'
import { jsonBytes, type SealedFact } from './facts.ts'
import type { WriteFault } from './fault.ts'
import type { Committer } from './journal/committer.ts'
import type { JournalTrimmer } from './journal/journal-trimmer.ts'
import { decodeRow } from './journal/row-decoder.ts'
import { nameKey } from './keys.ts'
import { folderLost, type LevelSlot } from './level-slot.ts'
import { groupOf } from './memory/buckets.ts'
import type { Memory } from './memory/memory.ts'
import { type FullStoreOptions, splitBytes } from './options.ts'
import { firstKeptDay, nextDrop } from './retention.ts'
import type { DropReason } from './store.ts'
import { settleDay, type Tier } from './tier/tier.ts'

/** Between two looks at ages, days and sizes, ms. */
const periodMs = 10_000
/** A day that is over is settled when nothing was written to it for this long, ms. */
const quietMs = 600_000
/** Samples of a sealed block at most. */
export const blockSamplesMax = 4096
/** Blocks of this many samples are left alone when small ones are folded. */
const keepSamplesMin = 1024
/** A day that is not over is folded when it has this many pages for each group of series, */
const foldPagesAGroup = 64
/** or this many new blocks for each series, on average smaller than this. */
const foldBlocksASeries = 16
const foldSamplesMin = 256
/** Share of the local bytes that the tiers may have, and that unread journal rows may have. */
const tierShare = 0.2
const journalShare = 0.25
/** Steps of one look at retention; the next look goes on. */
const dropsALook = 64

/** Bytes on disk. */
export interface BytesByPart {
  /** Index and journal. */
  readonly journal: number
  /** Blocks of this host's own samples. */
  readonly local: number
  /** All tiers. */
  readonly tiers: number
  readonly byTier: readonly number[]
  /** Copies of other hosts' samples, which the ring keeps in a folder of its own. */
  readonly shared: number
}

export interface MaintenanceDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly journal: LevelSlot
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
  readonly memory: Memory
  readonly committer: Committer
  readonly fault: WriteFault
  readonly dictionary: Dictionary
  readonly trimmer: JournalTrimmer
  /** Drops journal rows as far as they may go. */
  readonly trim: (sealedTo: number, bytesMax: number) => Promise<{ wantsSeal: boolean }>
  readonly onDropped: (reason: DropReason, samples: number) => void
  /** Memory has room again. */
  readonly onReleased: () => void
}

/**
 * Everything that happens behind the intake: sealing, trimming the journal, folding, tiers, retention. One step at a time, so that
 * no two ever change the same day.
 */
export class Maintenance {
  readonly #options: FullStoreOptions
  readonly #deps: MaintenanceDeps
  readonly #encoder = new BlockEncoder(blockSamplesMax)
  readonly #closing = new AbortController()
  readonly #folded = new Map<number, number>()
  readonly #writtenAt = new Map<number, number>()
  #sealed: SealedFact
  #wantsSeal = false
  #isDue = false
  #bytes: BytesByPart = { journal: 0, local: 0, tiers: 0, byTier: [], shared: 0 }
  #running: Promise<void> | undefined
  #again = false
  #timer: (() => void) | undefined

  constructor(options: FullStoreOptions, deps: MaintenanceDeps, sealed: SealedFact) {
    this.#options = options
    this.#deps = deps
    this.#sealed = sealed
  }

  /** Samples up to this position are in blocks. */
  get sealedTo(): number {
    return this.#sealed.to
  }

  /** Bytes on disk by part, as last measured. */
  get bytes(): BytesByPart {
    return this.#bytes
  }

  /** Takes a first look and starts the periodic ones. */
  start(): void {
    this.#isDue = true
    this.kick()
    this.#schedule()
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(periodMs, () => {
      this.#isDue = true
      this.#schedule()
      this.kick()
    })
  }

  /** Freezes the samples in memory when they are many, old, or asked for. Called at the beginning of a commit. */
  freezeIfDue(nowMs: number): void {
    const { memory } = this.#deps
    const isOld = memory.ageMs(nowMs) >= this.#options.sealAgeMs
    if (this.#wantsSeal || isOld || memory.active.count >= memory.samplesMax) {
      if (memory.freeze()) this.#wantsSeal = false
    }
  }

  /** There may be something to do. */
  kick(): void {
    if (this.#closing.signal.aborted || this.#deps.fault.reason !== undefined) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => this.#ended())
  }

  /** Seals all that is in memory and committed now, and lets the journal go as far as it may. */
  async flush(): Promise<void> {
    const { memory, committer } = this.#deps
    for (let round = 0; round < 3 && memory.count > 0; round++) {
      this.#wantsSeal = true
      committer.changed()
      await committer.commit()
      await this.idle()
    }
    this.#isDue = true
    await this.idle()
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    this.kick()
    while (this.#running) await this.#running
  }

  /**
   * Runs `work` while nothing else changes blocks. Calling `giveWay` lets what waits be sealed, so that memory, and intake with it, need
   * not wait for all of the work.
   */
  async alone<T>(work: (giveWay: () => Promise<void>) => Promise<T>): Promise<T> {
    while (this.#running) await this.#running
    const result = work(async () => {
      if (this.#canSeal()) await this.#seal()
    })
    this.#running = result.then(
      () => this.#ended(),
      () => this.#ended(),
    )
    return result
  }

  /** Folds and rolls up days that are over, without waiting for a quiet time. */
  async settle(): Promise<void> {
    this.#writtenAt.clear()
    const { local } = this.#deps
    for (let guard = local.days.length; guard > 0 && this.#unsettled() !== undefined; guard--) {
      this.#isDue = true
      await this.idle()
    }
  }

  /** Makes LevelDB forget what was dropped and merges what it has. */
  async compact(): Promise<void> {
    const { journal, local, tiers } = this.#deps
    for (const slot of [journal, local.slot, ...tiers.map(({ area }) => area.slot)]) await slot.compact()
    await this.measure()
  }

  async close(): Promise<void> {
    this.#timer?.()
    this.#closing.abort()
    await this.#running
  }

  #ended(): void {
    this.#running = undefined
    if (!this.#again) return
    this.#again = false
    this.kick()
  }

  /** Resolves when no step is under way. */
  async ended(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** The journal was begun anew: nothing of it is in blocks. Answers what to write there. */
  restart(): SealedFact {
    this.#sealed = { to: 0, sequence: this.#sealed.sequence + 1 }
    return this.#sealed
  }

  async #run(): Promise<void> {
    try {
      await this.#seal()
      await this.#trim()
      if (!this.#isDue) return
      this.#isDue = false
      await this.#checkPlaces()
      if (this.#deps.fault.reason !== undefined) return
      await this.#deps.fault.checkRoom()
      if (this.#deps.memory.ageMs(this.#deps.clock.monotonic()) >= this.#options.sealAgeMs)
        this.#deps.committer.changed()
      await this.measure()
      await this.#retain()
      await this.#fold()
      await this.#settle()
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, 'store_maintenance_failed')
    }
  }

  /** True when all frozen samples are in the journal, so that their positions are known. */
  #canSeal(): boolean {
    const { memory, fault } = this.#deps
    const { frozen } = memory
    return frozen !== undefined && frozen.committed === frozen.count && fault.reason === undefined
  }

  async #seal(): Promise<void> {
    const { memory, committer, fault, journal, local, clock } = this.#deps
    const { frozen } = memory
    if (!frozen || !this.#canSeal()) return
    const range = { from: this.#sealed.to + 1, to: committer.next - 1 - memory.active.committed }
    const sequence = this.#sealed.sequence + 1
    const sync = this.#options.sync !== 'never'
    const byAge = firstKeptDay({ today: dayOf(clock.now()), retentionDays: this.#options.retentionDays })
    // the tiers of a dropped day are all there is of it: late samples must not be rolled up in their place
    const firstDay = Math.max(byAge, local.droppedTo + 1)
    this.#sealed = { ...this.#sealed, sequence }
    try {
      await this.#requirePlace(local.slot)
      const tooOld = await seal(frozen, local, this.#encoder, { sequence, range, firstDay, sync })
      const sealed = { to: range.to, sequence }
      // the journal lets go of these samples next: the blocks must be where they are looked for
      await this.#requirePlace(local.slot)
      const { trimmer } = this.#deps
      const batch = journal.level.batch().put(nameKey('m', 'sealed'), jsonBytes(sealed))
      await batch.put(nameKey('m', 'journal'), jsonBytes(trimmer.sealedBytes + frozen.rowBytes)).write({ sync })
      this.#sealed = sealed
      trimmer.sealed(frozen.rowBytes)
      await mergePages(journal.level, this.#deps.dictionary)
      this.#deps.onDropped('too_old', tooOld)
    } catch (error) {
      fault.enter(error)
      return
    }
    const now = clock.monotonic()
    for (let day = dayOf(frozen.minMs); day <= dayOf(frozen.maxMs) && this.#writtenAt.size < 10_000; day++)
      this.#writtenAt.set(day, now)
    memory.release()
    this.#isDue = true
    this.#deps.onReleased()
  }

  async #trim(): Promise<void> {
    const { wantsSeal } = await this.#deps.trim(this.#sealed.to, this.#localMax * journalShare)
    if (!wantsSeal || this.#wantsSeal) return
    this.#wantsSeal = true
    this.#deps.committer.changed()
  }

  get #localMax(): number {
    return splitBytes(this.#options).local
  }

  /** Writing into a folder that is gone is a fault, though LevelDB sees none. */
  async #checkPlaces(): Promise<void> {
    const { journal, local, tiers, fault } = this.#deps
    for (const slot of [journal, local.slot, ...tiers.map(({ area }) => area.slot)]) {
      await this.#requirePlace(slot).catch((error: unknown) => fault.enter(error))
    }
  }

  async #requirePlace(slot: LevelSlot): Promise<void> {
    if (!(await slot.isInPlace())) throw folderLost(slot.folder)
  }

  /** Measures the bytes on disk. */
  async measure(): Promise<void> {
    const { journal, local, tiers } = this.#deps
    const of = await Promise.all(
      [journal, local.slot, ...tiers.map(({ area }) => area.slot)].map(({ folder }) => folderBytes(folder)),
    )
    const [journalBytes = 0, localBytes = 0, ...tierBytes] = of
    this.#bytes = {
      journal: journalBytes,
      local: localBytes,
      tiers: tierBytes.reduce((a, b) => a + b, 0),
      byTier: tierBytes,
      shared: await folderBytes(join(this.#options.folder, 'shared')),
    }
  }

  async #retain(): Promise<void> {
    const { local, tiers } = this.#deps
    const { retentionDays } = this.#options
    for (const tier of tiers) {
      await this.#drop(tier.area, tier.retentionDays, () => this.#bytes.tiers, this.#localMax * tierShare)
    }
    await this.#drop(
      local,
      retentionDays,
      () => this.#bytes.local + this.#bytes.tiers + this.#bytes.journal,
      this.#localMax,
    )
  }

  async #drop(area: BlockArea, retentionDays: number, bytesOf: () => number, bytesMax: number): Promise<void> {
    const today = dayOf(this.#deps.clock.now())
    for (let look = 0; look < dropsALook && !this.#closing.signal.aborted; look++) {
      const step = nextDrop({ days: area.days, today, retentionDays, bytes: bytesOf(), bytesMax })
      if (!step) return
      const { minMs, maxMs, samples } = area.facts(step.day)
      if (step.drop === 'day' && area === this.#deps.local) await this.#rollUp(step.day)
      if (step.drop === 'day') await area.clearDay(step.day)
      else await area.clearBefore(step.day, minMs + Math.ceil((maxMs - minMs + 1) / 4), countOf)
      this.#deps.logger.info({ folder: area.slot.folder, ...step, samples }, 'store_dropped')
      await this.measure()
    }
  }

  /** Folds days that are not over and have got many pages or small blocks. */
  async #fold(): Promise<void> {
    const { local, dictionary } = this.#deps
    for (const day of local.days) {
      const { blocks, pages, samples } = local.facts(day)
      const hasPages = pages >= foldPagesAGroup * (groupOf(dictionary.size) + 1)
      const fresh = blocks - (this.#folded.get(day) ?? 0)
      const hasBlocks = fresh >= foldBlocksASeries * Math.max(64, dictionary.size) && samples / blocks < foldSamplesMin
      if (!hasPages && !hasBlocks) continue
      await foldDay(local, day, this.#encoder, this.#foldOptions())
      this.#folded.set(day, local.facts(day).blocks)
    }
    for (const day of this.#folded.keys()) if (local.facts(day).blocks === 0) this.#folded.delete(day)
  }

  /** Sealing goes before folding: memory is what intake waits for. */
  #foldOptions(): Omit<FoldOptions, 'onSamples'> {
    return {
      seriesCount: this.#deps.dictionary.size,
      keepSamplesMin,
      isUrgent: () => this.#canSeal(),
      giveWay: () => this.#seal(),
      signal: this.#closing.signal,
    }
  }

  /** Settles one day that is over; the next look takes the next. */
  async #settle(): Promise<void> {
    const day = this.#unsettled()
    if (day === undefined) return
    await this.#rollUp(day)
    this.#deps.logger.debug({ day }, 'store_day_settled')
  }

  /** Brings the tiers up to date with a day. */
  async #rollUp(day: number): Promise<void> {
    const { local, tiers } = this.#deps
    if (local.facts(day).isRolled) return
    this.#writtenAt.delete(day)
    await settleDay(local, tiers, day, this.#encoder, this.#foldOptions())
    if (this.#closing.signal.aborted || this.#writtenAt.has(day)) return
    await local.markRolled(day)
  }

  #unsettled(): number | undefined {
    const { local, clock } = this.#deps
    const today = dayOf(clock.now())
    const now = clock.monotonic()
    const isQuiet = (day: number): boolean => now - (this.#writtenAt.get(day) ?? Number.NEGATIVE_INFINITY) >= quietMs
    return local.days.find((day) => day < today && !local.facts(day).isRolled && isQuiet(day))
  }
}

function countOf(stored: StoredBlock | StoredPage): { count: number; startMs: number } {
  if ('group' in stored) {
    try {
      const { timestampsMs } = decodeRow(stored.bytes)
      return { count: timestampsMs.length, startMs: timestampsMs.reduce((a, b) => Math.min(a, b)) }
    } catch {
      return { count: 0, startMs: stored.day * dayMs }
    }
  }
  try {
    return { count: decodeHeader(stored.bytes).count, startMs: stored.startMs }
  } catch {
    return { count: 0, startMs: stored.startMs }
  }
}
