/**
 * Reads what a store has, block by block and row by row, and puts aside what cannot be read, as a reader does that meets it. Days are
 * counted anew on the way. A day is done at one go; between two rows and two days a repair may end and go on later from a place.
 */
import type { StoreRepair } from '#protocol/query/store-ask.ts'
import { formatPlace, type StorePlace } from '#protocol/query/store-place.ts'
import { dayKey } from '../area/area-keys.ts'
import type { BlockArea } from '../area/block-area.ts'
import { type DayFacts, emptyDay } from '../area/day.ts'
import { keyOf, type StoredBlock, type StoredPage } from '../area/stored-block.ts'
import { rowsAbove, type StoredRow } from '../journal/journal-reader.ts'
import { decodeRow } from '../journal/row-decoder.ts'
import { positionKey, positionOf } from '../keys.ts'
import type { LevelSlot } from '../level-slot.ts'
import type { Tier } from '../tier/tier.ts'
import { damagesMax } from './check.ts'
import { type Look, lookAtSamples, lookAtWindows, reasonOf, type Seen } from './look.ts'

/** How far a repair goes at one go, and at which pace. Absent = all of it, as fast as it can. */
export interface RepairOptions {
  /** Where the one before ended. */
  readonly after?: StorePlace | undefined
  /** Asked between two blocks: may let others work, and throws when the repair is given up. */
  readonly pause?: (() => Promise<void>) | undefined
  /** True when it is time to end. */
  readonly isOver?: (() => boolean) | undefined
}

export interface RepairDeps {
  readonly journal: LevelSlot
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
  /** Runs work while nothing else changes blocks, but for what `giveWay` lets happen in between. */
  readonly alone: (work: (giveWay: () => Promise<void>) => Promise<void>) => Promise<void>
  /** Puts a row aside; false on a disk that takes no writes. */
  readonly quarantine: (row: StoredRow, reason: string) => Promise<boolean>
}

type Counts = { -readonly [Key in keyof StoreRepair]: StoreRepair[Key] }

/** Places: part 0 is the journal, by position; then the local area and the tiers, by day. */
export class Repair {
  readonly #deps: RepairDeps
  readonly #pause: () => Promise<void>
  readonly #isOver: () => boolean
  readonly #after: StorePlace
  readonly #damages: StoreRepair['damages'][number][] = []
  readonly #counts: Omit<Counts, 'damages' | 'next'> = {
    rows: 0,
    blocks: 0,
    pages: 0,
    tierBlocks: 0,
    damaged: 0,
    put_aside: 0,
  }

  constructor({ after, pause, isOver }: RepairOptions, deps: RepairDeps) {
    this.#deps = deps
    this.#after = after ?? { part: 0, key: new Uint8Array(0) }
    this.#pause = pause ?? (async () => {})
    this.#isOver = isOver ?? (() => false)
  }

  /** What was found, at most `damagesMax` damages one by one. Rejects with what `pause` throws. */
  async run(): Promise<StoreRepair> {
    const next = (await this.#journal()) ?? (await this.#areas())
    return { ...this.#counts, damages: this.#damages, ...(next && { next: formatPlace(next) }) }
  }

  async #journal(): Promise<StorePlace | undefined> {
    const { part, key } = this.#after
    if (part > 0) return undefined
    const { journal, quarantine } = this.#deps
    for await (const row of rowsAbove(journal.level, key.length === 9 ? positionOf(key) : 0)) {
      const seen = await this.#look('row', `${journal.folder} position ${row.to}`, () => decodeRow(row.row), {
        putAside: (reason) => quarantine(row, reason),
      })
      if (seen) this.#counts.rows++
      await this.#pause()
      if (this.#isOver()) return { part: 0, key: positionKey('j', row.to) }
    }
    return undefined
  }

  async #areas(): Promise<StorePlace | undefined> {
    const { local, tiers, alone } = this.#deps
    for (const [i, area] of [local, ...tiers.map((tier) => tier.area)].entries()) {
      const part = i + 1
      if (part < this.#after.part) continue
      for (const day of area.days) {
        const key = dayKey(day)
        if (part === this.#after.part && Buffer.compare(key, this.#after.key) <= 0) continue
        await alone((giveWay) => this.#day(area, day, part === 1 ? lookAtSamples : lookAtWindows, giveWay))
        if (this.#isOver()) return { part, key }
      }
    }
    return undefined
  }

  /** Counts a day anew, unless something was sealed into it meanwhile: then what is known of it has grown with that. */
  async #day(area: BlockArea, day: number, look: Look, giveWay: () => Promise<void>): Promise<void> {
    const before = area.facts(day)
    const facts = { ...emptyDay, isRolled: before.isRolled }
    for await (const stored of area.walk(day)) {
      const seen = await this.#stored(area, stored, look)
      if (seen) count(facts, stored, seen)
      await this.#pause()
      await giveWay()
    }
    if (area.facts(day) !== before || isSame(before, facts)) return
    const writer = area.writer()
    writer.mark(day, facts)
    await writer.write(true)
  }

  async #stored(area: BlockArea, stored: StoredBlock | StoredPage, look: Look): Promise<Seen | undefined> {
    const isTier = look === lookAtWindows
    const isPage = 'group' in stored
    const where = `${area.slot.folder} ${Buffer.from(keyOf(stored)).toString('hex')}`
    const seen = await this.#look(isTier ? 'tier' : isPage ? 'page' : 'block', where, () => look(stored), {
      putAside: (reason) => area.quarantine(stored, reason),
    })
    if (seen) this.#counts[isTier ? 'tierBlocks' : isPage ? 'pages' : 'blocks']++
    return seen
  }

  async #look<T>(
    kind: string,
    where: string,
    look: () => T,
    { putAside }: { readonly putAside: (reason: string) => Promise<boolean> },
  ): Promise<T | undefined> {
    try {
      return look()
    } catch (error) {
      const reason = reasonOf(error)
      this.#counts.damaged++
      if (await putAside(reason)) this.#counts.put_aside++
      if (this.#damages.length < damagesMax) this.#damages.push({ kind, where, reason })
      return undefined
    }
  }
}

function count(
  facts: { -readonly [Key in keyof DayFacts]: DayFacts[Key] },
  stored: StoredBlock | StoredPage,
  seen: Seen,
): void {
  if ('group' in stored) facts.pages++
  else facts.blocks++
  facts.samples += seen.count
  facts.minMs = Math.min(facts.minMs, seen.minMs)
  facts.maxMs = Math.max(facts.maxMs, seen.maxMs)
}

function isSame(a: DayFacts, b: DayFacts): boolean {
  const keys = ['blocks', 'pages', 'samples', 'minMs', 'maxMs'] as const
  return keys.every((key) => a[key] === b[key])
}
