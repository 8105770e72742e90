import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import { Holdings } from './holdings.ts'
import type { KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import { intersection, type Lane, laneKey } from './lane.ts'

interface LaneEntries extends Lane {
  readonly entries: readonly DictionaryEntry[]
}

interface HeldOwner {
  facts: OwnerFacts
  readonly rows: Map<string, KeptRows>
  readonly floors: Map<string, Lane & { readonly to: number }>
  readonly names: Map<string, LaneEntries>
}

type Disk = Map<string, HeldOwner>
type Change = (disk: Disk) => void

/**
 * A shared area in memory with a disk's manners: changes are seen at once, last only once they are synced, and a crash takes
 * away those that are not. Synchronous, for the simulation.
 */
export class MemoryCopies {
  #seen: Disk = new Map()
  #synced: Disk = new Map()
  #unsynced: Change[] = []

  /** Everything changed so far lasts. */
  sync(): void {
    for (const change of this.#unsynced.splice(0)) change(this.#synced)
  }

  /** Power is lost: what was not synced never happened. */
  crash(): void {
    this.#unsynced = []
    this.#seen = new Map()
    for (const [owner, { facts, rows, floors, names }] of this.#synced) {
      this.#seen.set(owner, { facts, rows: new Map(rows), floors: new Map(floors), names: new Map(names) })
    }
  }

  keep(facts: OwnerFacts, rows: KeptRows | undefined): void {
    this.#change((disk) => {
      const held = ownerOf(disk, facts.owner)
      if (facts.start >= held.facts.start) held.facts = facts
      if (rows) held.rows.set(rowKey(rows), rows)
    })
  }

  keepNames(owner: string, { storeId, start }: Lane, firstId: number, entries: readonly DictionaryEntry[]): void {
    const key = laneKey({ storeId, start })
    this.#change((disk) => {
      const held = ownerOf(disk, owner)
      const before = held.names.get(key)?.entries ?? []
      const all = [...before.slice(0, firstId), ...entries]
      if (firstId <= before.length) held.names.set(key, { storeId, start, entries: all })
    })
  }

  /** Bytes freed. */
  evict(owner: string, lane: Lane & { readonly to: number }): number {
    const before = bytesOf(this.#seen.get(owner))
    this.#change((disk) => {
      const held = disk.get(owner)
      if (!held) return
      held.floors.set(laneKey(lane), lane)
      for (const [key, rows] of held.rows) {
        if (laneKey(rows) === laneKey(lane) && rows.to <= lane.to) held.rows.delete(key)
      }
    })
    return before - bytesOf(this.#seen.get(owner))
  }

  drop(owner: string): void {
    this.#change((disk) => {
      const facts = disk.get(owner)?.facts
      disk.delete(owner)
      if (facts) ownerOf(disk, owner).facts = facts
    })
  }

  /** Rows are lost on the disk itself, synced or not. Returns what was lost. */
  damage(owner: string, choose: (rows: readonly KeptRows[]) => KeptRows | undefined): KeptRows | undefined {
    const lost = choose([...(this.#synced.get(owner)?.rows.values() ?? [])])
    if (!lost) return undefined
    this.#synced.get(owner)?.rows.delete(rowKey(lost))
    this.#seen.get(owner)?.rows.delete(rowKey(lost))
    return lost
  }

  read(owner: string, lane: Lane, range: ArrivalRange): KeptRows | undefined {
    let first: KeptRows | undefined
    for (const rows of this.#seen.get(owner)?.rows.values() ?? []) {
      if (laneKey(rows) !== laneKey(lane) || !intersection(rows, range)) continue
      if (!first || rows.from < first.from) first = rows
    }
    return first
  }

  readNames(owner: string, lane: Lane, firstId: number, countMax: number): readonly DictionaryEntry[] {
    return (this.#seen.get(owner)?.names.get(laneKey(lane))?.entries ?? []).slice(firstId, firstId + countMax)
  }

  oldest(owner: string, bytes: number): (Lane & { readonly to: number }) | undefined {
    const rows = this.rowsOf(owner)
    const first = rows[0]
    if (!first) return undefined
    let to = first.to
    let sum = 0
    for (const next of rows) {
      if (laneKey(next) !== laneKey(first) || sum >= bytes) break
      sum += next.rows.length
      to = Math.max(to, next.to)
    }
    return { storeId: first.storeId, start: first.start, to }
  }

  /** By lane and position. */
  rowsOf(owner: string, onlySynced = false): KeptRows[] {
    const rows = (onlySynced ? this.#synced : this.#seen).get(owner)?.rows.values() ?? []
    return [...rows].sort(
      (a, b) => a.start - b.start || (a.storeId < b.storeId ? -1 : a.storeId > b.storeId ? 1 : a.from - b.from),
    )
  }

  owners(onlySynced = false): string[] {
    return [...(onlySynced ? this.#synced : this.#seen).keys()]
  }

  get bytes(): number {
    let sum = 0
    for (const held of this.#seen.values()) sum += bytesOf(held)
    return sum
  }

  copies(): OwnerCopies[] {
    return [...this.#seen].map(([owner, { facts, rows, floors, names }]) => {
      const holdings = new Holdings()
      for (const lane of floors.values()) holdings.evict(lane, lane.to)
      for (const row of rows.values()) holdings.add(row, row)
      return {
        owner,
        zone: facts.zone,
        start: facts.start,
        lanes: holdings.summary(),
        names: [...names.values()].map(({ storeId, start, entries }) => ({ storeId, start, count: entries.length })),
        bytes: bytesOf({ rows }),
      }
    })
  }

  #change(change: Change): void {
    change(this.#seen)
    this.#unsynced.push(change)
  }
}

function ownerOf(disk: Disk, owner: string): HeldOwner {
  const known = disk.get(owner)
  if (known) return known
  const made = { facts: { owner, zone: '', start: 0 }, rows: new Map(), floors: new Map(), names: new Map() }
  disk.set(owner, made)
  return made
}

function rowKey(rows: Lane & ArrivalRange): string {
  return `${laneKey(rows)}/${rows.from}/${rows.to}`
}

function bytesOf(held: { readonly rows: ReadonlyMap<string, KeptRows> } | undefined): number {
  let sum = 0
  for (const { rows } of held?.rows.values() ?? []) sum += rows.length
  return sum
}
