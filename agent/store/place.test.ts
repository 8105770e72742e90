/** A folder that is taken away under an open store: LevelDB notices nothing and writes on into files no path leads to. */
import { cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from './open-store.ts'
import type { StoreDamage } from './options.ts'
import type { HistoryStore, StoreConsumer } from './store.ts'

const startMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000
let data: string
let folder: string
const stores: HistoryStore[] = []
const damages: StoreDamage[] = []

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'lanista-place-'))
  folder = join(data, 'store')
  damages.length = 0
})

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close().catch(() => {})
  await rm(data, { recursive: true, force: true })
})

async function open(): Promise<HistoryStore> {
  const options = { folder, freeBytesMin: 0, commitIntervalMs: 10 }
  const deps = { clock: systemClock, logger: silentLogger, onDamage: (damage: StoreDamage) => damages.push(damage) }
  const store = await openStore(options, deps)
  stores.push(store)
  return store
}

/** Appends sample number `n`, whose value is its number. */
function append(store: HistoryStore, n: number): void {
  store.append(store.seriesId(n % 2 === 0 ? 'even' : 'odd', 'count'), startMs + n, n)
}

function recovered(store: HistoryStore): Promise<void> {
  return new Promise((resolve) => {
    const off = store.onCommit(() => {
      off()
      resolve()
    })
  })
}

async function valuesOf(store: HistoryStore): Promise<number[]> {
  const values: number[] = []
  const request = { matches: () => true, fromMs: startMs, untilMs: startMs + 1_000_000 }
  for await (const piece of store.read(request)) values.push(...piece.values)
  return values.sort((a, b) => a - b)
}

async function drain(consumer: StoreConsumer): Promise<number[]> {
  const values: number[] = []
  for (let batch = await consumer.next(1000); batch; batch = await consumer.next(1000)) {
    expect(batch.from).toBeGreaterThanOrEqual(1)
    values.push(...batch.values)
    consumer.acknowledge([batch])
  }
  return values.sort((a, b) => a - b)
}

test.each([
  ['deleted', () => rm(folder, { recursive: true })],
  ['deleted with all above it', () => rm(data, { recursive: true })],
  ['moved', () => rename(folder, `${folder}-elsewhere`)],
])(
  'a store whose folder is %s says so at the next commit, and begins anew with what memory has',
  async (_, takeAway) => {
    const store = await open()
    const { storeId } = store
    const consumer = store.consumer('reader')
    for (let n = 0; n < 10; n++) append(store, n)
    await store.flush()
    expect(await drain(consumer)).toHaveLength(10)
    for (let n = 10; n < 20; n++) append(store, n)
    await store.commit()
    await takeAway()
    append(store, 20)
    await expect(store.commit()).rejects.toThrow(expect.objectContaining({ code: 'STORE_WRITE_FAILED' }))
    await expect(store.commit()).rejects.toThrow('deleted, moved or covered')
    append(store, 21)
    await recovered(store)
    expect(store.storeId).not.toBe(storeId)
    append(store, 22)
    await store.commit()
    // what was sealed is gone, and counted; what memory had is stored again, under the same ids, for consumers too
    const kept = Array.from({ length: 13 }, (_unused, i) => i + 10)
    expect(store.stats().dropped).toMatchObject({ folder_lost: 10, write_failed: 0 })
    expect(await valuesOf(store)).toEqual(kept)
    expect(await drain(consumer)).toEqual(kept)
    expect(damages).toContainEqual(expect.objectContaining({ kind: 'database', action: 'lost', movedTo: undefined }))
    await store.flush()
    const { storeId: newId } = store
    await store.close()
    const again = await open()
    expect(again.storeId).toBe(newId)
    expect(again.seriesEntry(again.findSeries('odd') as number)).toEqual({ name: 'odd', unit: 'count' })
    expect(await valuesOf(again)).toEqual(kept)
    expect((await again.check()).damaged).toBe(0)
  },
)

test('a folder that is moved away and back is the same store', async () => {
  const store = await open()
  const { storeId } = store
  for (let n = 0; n < 10; n++) append(store, n)
  await store.flush()
  await rename(folder, `${folder}-elsewhere`)
  append(store, 10)
  await expect(store.commit()).rejects.toThrow('deleted, moved or covered')
  await rm(folder, { recursive: true, force: true })
  await rename(`${folder}-elsewhere`, folder)
  await recovered(store)
  expect(store.storeId).toBe(storeId)
  expect(store.stats().dropped.folder_lost).toBe(0)
  expect(await valuesOf(store)).toEqual(Array.from({ length: 11 }, (_, n) => n))
})

test('another store put in its place is moved aside, and reported', async () => {
  const store = await open()
  for (let n = 0; n < 10; n++) append(store, n)
  await store.flush()
  await store.close()
  await cp(folder, `${folder}-copy`, { recursive: true })
  const live = await open()
  await rm(folder, { recursive: true })
  await rename(`${folder}-copy`, folder)
  append(live, 10)
  await expect(live.commit()).rejects.toThrow('deleted, moved or covered')
  await recovered(live)
  expect(live.storeId).not.toBe(store.storeId)
  expect(await valuesOf(live)).toEqual([10])
  expect((await readdir(folder)).filter((name) => name.startsWith('journal.bad-'))).toHaveLength(1)
})

test('only the blocks are lost when only they are taken away', async () => {
  const store = await open()
  const { storeId } = store
  for (let n = 0; n < 10; n++) append(store, n)
  await store.flush()
  await rm(join(folder, 'local'), { recursive: true })
  append(store, 10)
  await store.commit()
  // sealing finds it out: the samples would leave memory and journal for blocks that are not there
  await expect(store.flush()).rejects.toThrow('deleted, moved or covered')
  await recovered(store)
  await store.flush()
  expect(store.storeId).toBe(storeId)
  expect(store.stats().dropped.folder_lost).toBe(10)
  expect(await valuesOf(store)).toEqual([10])
})
