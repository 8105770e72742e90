import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addRepairs, type StoreRepair } from '#protocol/query/store-ask.ts'
import { formatPlace, isBehind, parsePlace } from '#protocol/query/store-place.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type Level, openLevel } from '../level.ts'
import { openStore } from '../open-store.ts'
import type { StoreDamage } from '../options.ts'
import type { HistoryStore } from '../store.ts'
import type { PlacedEntry } from './dump.ts'
import { exportText } from './export.ts'

const nowMs = 1_790_000_000_000
const owner = { tenant: 'main', cloud: 'home', host: 'web' }
const everything = { matches: () => true, fromMs: 0, untilMs: 2 ** 45 }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-inspect-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

function open(): Promise<HistoryStore> {
  return openStore({ folder, freeBytesMin: 0 }, { clock: new FakeClock(nowMs), logger: silentLogger })
}

/** A store with a block of 100 samples, a page of three, a row of two. */
async function fill(): Promise<void> {
  await using store = await open()
  store.consumer('uplink')
  for (let i = 0; i < 100; i++) store.append(store.seriesId('web.requests;code=200', 'requests'), nowMs + i * 1000, i)
  for (let i = 0; i < 3; i++) store.append(store.seriesId('web.errors'), nowMs + i * 1000, i / 2)
  await store.flush()
  store.append(0, nowMs + 200_000, 7)
  store.append(1, nowMs + 200_000, -0)
}

/** Flips one bit in the value of the last key below a letter. */
async function damage(database: string, below: string): Promise<void> {
  const options = { folder: join(folder, database), compression: false, cacheBytes: 0, writeBufferBytes: 65_536 }
  const { level }: { level: Level } = await openLevel(options, 0)
  const [entry] = await level.iterator({ lt: Buffer.from(below), reverse: true, limit: 1 }).all()
  if (!entry) throw new Error('nothing to damage')
  const value = entry[1].slice()
  value[value.length - 6] = (value[value.length - 6] as number) ^ 4
  await level.put(entry[0], value)
  await level.close()
}

async function textOf(store: HistoryStore, format: 'json' | 'csv'): Promise<string[]> {
  let text = ''
  for await (const part of exportText(owner, store.read(everything), format)) text += part
  return text.trimEnd().split('\n')
}

test('a sound store has nothing to report', async () => {
  await fill()
  await using store = await open()
  expect(await store.check()).toMatchObject({
    series: 2,
    blocks: 1,
    pages: 1,
    samples: 103,
    journalSamples: 105,
    damaged: 0,
  })
  expect(await store.repair()).toMatchObject({ damaged: 0, put_aside: 0 })
  expect((await store.report()).points).toBe(105)
})

test.each([
  ['block', 'local', 'e', 2 + 3],
  ['page', 'local', 'q', 102],
])('a damaged %s is found, put aside and reported; the rest stays readable', async (kind, database, below, left) => {
  await fill()
  await damage(database, below)
  await using store = await open()
  const report = await store.check()
  expect(report.damages).toMatchObject([{ kind }])
  expect((await textOf(store, 'csv')).length - 1).toBe(left)
  expect(await store.repair()).toMatchObject({ damaged: 0, put_aside: 0 })
  expect(await store.check()).toMatchObject({ damaged: 0 })
  expect((await store.report()).points).toBe(left)
  const kinds = []
  for await (const { entry } of store.dump()) kinds.push(entry.kind)
  expect(kinds).toContain('quarantined')
})

test('repair puts damage aside before anybody reads it', async () => {
  await fill()
  await damage('local', 'e')
  await using store = await open()
  expect(await store.repair()).toMatchObject({
    damaged: 1,
    put_aside: 1,
    damages: [{ kind: 'block', reason: 'checksum' }],
  })
  expect(await store.check()).toMatchObject({ blocks: 0, pages: 1, damaged: 0 })
})

test('a repair in steps goes everywhere once, and other work gets its turn', async () => {
  await fill()
  await damage('local', 'e')
  await using store = await open()
  let pauses = 0
  const pause = async (): Promise<void> => void pauses++
  const steps: StoreRepair[] = []
  for (let next: string | undefined = ''; next !== undefined; next = steps.at(-1)?.next) {
    const after = next === '' ? undefined : parsePlace(next)
    steps.push(await store.repair({ after, pause, isOver: () => true }))
  }
  expect(steps.reduce(addRepairs)).toMatchObject({ rows: 2, blocks: 0, pages: 1, damaged: 1, put_aside: 1 })
  expect([steps.length, pauses]).toEqual([4, 4])
  expect(steps.every(({ next }, i) => i === 0 || next === undefined || isBehind(next, steps[i - 1]?.next ?? ''))).toBe(
    true,
  )
})

