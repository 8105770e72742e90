import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { encodeDictionary } from '#protocol/samples/encoder.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import type { LevelSlot } from '../store/level-slot.ts'
import { Holdings } from './holdings.ts'
import type { KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import { type Lane, laneKey } from './lane.ts'
import type { LaneNameCount } from './lane-names.ts'
import { keysWithin, rowsWithin } from './level-scan.ts'
import { nameByLane } from './names-by-lane.ts'
import {
  factsKey,
  floorKey,
  kindPrefix,
  lanePrefix,
  metaKey,
  namesKey,
  namesPrefix,
  ownerPrefix,
  parseFloorKey,
  parseNamesKey,
  parseRowKey,
  type RowKey,
  rowKey,
  rowsFrom,
  startingWith,
} from './replica-keys.ts'
import { decodeValue, encodeValue } from './replica-row.ts'
import { ReplicaSlot } from './replica-slot.ts'
import type { ReplicaStore, RowDamage, RunOfRows } from './replica-store.ts'

const text = new TextDecoder()

/** The shared area in a LevelDB of its own. Takes the slot over: closes it. */
export class LevelReplicaStore implements ReplicaStore {
  readonly #slot: ReplicaSlot
  readonly #onDamage: (damage: RowDamage) => void

  constructor(slot: LevelSlot, onDamage: (damage: RowDamage) => void) {
    this.#slot = new ReplicaSlot(slot)
    this.#onDamage = onDamage
  }

  async copies(): Promise<readonly OwnerCopies[]> {
    await nameByLane(this.#slot.level, (change) => this.#slot.write(change))
    const owners = new Map<string, MutableCopies>()
    const of = (owner: string): MutableCopies => {
      const known = owners.get(owner) ?? { zone: '', start: 0, holdings: new Holdings(), names: new Map(), bytes: 0 }
      owners.set(owner, known)
      return known
    }
    for await (const [key, value] of this.#entries('f'))
      Object.assign(of(text.decode(key.subarray(1))), parseFacts(value))
    for await (const [key, value] of this.#entries('l')) {
      const { owner, ...lane } = parseFloorKey(key)
      of(owner).holdings.evict(lane, Number(text.decode(value)))
    }
    for await (const key of keysWithin(this.#slot.level, startingWith(kindPrefix('r')))) {
      const row = parseRowKey(key)
      of(row.owner).holdings.add(row, row)
      of(row.owner).bytes += row.bytes
    }
    for await (const [key, value] of this.#entries('d')) {
      const { owner, firstId, ...lane } = parseNamesKey(key)
      countNames(of(owner).names, lane, firstId, value)
    }
    for (const [owner, copies] of owners) await this.#forgetUnused(owner, copies)
    return [...owners].map(([owner, { zone, start, holdings, names, bytes }]) => ({
      owner,
      zone,
      start,
      lanes: holdings.summary(),
      names: [...names.values()],
      bytes,
    }))
  }

  async keep({ owner, zone, start }: OwnerFacts, rows?: KeptRows): Promise<void> {
    await this.#slot.write(async (level) => {
      const batch = level.batch().put(factsKey(owner), json({ zone, start }))
      if (rows) batch.put(rowKey({ ...rows, owner, bytes: rows.rows.length }), encodeValue(rows.idsTo, rows.rows))
      await batch.write({ sync: true })
    })
  }

  async keepNames(owner: string, lane: Lane, firstId: number, entries: readonly DictionaryEntry[]): Promise<void> {
    if (entries.length === 0) return
    const value = encodeValue(entries.length, encodeDictionary(lane.storeId, firstId, entries))
    await this.#slot.write((level) => level.put(namesKey(owner, lane, firstId), value))
  }

  async read(owner: string, lane: Lane, range: ArrivalRange): Promise<RunOfRows | undefined> {
    const bounds = { gte: rowsFrom(owner, lane, range.from), lt: startingWith(lanePrefix(owner, lane)).lt }
    for await (const [key, value] of rowsWithin(this.#slot.level, bounds)) {
      const row = parseRowKey(key)
      if (row.from > range.to) continue
      const decoded = await this.#decode(key, row, value)
      if (decoded) return { from: row.from, to: row.to, idsTo: decoded.number, rows: decoded.bytes }
    }
    return undefined
  }

  async readNames(owner: string, lane: Lane, firstId: number, countMax: number): Promise<readonly DictionaryEntry[]> {
    const found: DictionaryEntry[] = []
    const bounds = startingWith(namesPrefix(owner, lane))
    for await (const [key, value] of rowsWithin(this.#slot.level, bounds)) {
      const from = parseNamesKey(key).firstId
      const next = firstId + found.length
      const entries = entriesOf(value)
      if (from > next) break
      if (!entries) continue
      found.push(...entries.slice(Math.min(entries.length, next - from)))
      if (found.length >= countMax) break
    }
    return found.slice(0, countMax)
  }

  async oldest(owner: string, bytes: number): Promise<(Lane & { readonly to: number }) | undefined> {
    let first: RowKey | undefined
    let to = 0
    let sum = 0
    for await (const key of keysWithin(this.#slot.level, startingWith(ownerPrefix('r', owner)))) {
      const row = parseRowKey(key)
      first ??= row
      if (row.start !== first.start || row.storeId !== first.storeId || sum >= bytes) break
      sum += row.bytes
      to = row.to
    }
    return first && { storeId: first.storeId, start: first.start, to }
  }

  async evict(owner: string, { storeId, start, to }: Lane & { readonly to: number }): Promise<number> {
    const lane = { storeId, start }
    const gone: Uint8Array[] = []
    let freed = 0
    for await (const key of keysWithin(this.#slot.level, startingWith(lanePrefix(owner, lane)))) {
      const row = parseRowKey(key)
      if (row.to > to) break
      gone.push(key)
      freed += row.bytes
    }
    await this.#slot.write(async (level) => {
      const batch = level.batch().put(floorKey(owner, lane), json(to))
      for (const key of gone) batch.del(key)
      await batch.write({ sync: true })
    })
    return freed
  }

  async drop(owner: string): Promise<void> {
    for (const kind of ['r', 'l', 'd'] as const) {
      await this.#slot.write((level) => level.clear(startingWith(ownerPrefix(kind, owner))))
    }
  }

  async *rowsOf(owner: string): AsyncGenerator<KeptRows> {
    for await (const [key, value] of rowsWithin(this.#slot.level, startingWith(ownerPrefix('r', owner)))) {
      const row = parseRowKey(key)
      const decoded = await this.#decode(key, row, value)
      const { storeId, start, from, to } = row
      if (decoded) yield { storeId, start, from, to, idsTo: decoded.number, rows: decoded.bytes }
    }
  }

  async fact(name: string): Promise<unknown> {
    const value = await this.#slot.level.get(metaKey(name))
    return value && parseJson(value)
  }

  async keepFact(name: string, value: unknown): Promise<void> {
    await this.#slot.write((level) => level.put(metaKey(name), json(value), { sync: true }))
  }

  isInPlace(): Promise<boolean> {
    return this.#slot.isInPlace()
  }

  close(): Promise<void> {
    return this.#slot.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Deletes the names of lanes of which no rows are left, but for those of the owner's newest start, which names what comes next. */
  async #forgetUnused(owner: string, { start, holdings, names }: MutableCopies): Promise<void> {
    for (const [key, lane] of names) {
      if (lane.start >= start || holdings.laneSummary(lane).ranges.length > 0) continue
      names.delete(key)
      await this.#slot.write((level) => level.clear(startingWith(namesPrefix(owner, lane))))
    }
  }

  /** Puts aside what cannot be read. */
  async #decode(key: Uint8Array, row: RowKey, value: Uint8Array): Promise<ReturnType<typeof decodeValue> | undefined> {
    try {
      return decodeValue(value)
    } catch (error) {
      if (!isLanistaError(error, 'REPLICA_ROW_CORRUPT')) throw error
      const aside = Uint8Array.from(key)
      aside[0] = 'q'.charCodeAt(0)
      await this.#slot.write((level) => level.batch().put(aside, value).del(key).write())
      this.#onDamage({ ...row, reason: String(error.data['reason']) })
      return undefined
    }
  }

  #entries(kind: 'd' | 'f' | 'l'): AsyncGenerator<[Uint8Array, Uint8Array]> {
    return rowsWithin(this.#slot.level, startingWith(kindPrefix(kind)))
  }
}

interface MutableCopies {
  zone: string
  start: number
  readonly holdings: Holdings
  readonly names: Map<string, LaneNameCount>
  bytes: number
}

/** Counts names without a gap from the first on: a chunk that is lost or unreadable ends them. Chunks of a lane come in order. */
function countNames(names: Map<string, LaneNameCount>, lane: Lane, firstId: number, value: Uint8Array): void {
  const known = names.get(laneKey(lane))?.count ?? 0
  const added = firstId > known ? 0 : (entriesOf(value)?.length ?? 0)
  names.set(laneKey(lane), { ...lane, count: added === 0 ? known : Math.max(known, firstId + added) })
}

function entriesOf(value: Uint8Array): readonly DictionaryEntry[] | undefined {
  try {
    const message = decodeSamples(decodeValue(value).bytes)
    return message.kind === 'dictionary' ? message.entries : undefined
  } catch (error) {
    if (isLanistaError(error)) return undefined
    throw error
  }
}

/** What is no longer readable is as if it had not been written. */
function parseFacts(value: Uint8Array): { zone: string; start: number } {
  const facts = parseJson(value) as { zone?: unknown; start?: unknown } | undefined
  return {
    zone: typeof facts?.zone === 'string' ? facts.zone : '',
    start: Number.isSafeInteger(facts?.start) ? (facts?.start as number) : 0,
  }
}

function parseJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(text.decode(value))
  } catch {
    return undefined
  }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
