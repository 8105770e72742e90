import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { LevelSlot } from '../level-slot.ts'
import type { StoreDamage } from '../options.ts'
import { blockKey, dayBounds, dayKey, dayOfKey, quarantineKey, seriesBounds } from './area-keys.ts'
import { type DayFacts, dayMs, emptyDay, parseDayFacts } from './day.ts'
import { decodeStored, encodeStored, type StoredBlock } from './stored-block.ts'

/** What of a block's header the day's facts need. */
export interface BlockSummary {
  readonly count: number
  readonly t0Ms: number
  readonly t1Ms: number
}

/** Values read in one step while walking a day. */
const blocksAStep = 64

type Batch = ReturnType<LevelSlot['level']['batch']>

/**
 * Sealed blocks by day, series and time in one LevelDB. A day is dropped in one range; nothing in it is ever changed but by
 * replacing several blocks of a series with one that holds the same.
 */
export class BlockArea {
  readonly #slot: LevelSlot
  readonly #report: (damage: StoreDamage) => void
  #days: Map<number, DayFacts>

  private constructor(slot: LevelSlot, days: Map<number, DayFacts>, report: (damage: StoreDamage) => void) {
    this.#slot = slot
    this.#days = days
    this.#report = report
  }

  static async open(slot: LevelSlot, report: (damage: StoreDamage) => void): Promise<BlockArea> {
    const days = new Map<number, DayFacts>()
    const bounds = { gte: Uint8Array.of('b'.charCodeAt(0)), lt: Uint8Array.of('c'.charCodeAt(0)) }
    for await (const [key, value] of slot.level.iterator(bounds)) {
      days.set(dayOfKey(key), parseDayFacts(value) ?? emptyDay)
    }
    return new BlockArea(slot, days, report)
  }

  get slot(): LevelSlot {
    return this.#slot
  }

