import { type Lane, laneKey } from './lane.ts'
import type { RingMutant } from './mutant.ts'

/** Names known of the series of a lane: ids below `count`. */
export interface LaneNameCount extends Lane {
  readonly count: number
}

/**
 * How many names of one owner are known, by lane. An id is a lane's own: a clone, or a disk that was set back, gives it to another
 * series, so names that one start sent are never taken for those of another.
 */
export class LaneNames {
  readonly #counts = new Map<string, number>()
  readonly #mutant: RingMutant | undefined

  constructor(names: Iterable<LaneNameCount>, mutant: RingMutant | undefined) {
    this.#mutant = mutant
    for (const lane of names) this.add(lane, 0, lane.count)
  }

  /** Lanes of which names are known. */
  get laneCount(): number {
    return this.#counts.size
  }

  has(lane: Lane): boolean {
    return this.#counts.has(this.#key(lane))
  }

  count(lane: Lane): number {
    return this.#counts.get(this.#key(lane)) ?? 0
  }

  /** Takes names `firstId …`; false when none of them is new, or some before them are missing. */
  add(lane: Lane, firstId: number, count: number): boolean {
    const known = this.count(lane)
    if (firstId > known || firstId + count <= known) return false
    this.#counts.set(this.#key(lane), firstId + count)
    return true
  }

  /** Names from this id on are not known after all. */
  lose(lane: Lane, firstId: number): void {
    if (this.count(lane) > firstId) this.#counts.set(this.#key(lane), firstId)
  }

  clear(): void {
    this.#counts.clear()
  }

  #key(lane: Lane): string {
    return this.#mutant === 'names_shared_by_starts' ? lane.storeId : laneKey(lane)
  }
}
