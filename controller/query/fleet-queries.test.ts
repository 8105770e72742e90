import { describe, expect, test } from 'vitest'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { SampleWindow } from '#controller/window/window.ts'
import { LanistaError } from '#protocol/errors.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { encodeRefusal } from '#protocol/query/answer.ts'
import { parseQueryAsk, type QueryAsk } from '#protocol/query/ask.ts'
import { PageWriter } from '#protocol/query/page-writer.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { parseHostId, prefixOf, replySubject } from '#protocol/subjects/subject.ts'
import { FleetQueries, type FleetQueriesOptions } from './fleet-queries.ts'
import { metricOf } from './metric-list.ts'
import type { PossibleHost } from './plan.ts'
import type { Question } from './question.ts'

const never = new AbortController().signal
const question: Question = { tenant: 'main', match: 'cpu.*', matches: compileSelector('cpu.*'), last: false }
/** What an agent makes of a question; undefined = it says nothing. */
type Behaviour = (ask: QueryAsk) => Uint8Array | undefined

const notHeld = encodeRefusal(new LanistaError('NOT_HELD', 'ask somebody else'))

/** A page of one series with these values, a second apart from 0. */
function page(name: string, values: readonly number[], next?: QueryAsk['cursor']): Uint8Array {
  const writer = new PageWriter()
  writer.add(
    { name },
    Float64Array.from(values, (_, i) => i * 1000),
    [Float64Array.from(values)],
  )
  return writer.finish(next)
}

class Fleet implements AsyncDisposable {
  readonly window = new SampleWindow({ windowMs: 60_000, samplesMax: 1000, seriesMax: 100 })
  readonly #broker = new MemoryBroker({ clock: systemClock, logger: silentLogger })
  readonly #buses: Bus[] = []
  readonly #hosts: PossibleHost[] = []
  readonly #copies = new Map<string, Behaviour>()

