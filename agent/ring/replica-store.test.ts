import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeDictionary } from '#protocol/samples/encoder.ts'
import { LevelSlot } from '../store/level-slot.ts'
import type { KeptRows } from './keeper-actions.ts'
import { LevelReplicaStore } from './level-replica-store.ts'
import { MemoryReplicaStore } from './memory-replica-store.ts'
import { kindPrefix, rowKey, startingWith } from './replica-keys.ts'
import { encodeValue } from './replica-row.ts'
import type { ReplicaStore, RowDamage } from './replica-store.ts'

const facts = { owner: 'o', zone: 'z', start: 2 ** 50 + 1 }
const lane = { storeId: 'store', start: 2 ** 50 }

function rows(from: number, to: number, more: Partial<KeptRows> = {}): KeptRows {
  return { ...lane, from, to, idsTo: 3, rows: Uint8Array.of(from, to, 7), ...more }
}

function entries(first: number, count: number): { name: string }[] {
  return Array.from({ length: count }, (_, i) => ({ name: `n${first + i}` }))
}

let folder: string
let slot: LevelSlot | undefined
const damages: RowDamage[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'replicas-'))
  damages.length = 0
})

afterEach(() => {
  slot = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function openLevelStore(): Promise<ReplicaStore> {
  const options = { folder, compression: false, cacheBytes: 1 << 16, writeBufferBytes: 1 << 16 }
  slot = await LevelSlot.open(
    options,
    () => 1,
    () => {},
  )
  return new LevelReplicaStore(slot, (damage) => damages.push(damage))
}

describe.each([
  ['in LevelDB', openLevelStore],
  ['in memory', async (): Promise<ReplicaStore> => new MemoryReplicaStore()],
])('the shared area %s', (_, open) => {
  test('knows what it holds, by owner and lane', async () => {
    await using store = await open()
    await store.keep(facts)
    await store.keep(facts, rows(1, 10))
    await store.keep(facts, rows(11, 20))
    await store.keep(facts, rows(11, 20))
    await store.keep({ ...facts, owner: 'p' }, rows(5, 6))
    await store.keepNames('o', lane, 0, entries(0, 3))
    const copies = await store.copies()
    expect(copies.find(({ owner }) => owner === 'o')).toEqual({
      ...facts,
      lanes: [{ ...lane, ranges: [{ from: 1, to: 20 }], floor: 0 }],
      names: [{ ...lane, count: 3 }],
      bytes: 6,
    })
    expect(copies).toHaveLength(2)
  })

  test('reads the first run in a range, as it was kept', async () => {
    await using store = await open()
    await store.keep(facts, rows(11, 20))
    await store.keep(facts, rows(1, 10))
    await store.keep(facts, rows(1, 10, { start: 7 }))
    expect(await store.read('o', lane, { from: 10, to: 30 })).toEqual({
      from: 1,
      to: 10,
      idsTo: 3,
      rows: Uint8Array.of(1, 10, 7),
    })
    expect(await store.read('o', lane, { from: 12, to: 13 })).toMatchObject({ from: 11, to: 20 })
    expect(await store.read('o', lane, { from: 21, to: 30 })).toBeUndefined()
    expect(await store.read('p', lane, { from: 1, to: 30 })).toBeUndefined()
    const all: number[] = []
    for await (const row of store.rowsOf('o')) all.push(row.start, row.from)
    expect(all).toEqual([7, 1, lane.start, 1, lane.start, 11])
  })

  test('keeps names in order, whatever overlaps', async () => {
    await using store = await open()
    await store.keepNames('o', lane, 0, entries(0, 3))
    await store.keepNames('o', lane, 2, entries(2, 3))
    await store.keepNames('o', { ...lane, storeId: 'other' }, 0, entries(9, 1))
    await store.keepNames('o', { ...lane, start: 7 }, 0, entries(20, 2))
    expect(await store.readNames('o', lane, 0, 10)).toEqual(entries(0, 5))
    expect(await store.readNames('o', lane, 4, 10)).toEqual(entries(4, 1))
    expect(await store.readNames('o', lane, 1, 2)).toEqual(entries(1, 2))
    expect(await store.readNames('o', lane, 5, 2)).toEqual([])
    expect(await store.readNames('o', { ...lane, start: 7 }, 0, 10)).toEqual(entries(20, 2))
  })

  test('evicts the oldest and remembers how far', async () => {
    await using store = await open()
    for (const [from, to] of [
      [1, 10],
      [11, 20],
      [21, 30],
    ] as const)
      await store.keep(facts, rows(from, to))
    expect(await store.oldest('o', 4)).toEqual({ ...lane, to: 20 })
    expect(await store.evict('o', { ...lane, to: 20 })).toBe(6)
    expect((await store.copies())[0]).toMatchObject({
      bytes: 3,
      lanes: [{ ranges: [{ from: 21, to: 30 }], floor: 20 }],
    })
    expect(await store.oldest('q', 4)).toBeUndefined()
  })

  test('drops an owner but not whom to refuse', async () => {
    await using store = await open()
    await store.keep(facts, rows(1, 10))
    await store.keep({ ...facts, owner: 'oo' }, rows(1, 10))
    await store.keepNames('o', lane, 0, entries(0, 3))
    await store.drop('o')
    const copies = await store.copies()
    expect(copies.find(({ owner }) => owner === 'o')).toEqual({ ...facts, lanes: [], names: [], bytes: 0 })
    expect(copies.find(({ owner }) => owner === 'oo')?.bytes).toBe(3)
  })

  test('keeps facts', async () => {
    await using store = await open()
    expect(await store.fact('openings')).toBeUndefined()
    await store.keepFact('openings', [{ start: 1, first: 2 }])
    expect(await store.fact('openings')).toEqual([{ start: 1, first: 2 }])
  })
})

/** Names as version 1 of the area kept them. */
async function putStoreNames(owner: string, storeId: string, firstId: number, count: number): Promise<void> {
  const at = Buffer.alloc(8)
  at.writeBigUInt64BE(BigInt(firstId))
  const key = Buffer.concat([Buffer.from(`n${owner}\0${storeId}\0`), at])
  await slot?.level.put(key, encodeValue(count, encodeDictionary(storeId, firstId, entries(firstId, count))))
}

describe('the shared area in LevelDB', () => {
  test('of version 1 gives the names of a store to each of its lanes with rows, once', async () => {
    {
      await using store = await openLevelStore()
      await store.keep(facts, rows(1, 10))
      await store.keep(facts, rows(11, 20, { start: facts.start }))
      await store.keep(facts, rows(1, 10, { storeId: 'other' }))
      await store.keep({ ...facts, owner: 'oo' }, rows(1, 10))
      await putStoreNames('o', 'store', 0, 2)
      await putStoreNames('o', 'store', 2, 3)
      await putStoreNames('o', 'gone', 0, 1)
      await putStoreNames('oo', 'store', 0, 1)
    }
    await using store = await openLevelStore()
    const expected = [
      { ...lane, count: 5 },
      { ...lane, start: facts.start, count: 5 },
    ]
    expect((await store.copies()).map(({ names }) => names)).toEqual([expected, [{ ...lane, count: 1 }]])
    expect(await store.readNames('o', lane, 0, 10)).toEqual(entries(0, 5))
    await store.keepNames('o', { ...lane, start: facts.start }, 5, entries(30, 1))
    expect((await store.copies())[0]?.names.map(({ count }) => count)).toEqual([5, 6])
    expect(await slot?.level.keys(startingWith(kindPrefix('n'))).all()).toEqual([])
  })

  test('forgets names of lanes that have no rows any more when it is opened, but not those of the newest start', async () => {
    await using store = await openLevelStore()
    for (const start of [7, lane.start, facts.start]) await store.keepNames('o', { ...lane, start }, 0, entries(0, 3))
    await store.keep(facts, rows(1, 10))
    expect((await store.copies())[0]?.names.map(({ start }) => start)).toEqual([lane.start, facts.start])
    expect(await store.readNames('o', { ...lane, start: 7 }, 0, 10)).toEqual([])
  })

  test('has everything again after it was closed', async () => {
    {
      await using store = await openLevelStore()
      await store.keep(facts, rows(1, 10))
    }
    await using store = await openLevelStore()
    expect((await store.copies())[0]).toMatchObject({ ...facts, bytes: 3 })
  })

  test('puts aside a row that cannot be read, says so, and reads on', async () => {
    await using store = await openLevelStore()
    await store.keep(facts, rows(1, 10))
    await store.keep(facts, rows(11, 20))
    await slot?.level.put(rowKey({ ...rows(1, 10), owner: 'o', bytes: 3 }), Uint8Array.of(1, 2, 3))
    expect(await store.read('o', lane, { from: 1, to: 20 })).toMatchObject({ from: 11 })
    expect(damages).toMatchObject([{ owner: 'o', from: 1, to: 10, bytes: 3, reason: 'its length' }])
    expect((await store.copies())[0]?.lanes).toMatchObject([{ ranges: [{ from: 11, to: 20 }] }])
  })
})
