/**
 * Version 1 of the shared area kept names by store, version 2 keeps them by lane. What an area of version 1 has is given to each lane
 * of the store that has rows: those rows were named by it.
 */
import type { Level } from '../store/level.ts'
import { type Lane, laneKey } from './lane.ts'
import { keysWithin } from './level-scan.ts'
import { kindPrefix, namesKey, parseRowKey, parseStoreNamesKey, startingWith } from './replica-keys.ts'

/** Carries out a change, as `ReplicaSlot` does. */
type Write = (change: (level: Level) => Promise<void>) => Promise<void>

/** Brings names by store over, owner by owner; those that are done stay done. Does nothing in an area of version 2. */
export async function nameByLane(level: Level, write: Write): Promise<void> {
  const keysByOwner = await keysOfStoreNames(level)
  if (keysByOwner.size === 0) return
  const lanesByOwner = await lanesWithRows(level)
  for (const [owner, keys] of keysByOwner) {
    const chunks = await level.getMany(keys)
    const lanes = [...(lanesByOwner.get(owner)?.values() ?? [])]
    await write(async (written) => {
      const batch = written.batch()
      for (const [i, key] of keys.entries()) {
        const { storeId, firstId } = parseStoreNamesKey(key)
        const chunk = chunks[i]
        const named = lanes.filter((lane) => lane.storeId === storeId)
        if (chunk) for (const lane of named) batch.put(namesKey(owner, lane, firstId), chunk)
        batch.del(key)
      }
      await batch.write({ sync: true })
    })
  }
}

async function keysOfStoreNames(level: Level): Promise<ReadonlyMap<string, Uint8Array[]>> {
  const found = new Map<string, Uint8Array[]>()
  for await (const key of keysWithin(level, startingWith(kindPrefix('n')))) {
    const { owner } = parseStoreNamesKey(key)
    const keys = found.get(owner) ?? []
    keys.push(key)
    found.set(owner, keys)
  }
  return found
}

/** By owner, and by the lane's one name. */
async function lanesWithRows(level: Level): Promise<ReadonlyMap<string, ReadonlyMap<string, Lane>>> {
  const found = new Map<string, Map<string, Lane>>()
  for await (const key of keysWithin(level, startingWith(kindPrefix('r')))) {
    const { owner, storeId, start } = parseRowKey(key)
    const lanes = found.get(owner) ?? new Map<string, Lane>()
    found.set(owner, lanes.set(laneKey({ storeId, start }), { storeId, start }))
  }
  return found
}
