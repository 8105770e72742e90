import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { value } from '#protocol/aggregation/functions.ts'
import { windows } from '#protocol/aggregation/windows.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { dayMs } from './area/day.ts'
import { openStore } from './open-store.ts'
import type { StoreOptions } from './options.ts'
import type { HistoryStore } from './store.ts'

const nowMs = 20_000 * dayMs + 5 * 3_600_000
const everything = { matches: () => true, fromMs: 0, untilMs: 2 ** 45 }
let folder: string
const stores: HistoryStore[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-history-'))
})

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function open(options: Partial<StoreOptions> = {}): Promise<HistoryStore> {
  const store = await openStore(
    { folder, freeBytesMin: 0, ...options },
    { clock: new FakeClock(nowMs), logger: silentLogger },
  )
  stores.push(store)
  return store
}

type Model = Map<string, Map<number, number>>

/** All samples by series, and that they come in time order. */
async function contents(store: HistoryStore, range: { fromMs: number; untilMs: number } = everything): Promise<Model> {
  const model: Model = new Map()
  for await (const piece of store.read({ ...everything, ...range })) {
    const series = model.get(piece.name) ?? new Map<number, number>()
    model.set(piece.name, series)
    let last = [...series.keys()].at(-1) ?? Number.NEGATIVE_INFINITY
    for (const [i, time] of piece.timestampsMs.entries()) {
      expect(time).toBeGreaterThan(last)
      last = time
      series.set(time, piece.values[i] as number)
    }
  }
  return model
}

function ordered(model: Model): [string, [number, number][]][] {
  return [...model]
    .map(([name, series]): [string, [number, number][]] => [name, [...series].sort(([a], [b]) => a - b)])

    .sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('what was stored', () => {
  test('is read back whatever was sealed, folded, reopened and written late, the last write winning', async () => {
    const sample = fc.tuple(fc.nat(3), fc.nat(300), fc.integer({ min: -50, max: 50 }))
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.array(sample, { minLength: 1, maxLength: 160 }) },
      { weight: 2, arbitrary: fc.constantFrom('commit', 'flush', 'settle', 'reopen') },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 14 }), async (actions) => {
        await rm(folder, { recursive: true, force: true })
        let store = await open({ openSamplesMax: 64 })
        const model: Model = new Map()
        for (const step of actions) {
          if (Array.isArray(step)) {
            for (const [series, tick, n] of step) {
              const name = `app.m${series}`
              const time = nowMs - 2 * dayMs + tick * 600_000
              store.append(store.seriesId(name), time, n / 10)
              model.set(name, (model.get(name) ?? new Map<number, number>()).set(time, n / 10))
            }
            await store.commit()
          } else if (step === 'reopen') {
            await store.close()
            store = await open({ openSamplesMax: 64 })
          } else await store[step]()
        }
        expect(ordered(await contents(store))).toEqual(ordered(model))
        await store.close()
      }),
      { numRuns: 40 },
    )
  })

  test('is cut to the asked range, both ends inclusive', async () => {
    const store = await open()
    const id = store.seriesId('a')
    for (let i = 0; i < 100; i++) store.append(id, nowMs + i * 1000, i)
    await store.commit()
    await store.flush()
    for (let i = 100; i < 120; i++) store.append(id, nowMs + i * 1000, i)
    const got = await contents(store, { fromMs: nowMs + 10_000, untilMs: nowMs + 110_000 })
    expect([...(got.get('a') ?? [])].length).toBe(101)
  })

  test('gives the newest sample of a series alone when asked, wherever it is', async () => {
    const store = await open()
    for (let i = 0; i < 3; i++) store.append(store.seriesId('sealed'), nowMs - 3 * dayMs + i, i)
    await store.flush()
    for (let i = 0; i < 3; i++) store.append(store.seriesId('fresh'), nowMs + i, 10 + i)
    const newest = []
    for await (const { name, timestampsMs, values } of store.read({ ...everything, newest: true })) {
      newest.push([name, [...timestampsMs], [...values]])
    }
    expect(newest).toEqual([
      ['sealed', [nowMs - 3 * dayMs + 2], [2]],
      ['fresh', [nowMs + 2], [12]],
    ])
  })

  test('leaves memory and the journal once it is sealed and acknowledged', async () => {
    const store = await open()
    const id = store.seriesId('a')
    const consumer = store.consumer('uplink')
    for (let i = 0; i < 1000; i++) store.append(id, nowMs + i * 1000, i)
    await store.commit()
    const batch = await consumer.next(5000)
    if (batch) consumer.acknowledge([batch])
    await store.flush()
    await store.close()
    const again = await open()
    expect(again.consumer('uplink').lag).toBe(0)
    expect(await again.consumer('second').next(10)).toBeUndefined()
    expect((await contents(again)).get('a')?.size).toBe(1000)
  })

  test('stays readable for a consumer that has not had it, though it is sealed', async () => {
    const store = await open()
    store.consumer('uplink')
    store.append(store.seriesId('a'), nowMs, 7)
    await store.flush()
    await store.close()
    const again = await open()
    expect([...((await again.consumer('uplink').next(10))?.values ?? [])]).toEqual([7])
  })
})

