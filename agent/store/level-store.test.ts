import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { keyRange, positionKey } from './keys.ts'
import { openLevel } from './level.ts'
import { openStore } from './open-store.ts'
import type { StoreDamage, StoreOptions } from './options.ts'
import type { HistoryStore, SampleBatch, Store, StoreConsumer } from './store.ts'

let folder: string
let damages: StoreDamage[]
const stores: HistoryStore[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-store-'))
  damages = []
})

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(options: Partial<StoreOptions> = {}, clock = new FakeClock()): Promise<HistoryStore> {
  const store = await openStore(
    { folder, freeBytesMin: 0, ...options },
    { clock, logger: silentLogger, onDamage: (damage) => damages.push(damage) },
  )
  stores.push(store)
  return store
}

/** Everything a consumer gets until there is nothing, acknowledged, in arrival order. */
async function drain(consumer: StoreConsumer, samplesMax = 1000): Promise<SampleBatch[]> {
  const batches: SampleBatch[] = []
  for (let batch = await consumer.next(samplesMax); batch; batch = await consumer.next(samplesMax)) {
    batches.push(batch)
    consumer.acknowledge([batch])
  }
  return batches.sort((a, b) => a.from - b.from)
}

function values(batches: readonly SampleBatch[]): number[] {
  return batches.flatMap((batch) => [...batch.values])
}

/** Appends and commits one row of `count` samples whose values go on from `from`. */
async function appendRow(store: Store, from: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) store.append(store.seriesId(`app.m${i % 7}`), 1_700_000_000_000 + i, from + i)
  await store.commit()
}

describe('series', () => {
  test('have dense ids in order of first sight that outlive the process', async () => {
    const store = await open()
    expect(store.seriesId('b', 'bytes')).toBe(0)
    expect(store.seriesId('a')).toBe(1)
    expect(store.seriesId('b')).toBe(0)
    store.append(0, 1, 1)
    store.append(1, 1, 1)
    await store.close()
    const again = await open()
    expect(again.seriesCount).toBe(2)
    expect(again.seriesEntry(0)).toEqual({ name: 'b', unit: 'bytes' })
    expect(again.findSeries('a')).toBe(1)
    expect(again.findSeries('c')).toBeUndefined()
    expect(() => again.seriesEntry(2)).toThrow(RangeError)
    expect(again.storeId).toBe(store.storeId)
  })
})

describe('names that come one by one', () => {
  test('are merged into few pages when samples are sealed', async () => {
    const store = await open()
    const names = Array.from({ length: 200 }, (_, i) => `app.m${i}`)
    for (const name of names) {
      store.append(store.seriesId(name, 'requests'), 1_700_000_000_000, 1)
      await store.commit()
    }
    await store.flush()
    store.seriesId('late')
    await store.close()
    const { level } = await openLevel(
      { folder: join(folder, 'journal'), compression: false, cacheBytes: 0, writeBufferBytes: 2 ** 20 },
      0,
    )
    expect((await level.keys(keyRange('n')).all()).length).toBe(2)
    await level.close()
    const again = await open()
    expect(names.map((_, id) => again.seriesEntry(id).name)).toEqual(names)
    expect(again.seriesEntry(200).name).toBe('late')
  })
})

