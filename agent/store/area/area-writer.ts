import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { jsonBytes } from '../facts.ts'
import type { LevelSlot } from '../level-slot.ts'
import { blockKey, dayKey, type PageKey, pageKey } from './area-keys.ts'
import { type DayFacts, dayOf, emptyDay } from './day.ts'
import { encodeStored, keyOf, type StoredBlock, type StoredPage } from './stored-block.ts'

/** What of a block the day's facts need. */
export interface BlockSummary {
  readonly count: number
  readonly t0Ms: number
  readonly t1Ms: number
}

type Batch = ReturnType<LevelSlot['level']['batch']>

/** Collects changes of an area and writes them with the facts of the days they touch, all or nothing. */
export class AreaWriter {
  readonly #slot: LevelSlot
  readonly #days: Map<number, DayFacts>
  readonly #changed = new Map<number, { -readonly [Key in keyof DayFacts]: DayFacts[Key] }>()
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
    key: { readonly seriesId: number; readonly sequence: number },
    range: ArrivalRange,
    block: Uint8Array,
    summary: BlockSummary,
  ): void {
    const day = dayOf(summary.t0Ms)
    const { seriesId, sequence } = key
    this.#add(blockKey({ day, seriesId, startMs: summary.t0Ms, sequence }), range, block, day, summary).blocks++
  }

  putPage(key: PageKey, range: ArrivalRange, page: Uint8Array, summary: BlockSummary): void {
    this.#add(pageKey(key), range, page, key.day, summary).pages++
  }

  /** @param count samples in it */
  remove(stored: StoredBlock | StoredPage, count: number): void {
    this.#open().del(keyOf(stored))
    const facts = this.#facts(stored.day)
    if ('group' in stored) facts.pages--
    else facts.blocks--
    facts.samples -= count
  }

  /** Changes facts of a day. */
  mark(day: number, change: Partial<DayFacts>): void {
    this.#open()
    Object.assign(this.#facts(day), change)
  }

  async write(sync: boolean): Promise<void> {
    const batch = this.#batch
    if (!batch) return
    for (const [day, facts] of this.#changed) {
      if (facts.blocks + facts.pages > 0) batch.put(dayKey(day), jsonBytes(facts))
      else batch.del(dayKey(day))
    }
    this.#batch = undefined
    await batch.write({ sync })
    for (const [day, facts] of this.#changed) {
      if (facts.blocks + facts.pages > 0) this.#days.set(day, { ...facts })
      else this.#days.delete(day)
    }
    this.#changed.clear()
    this.#bytes = 0
  }

  #add(key: Uint8Array, range: ArrivalRange, block: Uint8Array, day: number, summary: BlockSummary) {
    const value = encodeStored(range, block)
    this.#open().put(key, value)
    this.#bytes += value.length
    const facts = this.#facts(day)
    facts.samples += summary.count
    facts.minMs = Math.min(facts.minMs, summary.t0Ms)
    facts.maxMs = Math.max(facts.maxMs, summary.t1Ms)
    facts.isRolled = false
    return facts
  }

  #open(): Batch {
    this.#batch ??= this.#slot.level.batch()
    return this.#batch
  }

  #facts(day: number) {
    const known = this.#changed.get(day)
    if (known) return known
    const facts = { ...(this.#days.get(day) ?? emptyDay) }
    this.#changed.set(day, facts)
    return facts
  }
}
