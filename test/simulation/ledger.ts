import type { KeptRows } from '#agent/ring/keeper-actions.ts'
import { type Lane, laneKey } from '#agent/ring/lane.ts'
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import { contentsOf } from './sim-disk.ts'

/** A promise was broken. */
export class Violation extends Error {
  readonly promise: string

  constructor(promise: string, found: string) {
    super(`${promise}: ${found}`)
    this.name = 'Violation'
    this.promise = promise
  }
}

interface LaneLedger extends Lane {
  readonly owner: string
  /** Content of each position that was ever accepted. */
  readonly contents: Map<number, number>
  /** What its series are called, by id. */
  names: readonly string[]
  /** What each holder has acknowledged to the owner at some time. */
  readonly acknowledged: Map<string, RangeSet>
  /** Positions up to here were evicted somewhere, as room demanded. */
  evictedTo: number
}

/** What really happened, seen from outside: every sample accepted, every acknowledgement that arrived. */
export class Ledger {
  readonly #lanes = new Map<string, LaneLedger>()

  get lanes(): Iterable<LaneLedger> {
    return this.#lanes.values()
  }

  accept(owner: string, lane: Lane, position: number, content: number): void {
    const { contents } = this.#laneOf(owner, lane)
    const before = contents.get(position)
    if (before !== undefined && before !== content) {
      throw new Violation('a position is never used again', `${owner} ${laneKey(lane)} at ${position}`)
    }
    contents.set(position, content)
  }

  name(owner: string, lane: Lane, names: readonly string[]): void {
    this.#laneOf(owner, lane).names = [...names]
  }

  acknowledge(owner: string, lane: Lane, holder: string, ranges: readonly ArrivalRange[]): void {
    const { acknowledged } = this.#laneOf(owner, lane)
    const set = acknowledged.get(holder) ?? new RangeSet()
    acknowledged.set(holder, set)
    for (const range of ranges) set.add(range)
  }

  evicted(owner: string, lane: Lane & { readonly to: number }): void {
    const ledger = this.#laneOf(owner, lane)
    ledger.evictedTo = Math.max(ledger.evictedTo, lane.to)
  }

  /** The owner's own samples of this store up to `floor` are past their retention. */
  retired(owner: string, storeId: string, floor: number): void {
    for (const lane of this.#lanes.values()) {
      if (lane.owner === owner && lane.storeId === storeId) lane.evictedTo = Math.max(lane.evictedTo, floor)
    }
  }

  /** Positions that at least `count` holders have acknowledged, and that nobody evicted. */
  acknowledgedBy({ acknowledged, contents, evictedTo }: LaneLedger, count: number): number[] {
    return [...contents.keys()].filter((position) => {
      if (position <= evictedTo) return false
      let holders = 0
      for (const set of acknowledged.values()) if (set.has(position)) holders++
      return holders >= count
    })
  }

  /** Rows hold what their owner accepted, nothing else. */
  checkRows(owner: string, rows: KeptRows): void {
    const ledger = this.#lanes.get(`${owner} ${laneKey(rows)}`)
    const contents = contentsOf(rows.rows)
    const fits = contents.length === rows.to - rows.from + 1
    if (!fits || contents.some((content, i) => ledger?.contents.get(rows.from + i) !== content)) {
      throw new Violation('nothing is invented', `${owner} ${laneKey(rows)} ${rows.from} to ${rows.to}`)
    }
  }

  #laneOf(owner: string, lane: Lane): LaneLedger {
    const key = `${owner} ${laneKey(lane)}`
    const known = this.#lanes.get(key)
    if (known) return known
    const { storeId, start } = lane
    const made = { owner, storeId, start, contents: new Map(), names: [], acknowledged: new Map(), evictedTo: 0 }
    this.#lanes.set(key, made)
    return made
  }
}
