import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { diskSpace } from './disk.ts'
import { readFacts } from './facts.ts'
import { keyRange } from './keys.ts'
import { type Level, openLevel } from './level.ts'
import { LevelStore } from './level-store.ts'
import { fillOptions, type StoreDamage, type StoreDeps, type StoreOptions } from './options.ts'
import type { Store } from './store.ts'

/**
 * Opens the store in `options.folder`, made when it is missing, repaired or begun anew when it is damaged.
 * Throws STORE_LOCKED, STORE_FOLDER, STORE_VERSION.
 */
export async function openStore(options: StoreOptions, deps: StoreDeps): Promise<Store> {
  await makeFolder(options.folder)
  const full = fillOptions(options, (await diskSpace(options.folder)).totalBytes)
  const report = (damage: StoreDamage): void => {
    deps.logger.error(damage, 'store_damage')
    deps.onDamage?.(damage)
  }
  const open = async (): Promise<Level> => {
    const { level, damage } = await openLevel(
      { folder: join(options.folder, 'journal'), compression: false, cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 22 },
      deps.clock.now(),
    )
    if (damage) report({ kind: 'database', ...damage })
    return level
  }
  const level = await open()
  try {
    const opened = await readFacts(level, report)
    const { gte, lt } = keyRange('j')
    return new LevelStore(full, deps, opened, level, await level.approximateSize(gte, lt), open)
  } catch (error) {
    await level.close()
    throw error
  }
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