describe('appended samples', () => {
  test('are on disk within one commit interval', async () => {
    const clock = new FakeClock()
    const store = await open({ commitIntervalMs: 200 }, clock)
    const committed = new Promise<void>((resolve) => store.onCommit(resolve))
    store.append(store.seriesId('a'), 5, 1)
    const first = store.nextPosition
    await clock.advance(200)
    await committed
    expect(store.nextPosition).toBe(first + 1)
  })

  test('are on disk within one commit interval also soon after a commit that is not synced yet', async () => {
    const clock = new FakeClock()
    const store = await open({ commitIntervalMs: 200, sync: 'everySecond' }, clock)
    const id = store.seriesId('a')
    for (let i = 0; i < 4; i++) {
      const committed = new Promise<void>((resolve) => {
        const remove = store.onCommit(() => {
          remove()
          resolve()
        })
      })
      store.append(id, i, i)
      const before = clock.monotonic()
      await clock.advance(200)
      await committed
      expect(clock.monotonic() - before).toBe(200)
    }
  })

  test('are committed on the next turn when the interval is 0', async () => {
    const store = await open({ commitIntervalMs: 0 })
    const committed = new Promise<void>((resolve) => store.onCommit(resolve))
    store.append(store.seriesId('a'), 5, 1)
    await committed
    expect(await store.consumer('uplink').next(10)).toMatchObject({ values: Float64Array.of(1) })
  })

  test('that no series, time or number can have are counted and refused', async () => {
    const store = await open()
    const id = store.seriesId('a')
    store.append(id, Number.NaN, 1)
    store.append(id, 1, Number.POSITIVE_INFINITY)
    store.append(id + 1, 1, 1)
    expect(store.stats()).toMatchObject({ accepted: 0, dropped: { invalid: 3 } })
  })

  test('beyond twice the bound of the head are counted, and isFull says so before', async () => {
    const store = await open({ headSamplesMax: 10 })
    const id = store.seriesId('a')
    for (let i = 0; i < 10; i++) store.append(id, i, i)
    expect(store.isFull).toBe(true)
    const drained = store.drained()
    for (let i = 0; i < 13; i++) store.append(id, i, i)
    expect(store.stats()).toMatchObject({ accepted: 20, dropped: { head_full: 3 } })
    await store.commit()
    await drained
    expect(store.isFull).toBe(false)
  })

  test('more than a row holds take several rows', async () => {
    const store = await open()
    const id = store.seriesId('a')
    for (let i = 0; i < 150_000; i++) store.append(id, i, i)
    await store.commit()
    await store.commit()
    const got = await drain(store.consumer('uplink'), 20_000)
    expect(values(got)).toEqual(Array.from({ length: 150_000 }, (_, i) => i))
  })
})

describe('a consumer', () => {
  test('gets what was just committed first, everything once, and what was released again', async () => {
    const store = await open()
    const consumer = store.consumer('uplink')
    await appendRow(store, 0, 10)
    await appendRow(store, 10, 10)
    const fresh = await consumer.next(15)
    expect([...(fresh?.values ?? [])]).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    await appendRow(store, 20, 5)
    const newest = await consumer.next(100)
    expect([...(newest?.values ?? [])]).toEqual([20, 21, 22, 23, 24])
    expect([...((await consumer.next(100))?.values ?? [])]).toEqual([0, 1, 2, 3, 4])
    expect(await consumer.next(100)).toBeUndefined()
    expect(consumer.lag).toBe(25)
    consumer.release(fresh as SampleBatch)
    consumer.acknowledge([newest as SampleBatch])
    expect(consumer.lag).toBe(20)
    expect((await consumer.next(100))?.values.length).toBe(15)
  })

  test('keeps its acknowledgements across openings and is offered the rest again', async () => {
    const store = await open()
    await appendRow(store, 0, 10)
    const batch = (await store.consumer('uplink').next(4)) as SampleBatch
    store.consumer('uplink').acknowledge([batch])
    await store.close()
    const again = await open()
    await appendRow(again, 10, 3)
    expect(again.consumer('uplink').lag).toBe(9)
    expect(values(await drain(again.consumer('uplink')))).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12])
    expect(again.consumer('uplink').lag).toBe(0)
  })

  test('is not held up by another that never acknowledges, and both see all', async () => {
    const store = await open()
    await store.consumer('ring').next(10)
    await appendRow(store, 0, 30)
    await store.consumer('ring').next(10)
    expect(values(await drain(store.consumer('uplink'), 7))).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect(store.consumer('ring').lag).toBe(30)
  })

  test('ignores acknowledgements of what was never there', async () => {
    const store = await open()
    await appendRow(store, 0, 3)
    const consumer = store.consumer('uplink')
    consumer.acknowledge([
      { from: store.nextPosition, to: store.nextPosition + 100 },
      { from: Number.NaN, to: 5 },
      { from: 9, to: 3 },
    ])
    expect(consumer.lag).toBe(3)
    await appendRow(store, 3, 1)
    expect(consumer.lag).toBe(4)
  })
})

