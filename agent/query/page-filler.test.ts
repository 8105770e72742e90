import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { value } from '#protocol/aggregation/functions.ts'
import { spanOf } from '#protocol/aggregation/span.ts'
import { windows } from '#protocol/aggregation/windows.ts'
import type { QueryAsk } from '#protocol/query/ask.ts'
import type { QueryPage } from '#protocol/query/page-format.ts'
import { decodePage } from '#protocol/query/page-reader.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from '../store/open-store.ts'
import type { HistoryStore } from '../store/store.ts'
import { fillPage, literalStart } from './page-filler.ts'

const nowMs = 1_700_000_000_000
const ask: QueryAsk = { owner: 't.c.h', deadlineMs: 10_000 }
let folder: string
let store: HistoryStore
let clock: FakeClock

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-page-'))
  clock = new FakeClock(nowMs)
  store = await openStore({ folder, freeBytesMin: 0 }, { clock, logger: silentLogger })
})

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

async function pageOf(question: QueryAsk): Promise<QueryPage> {
  return decodePage(await fillPage(question, { store, clock }, new AbortController().signal))
}

/** All pages, each asked for with the cursor of the one before. */
async function pagesOf(question: QueryAsk): Promise<QueryPage[]> {
  const pages: QueryPage[] = []
  for (let { cursor } = question; ; ) {
    const page = await pageOf({ ...question, cursor })
    pages.push(page)
    if (!page.next) return pages
    cursor = page.next
  }
}

type Found = Record<string, (readonly [number, ...number[]])[]>

async function found(question: QueryAsk): Promise<Found> {
  const all: Found = {}
  for (const page of await pagesOf(question)) {
    for (const { name, timestampsMs, columns } of page.chunks) {
      const rows = (all[name] ??= [])
      for (const [i, time] of timestampsMs.entries()) rows.push([time, ...columns.map((column) => column[i] as number)])
    }
  }
  return all
}

/** `count` samples of a series, a second apart, the last one just now. */
function write(name: string, count: number, valueOf: (i: number) => number = (i) => i): void {
  const id = store.seriesId(name)
  for (let i = 0; i < count; i++) store.append(id, nowMs - (count - 1 - i) * 1000, valueOf(i))
}