describe('windows', () => {
  const names = ['count', 'sum', 'mean', 'min', 'max', 'first', 'last', 'delta', 'derivative', 'rate', 'p90', 'stddev']

  test('are those of the plain functions, from memory, blocks, headers and tiers alike', async () => {
    const store = await open()
    const id = store.seriesId('web.requests')
    const startMs = nowMs - 2 * dayMs
    const times: number[] = []
    const values: number[] = []
    for (let i = 0; i < 2 * 1440; i++) {
      times.push(startMs + i * 60_000)
      values.push((i * 37) % 1000)
    }
    for (const [i, time] of times.entries()) {
      store.append(id, time, values[i] as number)
      if (i === 1000 || i === 2000) await store.flush()
    }
    await store.flush()
    await store.settle()
    store.append(id, nowMs, 5)
    times.push(nowMs)
    values.push(5)
    const span = {
      timestampsMs: Float64Array.from(times),
      values: Float64Array.from(values),
      start: 0,
      end: times.length,
    }
    for (const name of names) {
      for (const stepMs of [600_000, 3_600_000, dayMs, 90_000]) {
        const request = {
          matches: compileSelector('web.*'),
          fromMs: startMs + 12_345,
          untilMs: nowMs,
          function: name,
          stepMs,
        }
        const got = []
        for await (const piece of store.windows(request)) got.push(...piece.windows)
        const expected = windows(span, name, stepMs, request.fromMs, request.untilMs)
        expect(got.map(([time]) => time)).toEqual(expected.map(([time]) => time))
        for (const [i, [, number]] of got.entries()) expect(number).toBeCloseTo(expected[i]?.[1] as number, 6)
      }
      const whole = []
      for await (const piece of store.windows({ ...everything, function: name })) whole.push(...piece.windows)
      expect(whole.length).toBe(1)
      expect(whole[0]?.[1]).toBeCloseTo(value(name, span) as number, 6)
    }
  })

  test('outlive the raw samples in the tiers', async () => {
    const store = await open({ retentionDays: 3 })
    const id = store.seriesId('a')
    for (let i = 0; i < 1440; i++) store.append(id, nowMs - 2 * dayMs + i * 60_000, i % 10)
    await store.flush()
    await store.settle()
    await store.close()
    const again = await open({ retentionDays: 1 })
    await again.flush()
    const all = [...((await contents(again)).get('a') ?? [])]
    const means = all.filter(([time]) => time < nowMs - dayMs - 5 * 3_600_000)
    expect(means.length).toBe(19 * 6)
    expect(means.every(([time, mean]) => time % 600_000 === 0 && mean === 4.5)).toBe(true)
    expect(all.length - means.length).toBe(5 * 60)
    again.append(0, nowMs - 2 * dayMs, 1000)
    await again.flush()
    await again.settle()
    expect(again.stats().dropped.too_old).toBe(1)
    let count = 0
    for await (const { windows } of again.windows({ ...everything, function: 'count', stepMs: 3_600_000 })) {
      for (const [, n] of windows) count += n as number
    }
    expect(count).toBe(1440)
  })
})

describe('the report', () => {
  test('counts series, points and bytes', async () => {
    const store = await open()
    const id = store.seriesId('a')
    for (let i = 0; i < 5000; i++) store.append(id, nowMs + i * 1000, 1)
    await store.flush()
    await store.compact()
    const report = await store.report()
    expect(report).toMatchObject({ series: 1, points: 5000 })
    expect(report.bytes_per_point).toBeLessThan(1)
    expect(Object.keys(report.tiers)).toEqual(['10m', '1h'])
  })
})

describe('the byte budget', () => {
  test('holds on disk; the oldest samples go first', async () => {
    const bytesMax = 1_000_000
    const store = await open({ bytesMax, openSamplesMax: 8192 })
    const id = store.seriesId('a')
    let n = 0
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 8000; i++) store.append(id, nowMs + n++ * 100, Math.sin(n) * 1e6)
      await store.flush()
    }
    const report = await store.report()
    expect(report.bytes).toBeLessThan(bytesMax * 1.25)
    const kept = [...((await contents(store)).get('a')?.keys() ?? [])]
    expect(kept.length).toBeGreaterThan(20_000)
    expect(kept.at(-1)).toBe(nowMs + (n - 1) * 100)
  }, 60_000)
})