describe('positions', () => {
  test('are never used again after an opening', async () => {
    const store = await open()
    await appendRow(store, 0, 10)
    const next = store.nextPosition
    await store.close()
    const again = await open()
    expect(again.nextPosition).toBeGreaterThan(next)
    await again.close()
    expect((await open()).nextPosition).toBeGreaterThan(again.nextPosition)
  })
})

describe('the budget', () => {
  test('drops the oldest journal rows and counts the samples that some consumer lacked', async () => {
    const clock = new FakeClock()
    const store = await open({ bytesMax: 80_000 }, clock)
    const consumer = store.consumer('uplink')
    for (let i = 0; i < 50; i++) await appendRow(store, i * 1000, 1000)
    await store.flush()
    const kept = store.stats().accepted - store.stats().dropped.budget
    expect(kept).toBeGreaterThan(2000)
    expect(kept).toBeLessThan(15_000)
    expect(consumer.lag).toBe(kept)
    await store.close()
    const again = await open({ bytesMax: 80_000 }, clock)
    expect(values(await drain(again.consumer('uplink'), 10_000))).toEqual(
      Array.from({ length: kept }, (_, i) => 50_000 - kept + i),
    )
  })

  test('counts nothing for samples that every consumer has', async () => {
    const clock = new FakeClock()
    const store = await open({ bytesMax: 20_000 }, clock)
    for (let i = 0; i < 20; i++) {
      await appendRow(store, i * 1000, 1000)
      await drain(store.consumer('uplink'))
      await clock.advance(1100)
    }
    await store.close()
    expect(store.stats().dropped.budget).toBe(0)
  })
})

describe('damage', () => {
  test('a second store on the same folder is refused', async () => {
    await open()
    await expect(open()).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  test('a folder that cannot be made is refused', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(open({ folder: join(folder, 'file', 'store') })).rejects.toMatchObject({ code: 'STORE_FOLDER' })
  })

  test('a row that cannot be read is put aside and reported; the rows around it stay readable', async () => {
    const store = await open()
    await appendRow(store, 0, 5)
    await appendRow(store, 5, 5)
    const to = store.nextPosition - 1
    await appendRow(store, 10, 5)
    await store.close()
    const { level } = await openLevel(
      { folder: join(folder, 'journal'), compression: false, cacheBytes: 0, writeBufferBytes: 2 ** 20 },
      0,
    )
    await level.put(positionKey('j', to), Buffer.from('garbage that no row is'))
    await level.close()
    const again = await open()
    expect(values(await drain(again.consumer('uplink')))).toEqual([0, 1, 2, 3, 4, 10, 11, 12, 13, 14])
    expect(again.consumer('uplink').lag).toBe(0)
    expect(damages).toMatchObject([{ kind: 'row', to, reason: 'checksum' }])
  })

  test('a database that lost its manifest is repaired and keeps its samples', async () => {
    const store = await open()
    await appendRow(store, 0, 5)
    await store.close()
    await rm(join(folder, 'journal', 'CURRENT'))
    const again = await open()
    expect(damages).toMatchObject([{ kind: 'database', action: 'repaired' }])
    expect(values(await drain(again.consumer('uplink')))).toEqual([0, 1, 2, 3, 4])
    expect(again.storeId).toBe(store.storeId)
  })

  test('a database that is beyond repair is moved aside, and the store begins anew under a new id', async () => {
    const store = await open()
    await appendRow(store, 0, 5)
    await store.close()
    for (const name of await readdir(join(folder, 'journal'))) {
      const path = join(folder, 'journal', name)
      if (name === 'LOCK' || name.startsWith('LOG')) continue
      const size = (await readFile(path)).length
      await writeFile(path, Buffer.alloc(size, 0xa5))
    }
    const again = await open()
    expect(damages[0]?.kind).toBe('database')
    expect(again.storeId).not.toBe(store.storeId)
    await appendRow(again, 5, 5)
    expect(values(await drain(again.consumer('uplink')))).toEqual([5, 6, 7, 8, 9])
  })
})