  /** Days that hold something, oldest first. */
  get days(): readonly number[] {
    return [...this.#days.keys()].sort((a, b) => a - b)
  }

  facts(day: number): DayFacts {
    return this.#days.get(day) ?? emptyDay
  }

  /** Sums over all days. */
  get totals(): Pick<DayFacts, 'blocks' | 'samples' | 'bytes'> {
    let [blocks, samples, bytes] = [0, 0, 0]
    for (const facts of this.#days.values()) {
      blocks += facts.blocks
      samples += facts.samples
      bytes += facts.bytes
    }
    return { blocks, samples, bytes }
  }

  writer(): AreaWriter {
    return new AreaWriter(this.#slot, this.#days)
  }

  /** The blocks of a series in a day, by start, then sequence. */
  async blocks(day: number, seriesId: number): Promise<StoredBlock[]> {
    if (!this.#days.has(day)) return []
    const entries = await this.#slot.level.iterator({ ...seriesBounds(day, seriesId), fillCache: false }).all()
    return entries.map(([key, value]) => decodeStored(key, value))
  }

  /** All blocks of a day, series by series. */
  async *walk(day: number): AsyncGenerator<StoredBlock> {
    const iterator = this.#slot.level.iterator({ ...dayBounds(day), fillCache: false })
    try {
      for (
        let entries = await iterator.nextv(blocksAStep);
        entries.length > 0;
        entries = await iterator.nextv(blocksAStep)
      ) {
        for (const [key, value] of entries) yield decodeStored(key, value)
      }
    } finally {
      await iterator.close()
    }
  }

  /** Drops a day: one range, then LevelDB is made to forget it, so that no tombstones stay. */
  async clearDay(day: number): Promise<void> {
    const { gte, lt } = dayBounds(day)
    const { level } = this.#slot
    await level.clear({ gte, lt })
    await level.del(dayKey(day))
    this.#days.delete(day)
    await level.compactRange(gte, lt)
  }

  /** Drops the blocks of a day that start before `beforeMs`; answers how many samples were in them. */
  async clearBefore(day: number, beforeMs: number, countOf: (block: StoredBlock) => number): Promise<number> {
    const writer = this.writer()
    let dropped = 0
    for await (const block of this.walk(day)) {
      if (block.startMs >= beforeMs) continue
      const count = countOf(block)
      writer.remove(block, count)
      dropped += count
    }
    writer.cutBefore(day, beforeMs)
    await writer.write(false)
    const { gte, lt } = dayBounds(day)
    await this.#slot.level.compactRange(gte, lt)
    return dropped
  }

  /** Notes that the tiers have everything of a day, or no longer. */
  async markRolled(day: number, isRolled: boolean): Promise<void> {
    const writer = this.writer()
    writer.mark(day, { isRolled })
    await writer.write(false)
  }

  /** Runs a reader of one block; one that cannot be read is put aside and reported, and undefined comes back. */
  async guard<T>(block: StoredBlock, read: () => T): Promise<T | undefined> {
    try {
      return read()
    } catch (error) {
      if (!isLanistaError(error, 'BLOCK_CORRUPT')) throw error
      await this.#quarantine(block, String(error.data['reason']))
      return undefined
    }
  }

  async #quarantine(block: StoredBlock, reason: string): Promise<void> {
    const key = blockKey(block)
    await this.#slot.level.batch().put(quarantineKey(key), encodeStored(block, block.bytes)).del(key).write()
    this.#report({ kind: 'block', seriesId: block.seriesId, startMs: block.startMs, reason })
  }
}

/** Collects changes of an area and writes them with the facts of the days they touch, all or nothing. */
export class AreaWriter {
  readonly #slot: LevelSlot
  readonly #days: Map<number, DayFacts>
  readonly #changed = new Map<number, DayFacts>()
  #batch: Batch | undefined
  #bytes = 0

  constructor(slot: LevelSlot, days: Map<number, DayFacts>) {
    this.#slot = slot
    this.#days = days
  }

  /** Bytes waiting to be written. */
  get bytes(): number {
    return this.#bytes
  }

  put(
    key: { seriesId: number; sequence: number },
    range: ArrivalRange,
    block: Uint8Array,
    summary: BlockSummary,
  ): void {
    const day = Math.floor(summary.t0Ms / dayMs)
    const value = encodeStored(range, block)
    this.#open().put(blockKey({ ...key, day, startMs: summary.t0Ms }), value)
    this.#bytes += value.length
    const facts = this.#facts(day)
    this.#changed.set(day, {
      blocks: facts.blocks + 1,
      samples: facts.samples + summary.count,
      bytes: facts.bytes + value.length,
      minMs: Math.min(facts.minMs, summary.t0Ms),
      maxMs: Math.max(facts.maxMs, summary.t1Ms),
      isRolled: false,
    })
  }

  /** @param count samples in the block */
  remove(block: StoredBlock, count: number): void {
    this.#open().del(blockKey(block))
    const facts = this.#facts(block.day)
    const bytes = encodeStored(block, block.bytes).length
    this.mark(block.day, { blocks: facts.blocks - 1, samples: facts.samples - count, bytes: facts.bytes - bytes })
  }

  /** Changes facts of a day. */
  mark(day: number, change: Partial<DayFacts>): void {
    this.#open()
    this.#changed.set(day, { ...this.#facts(day), ...change })
  }

  cutBefore(day: number, beforeMs: number): void {
    this.mark(day, { minMs: Math.max(beforeMs, this.#facts(day).minMs) })
  }

  async write(sync: boolean): Promise<void> {
    const batch = this.#batch
    if (!batch) return
    for (const [day, facts] of this.#changed) {
      if (facts.blocks > 0) batch.put(dayKey(day), encodeJson(facts))
      else batch.del(dayKey(day))
    }
    this.#batch = undefined
    await batch.write({ sync })
    for (const [day, facts] of this.#changed) {
      if (facts.blocks > 0) this.#days.set(day, facts)
      else this.#days.delete(day)
    }
    this.#changed.clear()
    this.#bytes = 0
  }

  #open(): Batch {
    this.#batch ??= this.#slot.level.batch()
    return this.#batch
  }

  #facts(day: number): DayFacts {
    return this.#changed.get(day) ?? this.#days.get(day) ?? emptyDay
  }
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
