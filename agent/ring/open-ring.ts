import { join } from 'node:path'
import { LevelSlot } from '../store/level-slot.ts'
import { LevelReplicaStore } from './level-replica-store.ts'
import { Ring, type RingDeps, type RingOptions } from './ring.ts'

const kib = 1024

/**
 * Opens the shared area in the folder `shared` of the store's folder, and the ring over it. The ring closes both.
 * Throws STORE_LOCKED, STORE_FOLDER.
 */
export async function openRing(
  options: RingOptions & { readonly storeFolder: string },
  deps: Omit<RingDeps, 'replicas'>,
): Promise<Ring> {
  const { clock, logger } = deps
  const slot = await LevelSlot.open(
    {
      folder: join(options.storeFolder, 'shared'),
      compression: false,
      cacheBytes: 512 * kib,
      writeBufferBytes: 1024 * kib,
    },
    () => clock.now(),
    (damage) => logger.error({ kind: 'database', ...damage }, 'ring_damage'),
  )
  let ring: Ring | undefined
  const replicas = new LevelReplicaStore(slot, (damage) => {
    logger.error({ ...damage }, 'ring_damage')
    ring?.damaged(damage)
  })
  try {
    ring = await Ring.open(options, { ...deps, replicas })
    return ring
  } catch (error) {
    await replicas.close()
    throw error
  }
}
