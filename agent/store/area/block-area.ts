import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { jsonBytes } from '../facts.ts'
import type { LevelSlot } from '../level-slot.ts'
import { groupOf, groupSize } from '../memory/buckets.ts'
import type { StoreDamage } from '../options.ts'
import {
  allDays,
  type Bounds,
  dayBounds,
  dayKey,
  dayOfKey,
  groupBounds,
  nextDay,
  quarantineKey,
  seriesBounds,
} from './area-keys.ts'
import { AreaWriter } from './area-writer.ts'
import { type DayFacts, emptyDay, parseDayFacts, unknownDay } from './day.ts'
import {
  decodeStored,
  decodeStoredPage,
  encodeStored,
  keyOf,
  type StoredBlock,
  type StoredPage,
} from './stored-block.ts'

/** Values read in one step while walking a day. */
const blocksAStep = 64

/** Where `droppedTo` is kept. */
const droppedKey = Uint8Array.of('a'.charCodeAt(0))

/** All that one day holds of 64 neighbouring series. */
export interface StoredGroup {
  readonly group: number
  readonly blocks: readonly StoredBlock[]
  readonly pages: readonly StoredPage[]
}

/**
 * Sealed blocks and pages by day, series and time in one LevelDB. A day is dropped in one range; nothing in it is ever changed but by
 * replacing several blocks and pages with blocks that hold the same.
 */
export class BlockArea {
  readonly #slot: LevelSlot
  readonly #report: (damage: StoreDamage) => void
  readonly #days: Map<number, DayFacts>
  #droppedTo: number

  private constructor(
    slot: LevelSlot,
    days: Map<number, DayFacts>,
    droppedTo: number,
    report: (damage: StoreDamage) => void,
  ) {
    this.#slot = slot
    this.#days = days
    this.#droppedTo = droppedTo
    this.#report = report
  }

  static async open(slot: LevelSlot, report: (damage: StoreDamage) => void): Promise<BlockArea> {
    const days = new Map<number, DayFacts>()
    const bounds = { gte: Uint8Array.of('b'.charCodeAt(0)), lt: Uint8Array.of('c'.charCodeAt(0)) }
    for await (const [key, value] of slot.level.iterator(bounds)) {
      const facts = parseDayFacts(value)
      if (facts) days.set(dayOfKey(key), facts)
    }
    for (const day of await daysWithData(slot)) if (!days.has(day)) days.set(day, unknownDay(day))
    return new BlockArea(slot, days, parseDroppedTo(await slot.level.get(droppedKey)), report)
  }

  /** The latest day that was dropped whole; −Infinity when none was. */
  get droppedTo(): number {
    return this.#droppedTo
  }

