import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import { encodeDictionary } from '#protocol/samples/encoder.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import type { LevelSlot } from '../store/level-slot.ts'
import { Holdings } from './holdings.ts'
import type { KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import type { Lane } from './lane.ts'
import {
  factsKey,
  floorKey,
  lanePrefix,
  metaKey,
  namesKey,
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

/** Keys read in one step. */
const keysAStep = 512
/** Rows read in one step; each is at most a message long. */
const rowsAStep = 8

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
    for await (const key of this.#keys(startingWith(Uint8Array.of('n'.charCodeAt(0))))) {
      const { owner, storeId } = parseNamesKey(key)
      of(owner).names.set(storeId, 0)
    }
    for (const [owner, { names }] of owners)
      for (const storeId of names.keys()) names.set(storeId, await this.#nameCount(owner, storeId))
    for await (const key of this.#keys(startingWith(Uint8Array.of('r'.charCodeAt(0))))) {
      const row = parseRowKey(key)
      of(row.owner).holdings.add(row, row)
      of(row.owner).bytes += row.bytes
    }
    return [...owners].map(([owner, { zone, start, holdings, names, bytes }]) => ({
      owner,
      zone,
      start,
      lanes: holdings.summary(),
      names: [...names],
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

  async keepNames(owner: string, storeId: string, firstId: number, entries: readonly DictionaryEntry[]): Promise<void> {
    if (entries.length === 0) return
    const value = encodeValue(entries.length, encodeDictionary(storeId, firstId, entries))
    await this.#slot.write((level) => level.put(namesKey(owner, storeId, firstId), value))
  }

  async read(owner: string, lane: Lane, range: ArrivalRange): Promise<RunOfRows | undefined> {
    const bounds = { gte: rowsFrom(owner, lane, range.from), lt: startingWith(lanePrefix(owner, lane)).lt }
    for await (const [key, value] of this.#rows(bounds)) {
      const row = parseRowKey(key)
      if (row.from > range.to) continue
      const decoded = await this.#decode(key, row, value)
      if (decoded) return { from: row.from, to: row.to, idsTo: decoded.number, rows: decoded.bytes }
    }
    return undefined
  }

  async readNames(
    owner: string,
    storeId: string,
    firstId: number,
    countMax: number,
  ): Promise<readonly DictionaryEntry[]> {
    const found: DictionaryEntry[] = []
    const bounds = startingWith(namesKey(owner, storeId, 0).subarray(0, -8))
    for await (const [key, value] of this.#rows(bounds)) {
      const from = parseNamesKey(key).firstId
      const next = firstId + found.length
      const entries = entriesOf(value)
      if (from > next || !entries) break
      found.push(...entries.slice(Math.min(entries.length, next - from)))
      if (found.length >= countMax) break
    }
    return found.slice(0, countMax)
  }

  async oldest(owner: string, bytes: number): Promise<(Lane & { readonly to: number }) | undefined> {
    let first: RowKey | undefined
    let to = 0
    let sum = 0
    for await (const key of this.#keys(startingWith(ownerPrefix('r', owner)))) {
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
    for await (const key of this.#keys(startingWith(lanePrefix(owner, lane)))) {
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
    for (const kind of ['r', 'l', 'n'] as const) {
      await this.#slot.write((level) => level.clear(startingWith(ownerPrefix(kind, owner))))
    }
  }

  async *rowsOf(owner: string): AsyncGenerator<KeptRows> {
    for await (const [key, value] of this.#rows(startingWith(ownerPrefix('r', owner)))) {
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

  /** Names without a gap from the first on: a chunk that is lost or unreadable ends the list. */
  async #nameCount(owner: string, storeId: string): Promise<number> {
    return (await this.readNames(owner, storeId, 0, Number.MAX_SAFE_INTEGER)).length
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

  #entries(kind: string): AsyncGenerator<[Uint8Array, Uint8Array]> {
    return this.#rows(startingWith(Uint8Array.of(kind.charCodeAt(0))))
  }

  async *#rows(bounds: { gte: Uint8Array; lt: Uint8Array }): AsyncGenerator<[Uint8Array, Uint8Array]> {
    const iterator = this.#slot.level.iterator({ ...bounds, fillCache: false })
    try {
      for (;;) {
        const entries = await iterator.nextv(rowsAStep)
        if (entries.length === 0) return
        yield* entries
      }
    } finally {
      await iterator.close()
    }
  }

  async *#keys(bounds: { gte: Uint8Array; lt: Uint8Array }): AsyncGenerator<Uint8Array> {
    const keys = this.#slot.level.keys({ ...bounds, fillCache: false })
    try {
      for (;;) {
        const some = await keys.nextv(keysAStep)
        if (some.length === 0) return
        yield* some
      }
    } finally {
      await keys.close()
    }
  }
}

interface MutableCopies {
  zone: string
  start: number
  readonly holdings: Holdings
  readonly names: Map<string, number>
  bytes: number
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
