/** The lanes of the own store as they lie in the shared area: on disk before anything is accepted under them. */
import type { Clock } from '#protocol/runtime/clock.ts'
import { type Opening, openLane, reopenLane } from './lane.ts'
import type { OwnStore } from './own-log.ts'
import type { ReplicaStore } from './replica-store.ts'

export interface OpeningsDeps {
  readonly store: Pick<OwnStore, 'storeId' | 'nextPosition'>
  readonly replicas: Pick<ReplicaStore, 'fact' | 'keepFact'>
  readonly clock: Pick<Clock, 'now'>
}

/** All lanes with a new one for this start behind, on disk. */
export async function openNewLane({ store, replicas, clock }: OpeningsDeps): Promise<readonly Opening[]> {
  const known = parseOpenings(await replicas.fact(nameOf(store)))
  const openings = openLane(known, store.nextPosition, clock.now(), Math.random())
  await replicas.keepFact(nameOf(store), openings)
  return openings
}

/** The lanes with a number above one that others know, on disk. @param isInPlace the present lane has shipped nothing and is renamed */
export async function openLaneAbove(
  above: number,
  isInPlace: boolean,
  openings: readonly Opening[],
  { store, replicas, clock }: OpeningsDeps,
): Promise<readonly Opening[]> {
  const first = isInPlace ? undefined : store.nextPosition
  const reopened = reopenLane(openings, above, first, clock.now(), Math.random())
  await replicas.keepFact(nameOf(store), reopened)
  return reopened
}

function nameOf({ storeId }: Pick<OwnStore, 'storeId'>): string {
  return `openings ${storeId}`
}

/** What cannot be read counts as none: everything is then shipped once more, in a lane of its own. */
function parseOpenings(value: unknown): readonly Opening[] {
  if (!Array.isArray(value)) return []
  const isOpening = ({ start, first }: Opening): boolean => Number.isSafeInteger(start) && Number.isSafeInteger(first)
  return value.every((entry: unknown) => typeof entry === 'object' && entry !== null && isOpening(entry as Opening))
    ? (value as readonly Opening[])
    : []
}
