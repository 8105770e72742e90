import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { BlockArea } from './area/block-area.ts'
import { Dictionary } from './dictionary.ts'
import { diskSpace } from './disk.ts'
import { lostName, type Opened, readFacts } from './facts.ts'
import { rowsAbove } from './journal/journal-reader.ts'
import { decodeRow } from './journal/row-decoder.ts'
import { positionKey } from './keys.ts'
import { LevelSlot } from './level-slot.ts'
import { LevelStore } from './level-store.ts'
import { Memory } from './memory/memory.ts'
import {
  type FullStoreOptions,
  fillOptions,
  type StoreDamage,
  type StoreDeps,
  type StoreOptions,
  writeBufferBytes,
} from './options.ts'
import type { HistoryStore } from './store.ts'
import type { Tier } from './tier/tier.ts'

const kib = 1024

/**
 * Opens the store in `options.folder`, made when it is missing, repaired or begun anew where it is damaged.
 * Throws STORE_LOCKED, STORE_FOLDER, STORE_VERSION.
 */
export async function openStore(options: StoreOptions, deps: StoreDeps): Promise<HistoryStore> {
  await makeFolder(options.folder)
  const full = fillOptions(options, (await diskSpace(options.folder)).totalBytes)
  const report = (damage: StoreDamage): void => {
    deps.logger.error(damage, 'store_damage')
    deps.onDamage?.(damage)
  }
  const once = new OnceAMinute(deps.clock)
  const dictionary = new Dictionary((collision) =>
    once.pass('collision', (suppressed) => deps.logger.error({ ...collision, suppressed }, 'series_hash_collision')),
  )
  const slots: LevelSlot[] = []
  const openSlot = async (name: string, bufferBytes: number): Promise<LevelSlot> => {
    const folder = join(options.folder, name)
    const slot = await LevelSlot.open(
      { folder, compression: false, cacheBytes: 512 * kib, writeBufferBytes: bufferBytes },
      () => deps.clock.now(),
      (damage) => report({ kind: 'database', ...damage }),
    )
    slots.push(slot)
    return slot
  }
  try {
    const journal = await openSlot('journal', writeBufferBytes(full))
    const local = await BlockArea.open(await openSlot('local', writeBufferBytes(full)), report)
    const tiers: Tier[] = []
    for (const tier of full.tiers) {
      tiers.push({
        ...tier,
        area: await BlockArea.open(
          await openSlot(`tier-${tier.stepMs}`, Math.min(256 * kib, writeBufferBytes(full))),
          report,
        ),
      })
    }
    const opened = await readFacts(journal.level, report, dictionary)
    const memory = await replay(journal, opened, full, report)
    return new LevelStore(full, deps, { journal, local, tiers, opened, memory })
  } catch (error) {
    for (const slot of slots) await slot.close()
    throw error
  }
}

/** Takes the rows that are not in blocks yet back into memory; those that cannot be read are put aside. */
async function replay(
  journal: LevelSlot,
  opened: Opened,
  options: FullStoreOptions,
  report: (damage: StoreDamage) => void,
): Promise<Memory> {
  const memory = new Memory(options.openSamplesMax, () => opened.dictionary.size)
  const { active } = memory
  for await (const stored of rowsAbove(journal.level, opened.sealed.to)) {
    try {
      const { seriesIds, timestampsMs, values } = decodeRow(stored.row)
      nameLost(opened.dictionary, seriesIds)
      active.rowBytes += stored.row.length
      for (let i = 0; i < seriesIds.length; i++) {
        active.push(seriesIds[i] as number, timestampsMs[i] as number, values[i] as number)
      }
    } catch (error) {
      if (!isLanistaError(error, 'JOURNAL_ROW_CORRUPT')) throw error
      await journal.level.batch().put(positionKey('q', stored.to), stored.row).del(positionKey('j', stored.to)).write()
      report({ kind: 'row', from: stored.from, to: stored.to, reason: String(error.data['reason']) })
    }
  }
  active.committed = active.count
  return memory
}

/** Samples whose dictionary page is gone stay readable under a name of their own. */
function nameLost(dictionary: Dictionary, seriesIds: Uint32Array): void {
  for (const id of seriesIds) while (dictionary.size <= id) dictionary.adopt(lostName(dictionary.size))
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new LanistaError('STORE_FOLDER', `choose a data folder that can be written: ${messageOf(error)}`, {
      cause: error,
      data: { folder },
    })
  }
}