test('a repair is given up when its pause says so, and samples sent meanwhile are kept', async () => {
  await fill()
  await using store = await open()
  const pause = async (): Promise<void> => {
    store.append(0, nowMs + 300_000, 1)
    throw new Error('enough')
  }
  await expect(store.repair({ pause })).rejects.toThrow('enough')
  expect((await textOf(store, 'csv')).length - 1).toBe(106)
  expect(await store.repair()).toMatchObject({ damaged: 0 })
})

test('samples sealed while their day is repaired stay counted', async () => {
  await fill()
  await using store = await open()
  let sealed: Promise<void> | undefined
  const pause = async (): Promise<void> => {
    store.append(0, nowMs + 300_000, 1)
    await store.commit()
    sealed ??= store.flush()
  }
  await store.repair({ pause })
  await sealed
  await store.flush()
  const { samples } = await store.check()
  expect((await store.report()).points).toBe(samples)
})

test('a dump goes on from any place', async () => {
  await fill()
  await damage('local', 'e')
  await using store = await open()
  await store.repair()
  const all: PlacedEntry[] = []
  for await (const placed of store.dump()) all.push(placed)
  expect(all.map(({ entry }) => entry.kind)).toEqual(['series', 'series', 'row', 'row', 'page', 'quarantined'])
  for (const [i, { place }] of all.entries()) {
    const rest: PlacedEntry[] = []
    for await (const placed of store.dump(parsePlace(formatPlace(place)))) rest.push(placed)
    expect(rest.map(({ entry }) => entry)).toEqual(all.slice(i + 1).map(({ entry }) => entry))
  }
})

test('a damaged page of names is reported, and its samples stay readable under names of their own', async () => {
  await fill()
  await damage('journal', 'o')
  const damages: StoreDamage[] = []
  await using store = await openStore(
    { folder, freeBytesMin: 0 },
    { clock: new FakeClock(nowMs), logger: silentLogger, onDamage: (damage) => damages.push(damage) },
  )
  expect(damages).toMatchObject([{ kind: 'dictionary', firstId: 0 }])
  expect(store.findSeries('_lost.series.1')).toBe(1)
  expect((await textOf(store, 'csv')).length - 1).toBe(105)
})

test('a day whose facts are lost is found by its blocks, and counted anew by repair', async () => {
  await fill()
  const options = { folder: join(folder, 'local'), compression: false, cacheBytes: 0, writeBufferBytes: 65_536 }
  const { level } = await openLevel(options, 0)
  await level.clear({ gte: Buffer.from('b'), lt: Buffer.from('c') })
  await level.close()
  await using store = await open()
  expect((await textOf(store, 'csv')).length - 1).toBe(105)
  await store.repair()
  expect((await store.report()).points).toBe(105)
})

test('dump names every series, row, block and page', async () => {
  await fill()
  await using store = await open()
  const entries = []
  for await (const { entry } of store.dump()) entries.push(entry)
  expect(entries).toMatchObject([
    { kind: 'series', seriesId: 0, series: 'web.requests;code=200', unit: 'requests' },
    { kind: 'series', seriesId: 1, series: 'web.errors' },
    { kind: 'row', from: 1, to: 103, seriesCount: 2, samples: 103, firstMs: nowMs, lastMs: nowMs + 99_000 },
    { kind: 'row', from: 104, to: 105 },
    { kind: 'block', series: 'web.requests;code=200', samples: 100, stepMs: 1000, firstMs: nowMs },
    { kind: 'page', group: 0, seriesCount: 1, samples: 3 },
  ])
})

test('export writes every sample, as JSON lines or CSV', async () => {
  await fill()
  await using store = await open()
  const json = await textOf(store, 'json')
  expect(json.length).toBe(105)
  expect(JSON.parse(json[0] as string)).toEqual({
    name: 'web.requests',
    tags: { code: '200' },
    ...owner,
    timestampMs: nowMs,
    value: 0,
  })
  const csv = await textOf(store, 'csv')
  expect(csv.slice(0, 2)).toEqual([
    'tenant,cloud,host,series,timestampMs,value',
    `main,home,web,web.requests;code=200,${nowMs},0`,
  ])
  expect(csv.at(-1)).toBe(`main,home,web,web.errors,${nowMs + 200_000},-0`)
})