describe('a page', () => {
  test('shows a sample that has just been sent and is in no journal yet', async () => {
    write('shop.orders', 1, () => 42)
    expect(await found({ ...ask, match: 'shop.orders', last: true })).toEqual({ 'shop.orders': [[nowMs, 42]] })
  })

  test('lists every series that matches, with its newest sample where there is one in the stretch', async () => {
    store.seriesId('cpu.idle')
    write('cpu.usage', 10)
    write('disk.read', 10)
    store.append(store.seriesId('cpu.old'), nowMs - 9000, 1)
    await store.flush()
    store.seriesId('cpu.new')
    const pages = await pagesOf({ ...ask, match: 'cpu.*', names: true, fromMs: nowMs - 5000 })
    const chunks = pages.flatMap((page) => page.chunks)
    expect(chunks.map(({ name, timestampsMs, columns }) => [name, ...timestampsMs, ...(columns[0] ?? [])])).toEqual([
      ['cpu.idle'],
      ['cpu.usage', nowMs, 9],
      ['cpu.old'],
      ['cpu.new'],
    ])
  })

  test('holds what matches alone, within the stretch asked for', async () => {
    write('cpu.usage;core=0', 10)
    write('cpu.usage;core=1', 10)
    write('disk.read', 10)
    const question = { ...ask, match: 'cpu.*;core=1', fromMs: nowMs - 2000, untilMs: nowMs - 1000 }
    expect(await found(question)).toEqual({
      'cpu.usage;core=1': [
        [nowMs - 2000, 7],
        [nowMs - 1000, 8],
      ],
    })
  })

  test('is one of many that together hold everything once, in memory and on disk', async () => {
    const noise = (i: number): number => Math.sin(i)
    for (const name of ['a', 'b', 'c', 'd']) write(name, 40_000, noise)
    await store.flush()
    write('late', 3)
    const pages = await pagesOf(ask)
    expect(pages.length).toBeGreaterThan(1)
    const all = await found(ask)
    expect(Object.keys(all)).toEqual(['a', 'b', 'c', 'd', 'late'])
    expect(all['d']?.length).toBe(40_000)
    expect(all['c']?.every(([, found], i) => found === noise(i))).toBe(true)
    for (const [page, next] of pages.slice(0, -1).map(({ next }, i) => [next, pages[i + 1]?.next] as const)) {
      if (page && next) expect(page.seriesId * 1e15 + page.fromMs).toBeLessThan(next.seriesId * 1e15 + next.fromMs)
    }
  })

  test('answers functions as the pure ones do, whatever function and step', async () => {
    write('a', 3000, (i) => (i * 7919) % 100)
    const pairs = Array.from({ length: 3000 }, (_, i) => [nowMs - (2999 - i) * 1000, (i * 7919) % 100] as const)
    const fromMs = nowMs - 2_000_000
    const inside = spanOf(pairs.filter(([time]) => time >= fromMs))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('mean', 'count', 'p95', 'leastSquares', 'rate', 'max'),
        fc.constantFrom(1000, 60_000, 7_777),
        async (name, stepMs) => {
          const expected = windows(spanOf(pairs), name, stepMs, fromMs, nowMs)
          const stepped = (await found({ ...ask, fromMs, untilMs: nowMs, function: name, stepMs }))['a'] ?? []
          expect(stepped.map(([time]) => time)).toEqual(expected.map(([time]) => time))
          for (const [i, [, ...numbers]] of stepped.entries()) close(numbers, expected[i]?.[1])
          const [single] = (await found({ ...ask, fromMs, untilMs: nowMs, function: name }))['a'] ?? []
          close(single?.slice(1) ?? [], value(name, inside))
        },
      ),
      { numRuns: 18 },
    )
  })

  test('says unknown for a series without samples in the stretch, and counts 0', async () => {
    write('a', 5)
    const question = { ...ask, fromMs: 0, untilMs: 1000 }
    expect((await pageOf({ ...question, function: 'mean' })).chunks).toMatchObject([{ name: 'a', columns: [] }])
    expect(await found({ ...question, function: 'count' })).toEqual({ a: [[0, 0]] })
    expect(await found({ ...question, function: 'count', stepMs: 10 })).toEqual({})
  })

  test('ends after its time although there is more, and always gets further', async () => {
    for (let i = 0; i < 20; i++) write(`s${i}`, 10)
    const slow = { monotonic: () => (time += 600) }
    let time = 0
    let pages = 0
    const names = new Set<string>()
    for (let cursor: QueryAsk['cursor']; ; pages++) {
      const body = await fillPage({ ...ask, cursor }, { store, clock: slow }, new AbortController().signal)
      const { chunks, next } = decodePage(body)
      for (const { name } of chunks) names.add(name)
      if (!next) break
      cursor = next
    }
    expect(names.size).toBe(20)
    expect(pages).toBeGreaterThan(5)
  })

  test('is given up when the asker no longer waits', async () => {
    for (let i = 0; i < 2000; i++) write(`s${i}`, 2)
    const gone = new AbortController()
    const filling = fillPage(ask, { store, clock: { monotonic: () => performance.now() * 1000 } }, gone.signal)
    gone.abort(new Error('gone'))
    await expect(filling).rejects.toThrow('gone')
  })

  test.each([
    [{ match: '[' }, 'SELECTOR_INVALID'],
    [{ function: 'avg' }, 'FUNCTION_UNKNOWN'],
  ])('refuses %j with %s', async (more, code) => {
    await expect(pageOf({ ...ask, ...more })).rejects.toMatchObject({ code })
  })
})

test.each([
  ['cpu.usage', 'cpu.usage'],
  ['cpu.*', 'cpu.'],
  ['cpu.usage;core=1', 'cpu.usage'],
  ['{a,b}.c', ''],
  [';app=x', ''],
])('names that %s takes begin with %j', (match, start) => expect(literalStart(match)).toBe(start))

function close(numbers: readonly number[], expected: unknown): void {
  const wanted = typeof expected === 'object' && expected ? Object.values(expected) : [expected]
  expect(numbers.length).toBe(wanted.length)
  for (const [i, number] of numbers.entries()) expect(number).toBeCloseTo(wanted[i] as number, 8)
}