  agent(id: string, behaviour: Behaviour, state: PossibleHost['state'] = 'online', hasLostStore = false): void {
    const address = parseHostId(id)
    const bus = this.#broker.connect({ kind: 'agent', address })
    this.#buses.push(bus)
    this.#hosts.push({ address, state, hasLostStore })
    bus.subscribe(`${prefixOf(address)}.control.query.>`, ({ subject, body }) => {
      const ask = parseQueryAsk(body)
      const answer = ask.owner === id ? behaviour(ask) : (this.#copies.get(`${id} ${ask.owner}`)?.(ask) ?? notHeld)
      if (answer) bus.publish(replySubject(subject), answer)
    })
  }

  /** What one agent makes of questions about another host. */
  copies(holder: string, owner: string, behaviour: Behaviour): void {
    this.#copies.set(`${holder} ${owner}`, behaviour)
  }

  /** A host that was known and whose agent runs no more. */
  gone(id: string, state: PossibleHost['state'] = 'online'): void {
    this.#hosts.push({ address: parseHostId(id), state })
  }

  async queries(options: Partial<FleetQueriesOptions> = {}): Promise<FleetQueries> {
    const bus = this.#broker.connect({ kind: 'controller' })
    this.#buses.push(bus)
    for (const each of this.#buses) await each.up(AbortSignal.timeout(5000))
    return new FleetQueries(
      { seriesMax: 100, samplesMax: 1000, deadlineMs: 5000, ...options },
      { bus, clock: systemClock, window: this.window, hosts: () => this.#hosts, logger: silentLogger },
    )
  }

  inWindow(id: string, name: string, value: number): void {
    this.window.append(this.window.series(parseHostId(id), name, undefined), 7000, value, systemClock.now())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bus of this.#buses) await bus.close()
  }
}

describe('a question to the fleet', () => {
  test('is answered by every agent out of its own store, by name, then host', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.b', () => page('cpu.usage', [1]))
    fleet.agent('main.home.a', () => page('cpu.usage', [2, 3]))
    const { rows, answered, unanswered } = await (await fleet.queries()).ask(question, never)
    expect([answered, unanswered]).toEqual([2, []])
    expect(rows.map(({ head }) => [head.name, head.host, head.served_by, head.step_ms])).toEqual([
      ['cpu.usage', 'a', 'a', 1000],
      ['cpu.usage', 'b', 'b', null],
    ])
    expect(rows[0]?.columns?.columns[0]).toEqual(Float64Array.of(2, 3))
  })

  test('goes on with the cursor until there is none, and puts the series together', async () => {
    await using fleet = new Fleet()
    const asked: QueryAsk[] = []
    fleet.agent('main.home.a', (ask) => {
      asked.push(ask)
      const from = ask.cursor?.fromMs ?? 0
      const writer = new PageWriter()
      writer.add({ name: 'cpu.usage' }, Float64Array.of(from), [Float64Array.of(from)])
      return writer.finish(from < 3000 ? { seriesId: 0, fromMs: from + 1000 } : undefined)
    })
    const { rows } = await (await fleet.queries()).ask({ ...question, fromMs: 0 }, never)
    expect(rows[0]?.columns?.timestampsMs).toEqual(Float64Array.of(0, 1000, 2000, 3000))
    expect(asked.map(({ owner, match, cursor }) => [owner, match, cursor?.fromMs])).toEqual(
      [undefined, 1000, 2000, 3000].map((fromMs) => ['main.home.a', 'cpu.*', fromMs]),
    )
  })

  test.each<[string, Behaviour | undefined]>([
    ['is gone', undefined],
    ['says nothing', () => undefined],
    ['refuses', () => encodeRefusal(new LanistaError('BUSY', 'later'))],
    ['answers with noise', () => Uint8Array.of(1, 2, 3)],
    ['answers with nearly a megabyte of noise', () => new Uint8Array(1_000_000).fill(1)],
    ['answers with what was not asked for', () => page('disk.read', [1])],
    ['never comes to an end', (ask) => page(`cpu.${ask.cursor?.seriesId ?? 0}`, [], { seriesId: 0, fromMs: 0 })],
    [
      'always has one more page',
      ({ cursor }) => new PageWriter().finish({ seriesId: (cursor?.seriesId ?? 0) + 1, fromMs: 0 }),
    ],
    ['breaks off', (ask) => (ask.cursor ? undefined : page('cpu.usage', [1, 2], { seriesId: 1, fromMs: 0 }))],
  ])('is answered by the window for a host that %s, which is named', async (_, behaviour) => {
    await using fleet = new Fleet()
    if (behaviour) fleet.agent('main.home.bad', behaviour)
    else fleet.gone('main.home.bad')
    fleet.agent('main.home.good', () => page('cpu.usage', [5]))
    fleet.inWindow('main.home.bad', 'cpu.usage', 42)
    const { rows, answered, unanswered } = await (await fleet.queries({ deadlineMs: 300 })).ask(question, never)
    expect([answered, unanswered]).toEqual([1, ['main.home.bad']])
    expect(rows.map(({ head }) => [head.host, head.served_by])).toEqual([
      ['bad', '_controller'],
      ['good', 'good'],
    ])
    expect(rows[0]?.samples).toEqual([[7000, 42]])
  })

  test('does not wait for a host that is offline, or that only the window knows', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.off', () => page('cpu.usage', [1]), 'offline')
    fleet.inWindow('main.home.stranger', 'cpu.usage', 1)
    const { rows, unanswered } = await (await fleet.queries()).ask(question, never)
    expect(unanswered).toEqual(['main.home.off', 'main.home.stranger'])
    expect(rows.map(({ head }) => head.host)).toEqual(['stranger'])
  })

  test.each<PossibleHost['state']>(['offline', 'online', 'unknown'])(
    'about a host that is gone, and seems %s, is answered from all copies in its cloud together',
    async (state) => {
      await using fleet = new Fleet()
      fleet.gone('main.home.gone', state)
      for (const host of ['a', 'b', 'c']) fleet.agent(`main.home.${host}`, () => new PageWriter().finish())
      fleet.agent('main.aws.d', () => new PageWriter().finish())
      fleet.copies('main.home.a', 'main.home.gone', () => page('cpu.usage', [1, 2]))
      fleet.copies('main.home.c', 'main.home.gone', () => page('cpu.usage', [1, 2, 3]))
      fleet.copies('main.aws.d', 'main.home.gone', () => page('cpu.usage', [1, 2, 3, 4]))
      fleet.inWindow('main.home.gone', 'cpu.usage', 42)
      const only = { ...question, host: 'gone' }
      const { rows, answered, unanswered } = await (await fleet.queries()).ask(only, never)
      expect([answered, unanswered]).toEqual([1, []])
      expect(rows.map(({ head }) => [head.host, head.served_by, head.step_ms])).toEqual([['gone', 'a', 1000]])
      expect(rows[0]?.columns?.columns[0]).toEqual(Float64Array.of(1, 2, 3))
    },
  )

  test('about a host that is gone takes each value of a function from who has most of its samples', async () => {
    await using fleet = new Fleet()
    fleet.gone('main.home.gone', 'offline')
    const holder =
      (mean: number, count: number): Behaviour =>
      ({ function: name }) => {
        const writer = new PageWriter()
        writer.add({ name: 'cpu.usage' }, Float64Array.of(0), [Float64Array.of(name === 'count' ? count : mean)])
        return writer.finish()
      }
    for (const host of ['a', 'b']) fleet.agent(`main.home.${host}`, () => undefined)
    fleet.copies('main.home.a', 'main.home.gone', holder(7, 10))
    fleet.copies('main.home.b', 'main.home.gone', holder(8, 11))
    const { rows } = await (await fleet.queries()).ask({ ...question, host: 'gone', function: 'mean' }, never)
    expect(rows.map(({ value, head }) => [value, head.served_by])).toEqual([[8, 'b']])
  })

  test.each<[string, boolean, number[], string]>([
    ['has lost a store is answered from it and from copies of what it lost', true, [9, 2, 3], 'b'],
    ['never lost a store is answered by itself alone', false, [9], 'a'],
  ])('about a host that %s', async (_, hasLostStore, values, servedBy) => {
    await using fleet = new Fleet()
    fleet.agent('main.home.a', () => page('cpu.usage', [9]), 'online', hasLostStore)
    fleet.agent('main.home.b', () => new PageWriter().finish())
    fleet.copies('main.home.b', 'main.home.a', () => page('cpu.usage', [1, 2, 3]))
    const { rows, unanswered } = await (await fleet.queries()).ask(question, never)
    expect(unanswered).toEqual([])
    expect(rows.map(({ head, columns }) => [head.served_by, [...(columns?.columns[0] ?? [])]])).toEqual([
      [servedBy, values],
    ])
  })

  test('counts a sample once, however many hold copies of it', async () => {
    await using fleet = new Fleet()
    for (const host of ['x', 'y']) fleet.gone(`main.home.${host}`, 'offline')
    for (const host of ['a', 'b']) {
      fleet.agent(`main.home.${host}`, () => new PageWriter().finish())
      for (const gone of ['x', 'y']) {
        fleet.copies(`main.home.${host}`, `main.home.${gone}`, () => page('cpu.usage', [1, 2]))
      }
    }
    const { rows } = await (await fleet.queries({ samplesMax: 4 })).ask(question, never)
    expect(rows.map(({ head }) => head.host)).toEqual(['x', 'y'])
    await expect((await fleet.queries({ samplesMax: 3 })).ask(question, never)).rejects.toMatchObject({
      code: 'ANSWER_TOO_LARGE',
    })
  })

  test.each<[string, Partial<FleetQueriesOptions>]>([
    ['more series', { seriesMax: 2 }],
    ['more samples', { samplesMax: 5 }],
  ])('that has %s than an answer may is refused, however the hosts share them', async (_, options) => {
    await using fleet = new Fleet()
    for (const host of ['a', 'b', 'c']) fleet.agent(`main.home.${host}`, () => page('cpu.usage', [1, 2]))
    await expect((await fleet.queries(options)).ask(question, never)).rejects.toMatchObject({
      code: 'ANSWER_TOO_LARGE',
    })
  })

  test('over a year is bounded by what an answer may hold, not by the year', async () => {
    await using fleet = new Fleet()
    let pages = 0
    fleet.agent('main.home.a', (ask) => {
      pages++
      const from = ask.cursor?.fromMs ?? 0
      const times = Float64Array.from({ length: 400 }, (_, i) => from + i)
      const writer = new PageWriter()
      writer.add({ name: 'cpu.usage' }, times, [times])
      return writer.finish({ seriesId: 0, fromMs: from + 400 })
    })
    await expect((await fleet.queries()).ask(question, never)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' })
    expect(pages).toBe(3)
  })

  test('that an agent finds too large is refused with its words', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.a', () => encodeRefusal(new LanistaError('QUERY_TOO_LARGE', 'ask for a shorter step')))
    await expect((await fleet.queries()).ask(question, never)).rejects.toMatchObject({
      code: 'QUERY_TOO_LARGE',
      message: 'ask for a shorter step (says main.home.a)',
    })
  })

  test('for names lists series without samples too, and says how to ask for fewer', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.a', ({ names }) => {
      const writer = new PageWriter()
      writer.add({ name: 'cpu.old', unit: 'percent' }, new Float64Array(0), [])
      if (names) writer.add({ name: 'cpu.usage' }, Float64Array.of(5000), [Float64Array.of(7)])
      return writer.finish()
    })
    fleet.gone('main.home.off', 'offline')
    fleet.inWindow('main.home.off', 'cpu.usage', 42)
    const names = { ...question, names: true, fromMs: 0 }
    const { rows, unanswered } = await (await fleet.queries()).ask(names, never)
    expect(unanswered).toEqual(['main.home.off'])
    expect(
      rows.map(metricOf).map(({ name, host, unit, served_by, last }) => [name, host, unit, served_by, last]),
    ).toEqual([
      ['cpu.old', 'a', 'percent', 'a', null],
      ['cpu.usage', 'a', null, 'a', [5000, 7]],
      ['cpu.usage', 'off', null, '_controller', [7000, 42]],
    ])
    await expect((await fleet.queries({ seriesMax: 2 })).ask(names, never)).rejects.toMatchObject({
      code: 'ANSWER_TOO_LARGE',
      message: expect.stringContaining('match='),
    })
  })

  test('ends when its asker goes away', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.a', () => undefined)
    const gone = new AbortController()
    const asked = (await fleet.queries()).ask(question, gone.signal)
    gone.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
  })

  test('with a function carries values, unknown ones and lines', async () => {
    await using fleet = new Fleet()
    fleet.agent('main.home.a', ({ function: name }) => {
      const writer = new PageWriter()
      const columns = name === 'leastSquares' ? [Float64Array.of(1), Float64Array.of(2)] : [Float64Array.of(3)]
      writer.add({ name: 'cpu.a' }, Float64Array.of(0), columns)
      writer.add({ name: 'cpu.b' }, new Float64Array(0), [])
      return writer.finish()
    })
    const queries = await fleet.queries()
    const valuesOf = async (name: string): Promise<unknown[]> =>
      (await queries.ask({ ...question, function: name }, never)).rows.map(({ value }) => value)
    expect(await valuesOf('mean')).toEqual([3, null])
    expect(await valuesOf('leastSquares')).toEqual([{ slope: 1, intercept: 2 }, null])
    await expect(queries.ask({ ...question, function: 'avg' }, never)).rejects.toMatchObject({
      code: 'FUNCTION_UNKNOWN',
    })
  })
})