  /** The database was begun anew; answers how many samples it had. */
  restart(): number {
    const { samples } = this
    this.#days.clear()
    this.#droppedTo = Number.NEGATIVE_INFINITY
    return samples
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

  /** Samples of all days. */
  get samples(): number {
    let samples = 0
    for (const facts of this.#days.values()) samples += facts.samples
    return samples
  }

  /** One writer at a time: it counts on the days' facts. */
  writer(): AreaWriter {
    return new AreaWriter(this.#slot, this.#days)
  }

  /** The blocks of a series in a day, by start, then sequence. */
  async blocks(day: number, seriesId: number): Promise<StoredBlock[]> {
    if (this.facts(day).blocks === 0) return []
    return (await this.#all(seriesBounds(day, seriesId))).map(([key, value]) => decodeStored(key, value))
  }

  /** The blocks of a group in a day, by series. */
  async blocksOfGroup(day: number, group: number): Promise<Map<number, StoredBlock[]>> {
    const series = new Map<number, StoredBlock[]>()
    if (this.facts(day).blocks === 0) return series
    for (const [key, value] of await this.#all(seriesBounds(day, group * groupSize, (group + 1) * groupSize))) {
      const block = decodeStored(key, value)
      const blocks = series.get(block.seriesId)
      if (blocks) blocks.push(block)
      else series.set(block.seriesId, [block])
    }
    return series
  }

  /** The pages of a day that may have samples of a series. */
  async pages(day: number, seriesId: number): Promise<StoredPage[]> {
    if (this.facts(day).pages === 0) return []
    return (await this.#all(groupBounds(day, groupOf(seriesId)))).map(([key, value]) => decodeStoredPage(key, value))
  }

  /** All of a day, group by group, of series below `seriesCount`. */
  async *groups(day: number, seriesCount: number): AsyncGenerator<StoredGroup> {
    for (let group = 0; group * groupSize < seriesCount; group++) {
      const blocks = await this.#all(seriesBounds(day, group * groupSize, (group + 1) * groupSize))
      const pages = this.facts(day).pages === 0 ? [] : await this.#all(groupBounds(day, group))
      if (blocks.length === 0 && pages.length === 0) continue
      yield {
        group,
        blocks: blocks.map(([key, value]) => decodeStored(key, value)),
        pages: pages.map(([key, value]) => decodeStoredPage(key, value)),
      }
    }
  }

  /** Everything of a day, one by one. */
  async *walk(day: number): AsyncGenerator<StoredBlock | StoredPage> {
    for (const [i, bounds] of dayBounds(day).entries()) {
      const iterator = this.#slot.level.iterator({ ...bounds, fillCache: false })
      try {
        for (
          let entries = await iterator.nextv(blocksAStep);
          entries.length > 0;
          entries = await iterator.nextv(blocksAStep)
        ) {
          for (const [key, value] of entries) yield i === 0 ? decodeStored(key, value) : decodeStoredPage(key, value)
        }
      } finally {
        await iterator.close()
      }
    }
  }

  /** Drops a day: two ranges, then LevelDB is made to forget them, so that no tombstones stay. */
  async clearDay(day: number): Promise<void> {
    const { level } = this.#slot
    this.#droppedTo = Math.max(this.#droppedTo, day)
    await level.put(droppedKey, jsonBytes(this.#droppedTo))
    for (const bounds of dayBounds(day)) await level.clear(bounds)
    await level.del(dayKey(day))
    this.#days.delete(day)
    await this.#forget(day)
  }

  /**
   * Drops the blocks and pages of a day that begin before `beforeMs`.
   * @param countOf how many samples one has
   */
  async clearBefore(
    day: number,
    beforeMs: number,
    countOf: (stored: StoredBlock | StoredPage) => { readonly count: number; readonly startMs: number },
  ): Promise<void> {
    const writer = this.writer()
    for await (const stored of this.walk(day)) {
      const { count, startMs } = countOf(stored)
      if (startMs < beforeMs) writer.remove(stored, count)
    }
    writer.mark(day, { minMs: Math.max(beforeMs, this.facts(day).minMs) })
    await writer.write(false)
    await this.#forget(day)
  }

  /** Notes that the tiers have everything of a day. */
  async markRolled(day: number): Promise<void> {
    const writer = this.writer()
    writer.mark(day, { isRolled: true })
    await writer.write(false)
  }

  /** Runs a reader of one block or page; one that cannot be read is put aside and reported, and undefined comes back. */
  async guard<T>(stored: StoredBlock | StoredPage, read: () => T): Promise<T | undefined> {
    try {
      return read()
    } catch (error) {
      if (!isLanistaError(error, 'BLOCK_CORRUPT') && !isLanistaError(error, 'JOURNAL_ROW_CORRUPT')) throw error
      await this.quarantine(stored, String(error.data['reason']))
      return undefined
    }
  }

  /**
   * Puts one aside that cannot be read, and reports it. False on a disk that takes no writes: then it is reported alone, and found again.
   */
  async quarantine(stored: StoredBlock | StoredPage, found: string): Promise<boolean> {
    const key = keyOf(stored)
    let reason = found
    let isAside = true
    try {
      await this.#slot.level.batch().put(quarantineKey(key), encodeStored(stored, stored.bytes)).del(key).write()
    } catch (error) {
      isAside = false
      reason = `${found}, and it cannot be put aside: ${messageOf(error)}`
    }
    const isPage = 'group' in stored
    const seriesId = isPage ? stored.group * groupSize : stored.seriesId
    this.#report({ kind: isPage ? 'page' : 'block', day: stored.day, seriesId, reason })
    return isAside
  }

  async #forget(day: number): Promise<void> {
    for (const { gte, lt } of dayBounds(day)) await this.#slot.level.compactRange(gte, lt)
  }

  #all(bounds: Bounds): Promise<[Uint8Array, Uint8Array][]> {
    return this.#slot.level.iterator({ ...bounds, fillCache: false }).all()
  }
}

/** Days that have blocks or pages, found by skipping from day to day. */
async function daysWithData(slot: LevelSlot): Promise<Set<number>> {
  const days = new Set<number>()
  for (const { gte, lt } of allDays()) {
    const iterator = slot.level.keys({ gte, lt, fillCache: false })
    try {
      for (let key = await iterator.next(); key !== undefined; key = await iterator.next()) {
        const day = dayOfKey(key)
        days.add(day)
        iterator.seek(nextDay(key))
      }
    } finally {
      await iterator.close()
    }
  }
  return days
}

function parseDroppedTo(value: Uint8Array | undefined): number {
  const day = value ? Number(new TextDecoder().decode(value)) : Number.NaN
  return Number.isSafeInteger(day) ? day : Number.NEGATIVE_INFINITY
}
