import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { encodeQueryAsk, type QueryAsk } from '#protocol/query/ask.ts'
import { decodePage } from '#protocol/query/page-reader.ts'
import { encodeStoreAsk, storeCheckSchema, storeRepairSchema, storeSizesSchema } from '#protocol/query/store-ask.ts'
import { type DumpEntry, dumpPageSchema } from '#protocol/query/store-dump.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from '../store/open-store.ts'
import type { HistoryStore } from '../store/store.ts'
import {
  pagesAtOnceMax,
  pagesWaitingMax,
  QueryService,
  type QueryServiceDeps,
  repairsWaitingMax,
} from './query-service.ts'

const deps = { clock: systemClock, logger: silentLogger }
const address = { tenant: 'main', cloud: 'home', host: 'web' }
let folder: string
let store: HistoryStore
let broker: MemoryBroker
let controller: Bus
let agent: Bus

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-query-'))
  store = await openStore({ folder, freeBytesMin: 0 }, deps)
  broker = new MemoryBroker(deps)
  controller = broker.connect({ kind: 'controller' })
  agent = broker.connect({ kind: 'agent', address })
  for (const bus of [controller, agent]) await bus.up(AbortSignal.timeout(5000))
})

afterEach(async () => {
  for (const bus of [controller, agent]) await bus.close()
  await store.close()
  await rm(folder, { recursive: true, force: true })
})

let asked = 0
function ask(verb: string, body: Uint8Array): Promise<Uint8Array> {
  const subject = `lanista.main.home.web.control.${verb}.q${asked++}`
  return controller.request(subject, body, { signal: new AbortController().signal, deadlineMs: 10_000 })
}

function query(more: Partial<QueryAsk> = {}): Promise<Uint8Array> {
  return ask('query', encodeQueryAsk({ owner: 'main.home.web', deadlineMs: 5000, ...more }))
}

test('a controller gets pages of the samples and sizes of the store', async () => {
  await using service = new QueryService({ address }, { bus: agent, store, ...deps })
  store.append(store.seriesId('cpu.usage', 'percent'), 1000, 42)
  expect(decodePage(await query())).toMatchObject({ chunks: [{ name: 'cpu.usage', unit: 'percent' }] })
  const report = await ask('store', encodeStoreAsk({ what: 'report', deadlineMs: 5000 }))
  expect(parseJsonAnswer(report, storeSizesSchema, 'report')).toMatchObject({ series: 1, points: 1 })
  const check = await ask('store', encodeStoreAsk({ what: 'check', deadlineMs: 5000 }))
  expect(parseJsonAnswer(check, storeCheckSchema, 'check')).toMatchObject({ damaged: 0, damages: [] })
  expect(service.counters).toMatchObject({ answered: 3, refused: 0 })
})

test('a controller lets the store be repaired, and gets a dump page by page', async () => {
  await using _service = new QueryService({ address }, { bus: agent, store, ...deps })
  for (let i = 0; i < 10_000; i++) store.append(store.seriesId(`series.${i}`), systemClock.now(), i)
  await store.flush()
  const repair = await ask('store', encodeStoreAsk({ what: 'repair', deadlineMs: 5000 }))
  expect(parseJsonAnswer(repair, storeRepairSchema, 'repair')).toMatchObject({ damaged: 0, put_aside: 0, damages: [] })
  const entries: DumpEntry[] = []
  let pages = 0
  for (let after: string | undefined; pages === 0 || after !== undefined; pages++) {
    const page = parseJsonAnswer(
      await ask('store', encodeStoreAsk({ what: 'dump', after, deadlineMs: 5000 })),
      dumpPageSchema,
      'dump',
    )
    entries.push(...page.entries)
    after = page.next
  }
  expect(pages).toBeGreaterThan(2)
  const named = entries.filter(({ kind }) => kind === 'series').map(({ series }) => series)
  expect(named).toEqual(Array.from({ length: 10_000 }, (_, i) => `series.${i}`))
  expect(entries.reduce((sum, { kind, samples = 0 }) => sum + (kind === 'page' ? samples : 0), 0)).toBe(10_000)
})

