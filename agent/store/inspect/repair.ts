import { quarantineKey } from '../area/area-keys.ts'
import type { BlockArea } from '../area/block-area.ts'
import { type DayFacts, emptyDay } from '../area/day.ts'
import { encodeStored, keyOf, type StoredBlock, type StoredPage } from '../area/stored-block.ts'

/** What one block or page has, or undefined when it cannot be read. */
export type Look = (stored: StoredBlock | StoredPage) => { count: number; minMs: number; maxMs: number } | undefined

/**
 * Puts everything of an area aside that cannot be read and counts its days anew. Nothing else may write to the area meanwhile.
 * @returns how many blocks and pages were put aside
 */
export async function repairArea(area: BlockArea, look: Look): Promise<number> {
  let moved = 0
  for (const day of area.days) {
    const facts: { -readonly [Key in keyof DayFacts]: DayFacts[Key] } = { ...emptyDay }
    for await (const stored of area.walk(day)) {
      const seen = look(stored)
      if (!seen) {
        const key = keyOf(stored)
        await area.slot.level.batch().put(quarantineKey(key), encodeStored(stored, stored.bytes)).del(key).write()
        moved++
        continue
      }
      if ('group' in stored) facts.pages++
      else facts.blocks++
      facts.samples += seen.count
      facts.minMs = Math.min(facts.minMs, seen.minMs)
      facts.maxMs = Math.max(facts.maxMs, seen.maxMs)
    }
    const writer = area.writer()
    writer.mark(day, { ...facts, isRolled: area.facts(day).isRolled && moved === 0 })
    await writer.write(true)
  }
  return moved
}
