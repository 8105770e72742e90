import type { Dictionary } from './dictionary.ts'
import { encodePage, pageEntriesMax } from './dictionary-page.ts'
import { keyRange, pageFirstId, pageKey } from './keys.ts'
import type { Level } from './level.ts'

/** Pages that are not full, at the end of the dictionary, from which on they are merged. */
export const smallPagesMax = 64

/**
 * Series that come one by one leave a page each: makes full pages of them. Only what is on disk already is touched, in one batch, so a
 * commit may add a page meanwhile.
 * @returns how many pages it replaced
 */
export async function mergePages(level: Level, dictionary: Dictionary): Promise<number> {
  const stored = dictionary.stored
  const firstIds = (await level.keys(keyRange('n')).all()).map(pageFirstId).filter((id) => id < stored)
  const start = firstIds.findIndex((id, i) => (firstIds[i + 1] ?? stored) - id < pageEntriesMax)
  const small = start < 0 ? [] : firstIds.slice(start)
  const [first] = small
  if (first === undefined || small.length < smallPagesMax) return 0
  const batch = level.batch()
  for (const id of small) batch.del(pageKey(id))
  for (let id = first; id < stored; id += pageEntriesMax) {
    batch.put(pageKey(id), encodePage(dictionary.entries(id, Math.min(stored, id + pageEntriesMax))))
  }
  await batch.write()
  return small.length
}