test('repairs are done one after the other, and too many are refused as busy', async () => {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let atOnce = 0
  const repair: HistoryStore['repair'] = async (options) => {
    expect(++atOnce).toBe(1)
    await held
    atOnce--
    return store.repair(options)
  }
  const busyStore = { ...heldStoreOf().store, repair }
  await using _service = new QueryService({ address }, { bus: agent, store: busyStore, ...deps })
  const all = Array.from({ length: 1 + repairsWaitingMax + 1 }, () =>
    ask('store', encodeStoreAsk({ what: 'repair', deadlineMs: 5000 })),
  )
  const busy = await Promise.race(all)
  expect(() => parseJsonAnswer(busy, storeRepairSchema, 'repair')).toThrow(expect.objectContaining({ code: 'BUSY' }))
  const report = await ask('store', encodeStoreAsk({ what: 'report', deadlineMs: 5000 }))
  expect(parseJsonAnswer(report, storeSizesSchema, 'report')).toMatchObject({ series: 0 })
  release()
  expect((await Promise.all(all)).filter((answer) => answer !== busy).length).toBe(1 + repairsWaitingMax)
})

test.each<[string, Partial<QueryAsk>, string]>([
  ['the samples of another host', { owner: 'main.home.db' }, 'NOT_HELD'],
  ['a selector that is none', { match: 'a..b' }, 'SELECTOR_INVALID'],
  ['a step of part of a millisecond', { stepMs: 0.5 }, 'MESSAGE_INVALID'],
])('who asks for %s is refused with the reason', async (_, more, code) => {
  await using service = new QueryService({ address }, { bus: agent, store, ...deps })
  const answer = await query(more)
  expect(() => decodePage(answer)).toThrow(expect.objectContaining({ code }))
  expect(service.counters.refused).toBe(1)
})

/** A store that answers only when told to. */
function heldStoreOf(): { store: Pick<HistoryStore, keyof QueryServiceDeps['store']>; release: () => void } {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const read = (): AsyncIterable<never> => ({
    [Symbol.asyncIterator]: () => ({ next: () => held.then(() => ({ done: true, value: undefined })) }),
  })
  return {
    store: {
      read,
      windows: read,
      seriesCount: 1,
      seriesEntry: () => ({ name: 'a' }),
      report: () => store.report(),
      check: () => store.check(),
      repair: () => store.repair(),
      dump: () => store.dump(),
    },
    release,
  }
}

test('too many at once are refused as busy, the others are answered in turn', async () => {
  const { store, release } = heldStoreOf()
  await using _service = new QueryService({ address }, { bus: agent, store, ...deps })
  const all = Array.from({ length: pagesAtOnceMax + pagesWaitingMax + 3 }, () => query())
  const busy = await Promise.race(all)
  expect(() => decodePage(busy)).toThrow(expect.objectContaining({ code: 'BUSY' }))
  release()
  const answers = await Promise.all(all)
  const codes = answers.map((answer) => {
    try {
      return decodePage(answer).chunks.length
    } catch (error) {
      return (error as { code: string }).code
    }
  })
  expect(codes.filter((code) => code === 'BUSY').length).toBe(3)
  expect(codes.filter((code) => code === 0).length).toBe(pagesAtOnceMax + pagesWaitingMax)
})

test('what waits longer than its asker is given up', async () => {
  const { store, release } = heldStoreOf()
  await using _service = new QueryService({ address }, { bus: agent, store, ...deps })
  const holding = Array.from({ length: pagesAtOnceMax }, () => query())
  const waiting = await query({ deadlineMs: 10 })
  expect(() => decodePage(waiting)).toThrow(expect.objectContaining({ code: 'TOO_SLOW' }))
  release()
  await Promise.all(holding)
})
