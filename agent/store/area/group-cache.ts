import { groupOf } from '../memory/buckets.ts'
import type { BlockArea } from './block-area.ts'
import type { DayFacts } from './day.ts'
import type { SeriesReader, Source } from './series-reader.ts'
import type { StoredBlock } from './stored-block.ts'

/** Groups of one day that are kept, those used last. */
const groupsMax = 8
/** Looks into one group after which all its blocks are read at once, */
const looksMin = 4
/** where a series has at most this many samples in the day, so that a group stays small. */
const samplesASeriesMax = 2000

interface Entry {
  /** The facts of the day when it was read: a new object after every change. */
  readonly facts: DayFacts
  looks: number
  pages?: Promise<ReadonlyMap<number, readonly Source[]>> | undefined
  blocks?: Promise<ReadonlyMap<number, readonly StoredBlock[]>> | undefined
}

/**
 * What neighbouring series share: the pages of their group, and, when several of them are asked for, one read of all their blocks. Pages
 * come before blocks, so that nothing is missed that is folded meanwhile: it is seen twice, and merged.
 */
export class GroupCache {
  readonly #area: BlockArea
  readonly #reader: Pick<SeriesReader, 'split'>
  readonly #entries = new Map<string, Entry>()

  constructor(area: BlockArea, reader: Pick<SeriesReader, 'split'>) {
    this.#area = area
    this.#reader = reader
  }

  /** What the pages of a day have of a series. */
  async pages(day: number, seriesId: number): Promise<readonly Source[]> {
    const facts = this.#area.facts(day)
    if (facts.pages === 0) return []
    const entry = this.#entry(day, seriesId, facts)
    entry.pages ??= this.#splitAll(day, seriesId)
    return (await entry.pages).get(seriesId) ?? []
  }

  /** The blocks of a series in a day. Called after `pages`. */
  async blocks(day: number, seriesId: number, seriesCount: number): Promise<readonly StoredBlock[]> {
    const facts = this.#area.facts(day)
    const entry = this.#entry(day, seriesId, facts)
    const isSmall = facts.samples <= samplesASeriesMax * Math.max(1, seriesCount)
    if (++entry.looks < looksMin || !isSmall) return this.#area.blocks(day, seriesId)
    entry.blocks ??= this.#area.blocksOfGroup(day, groupOf(seriesId))
    return (await entry.blocks).get(seriesId) ?? []
  }

  /** Lets go of everything. */
  clear(): void {
    this.#entries.clear()
  }

  async #splitAll(day: number, seriesId: number): Promise<ReadonlyMap<number, readonly Source[]>> {
    const series = new Map<number, Source[]>()
    for (const page of await this.#area.pages(day, seriesId)) {
      for (const [id, source] of await this.#reader.split(page)) {
        const sources = series.get(id)
        if (sources) sources.push(source)
        else series.set(id, [source])
      }
    }
    return series
  }

  #entry(day: number, seriesId: number, facts: DayFacts): Entry {
    const key = `${day}:${groupOf(seriesId)}`
    const known = this.#entries.get(key)
    this.#entries.delete(key)
    const entry = known?.facts === facts ? known : { facts, looks: 0 }
    this.#entries.set(key, entry)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= groupsMax) break
      this.#entries.delete(oldest)
    }
    return entry
  }
}
