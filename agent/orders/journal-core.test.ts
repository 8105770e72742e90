import { describe, expect, it } from 'vitest'
import type { Order } from '#protocol/orders/order.ts'
import { JournalCore, unacknowledgedMs, unverifiedMax } from './journal-core.ts'
import type { JournalAction, JournalCoreOptions, JournalEvent } from './journal-events.ts'
import { type JournalFacts, type JournalRow, newFacts } from './journal-row.ts'

const t0 = 1_700_000_000_000
const target = 'main.home.web'

function orderOf(id: string, change: Partial<Order> = {}): Order {
  const times = { issuedMs: t0, expiresMs: t0 + 60_000, keepUntilMs: t0 + 60_000, sentMs: t0 }
  return { id, target, journal: 'j', session: 1, verb: 'work', key: id, generation: 1, ...times, body: '', ...change }
}

/** A core whose disk writes at once, and what became of everything. */
class Bench {
  readonly rows = new Map<string, JournalRow>()
  readonly said: string[] = []
  readonly started: string[] = []
  readonly hurried: string[] = []
  facts: JournalFacts
  nowMs = t0
  isWritable = true
  readonly resumed: string[] = []
  core: JournalCore

  constructor(
    options: Partial<JournalCoreOptions> = {},
    facts: JournalFacts = newFacts('j'),
    rows: readonly JournalRow[] = [],
  ) {
    this.facts = facts
    this.core = new JournalCore(
      { target, refusalOf: () => undefined, rowsMax: 10, bytesMax: 1000, runningMax: 4, ...options },
      facts,
      rows,
    )
  }

  step(event: JournalEvent): void {
    for (const action of this.core.step(event, this.nowMs)) this.#act(action)
  }

  receive(...orders: readonly Order[]): void {
    for (const order of orders) this.step({ kind: 'received', order })
  }

  finish(id: string): void {
    this.step({ kind: 'finished', id, end: { state: 'done' } })
  }

  after(ms: number): string[] {
    this.said.length = 0
    this.nowMs += ms
    this.step({ kind: 'tick' })
    return [...this.said]
  }

  #act(action: JournalAction): void {
    if (action.kind === 'report') this.said.push(`${action.report.id} ${action.report.code ?? action.report.state}`)
    if (action.kind === 'start') this.started.push(action.row.id)
    if (action.kind === 'resume') this.resumed.push(action.row.id)
    if (action.kind === 'hurry') this.hurried.push(action.id)
    if (action.kind !== 'write') return
    if (!this.isWritable) return this.step({ kind: 'unrecorded', reason: 'no space' })
    this.facts = action.facts
    for (const [id, row] of action.rows) {
      if (row) this.rows.set(id, row)
      else this.rows.delete(id)
    }
    this.step({ kind: 'recorded' })
  }
}

describe('an end', () => {
  it('is told until the controller has it, ever more seldom', () => {
    const bench = new Bench()
    bench.receive(orderOf('a'))
    bench.finish('a')
    const gaps: number[] = []
    for (let second = 0, last = 0; gaps.length < 4; second++) {
      if (bench.after(1000).length === 0) continue
      gaps.push(second - last)
      last = second
    }
    expect(gaps).toEqual([0, 2, 4, 8])
    bench.step({ kind: 'settled', ids: ['a', 'unheard-of'] })
    expect(bench.after(600_000)).toEqual([])
  })

  it('is told to whoever sends the order again', () => {
    const bench = new Bench()
    bench.receive(orderOf('a'))
    bench.finish('a')
    bench.said.length = 0
    bench.receive(orderOf('a'), orderOf('a', { sentMs: t0 + 5 }))
    expect(bench.said).toEqual(['a done', 'a done'])
    expect(bench.started).toEqual(['a'])
  })
})

describe('a row', () => {
  it('goes once its time is over and the controller has its end; then the floor answers for it', () => {
    const bench = new Bench()
    bench.receive(orderOf('a'))
    bench.finish('a')
    bench.after(60_000)
    expect(bench.rows.has('a')).toBe(true)
    bench.step({ kind: 'settled', ids: ['a'] })
    bench.after(0)
    expect(bench.rows.size).toBe(0)
    expect(bench.facts.floorMs).toBe(t0 + 60_000)

    // a restart, and a clock that knows nothing
    const again = new Bench({}, bench.facts)
    again.receive(orderOf('a'))
    expect(again.said).toEqual(['a EXPIRED'])
    expect(again.started).toEqual([])
  })

  it('stays as long as an older order for its key may come', () => {
    const bench = new Bench()
    bench.receive(orderOf('new', { key: 'k', generation: 2, keepUntilMs: t0 + 90_000 }))
    bench.finish('new')
    bench.step({ kind: 'settled', ids: ['new'] })
    bench.after(80_000)
    bench.receive(orderOf('old', { key: 'k', generation: 1, expiresMs: t0 + 90_000, keepUntilMs: t0 + 90_000 }))
    expect(bench.said).toEqual(['old SUPERSEDED'])
  })

  it('that nobody acknowledges is given up in the end, and counted; asked for, its end is not known', () => {
    const bench = new Bench()
    bench.receive(orderOf('a'))
    bench.finish('a')
    bench.after(60_000 + unacknowledgedMs)
    expect(bench.core.counters.forgotten).toBe(1)
    bench.said.length = 0
    bench.receive(orderOf('a'))
    expect(bench.said).toEqual(['a FORGOTTEN'])
  })
})

describe('bounds', () => {
  it('a full journal puts orders off until there is room', () => {
    const bench = new Bench({ rowsMax: 1 })
    bench.receive(orderOf('a'), orderOf('b'))
    expect(bench.said).toEqual(['a started', 'b JOURNAL_FULL'])
    bench.finish('a')
    bench.step({ kind: 'settled', ids: ['a'] })
    bench.after(60_000)
    bench.receive(orderOf('b', { expiresMs: t0 + 120_000, keepUntilMs: t0 + 120_000 }))
    expect(bench.started).toEqual(['a', 'b'])
  })

  it('nor does it take more bodies than it has room for', () => {
    const bench = new Bench()
    bench.receive(orderOf('a', { body: 'x'.repeat(900) }), orderOf('b', { body: 'x'.repeat(200) }))
    expect(bench.said).toEqual(['a started', 'b JOURNAL_FULL'])
    bench.finish('a')
    bench.receive(orderOf('b', { body: 'x'.repeat(200) }))
    expect(bench.started).toEqual(['a', 'b'])
  })

  it('no more handlers run at once than may, and the rest follows in order', () => {
    const bench = new Bench({ runningMax: 2 })
    bench.receive(orderOf('a'), orderOf('b'), orderOf('c'), orderOf('d'))
    expect(bench.started).toEqual(['a', 'b'])
    bench.finish('b')
    expect(bench.started).toEqual(['a', 'b', 'c'])
  })

  it('so many messages that nobody signed are remembered, the rest only counted', () => {
    const bench = new Bench({ rowsMax: 1000 })
    const refusal = { code: 'ORDER_UNSIGNED', reason: 'forged' }
    for (let i = 0; i < unverifiedMax + 5; i++)
      bench.step({ kind: 'unverified', id: `ord-${i}`, verb: 'work', refusal })
    expect(bench.rows.size).toBe(unverifiedMax)
    expect(bench.core.counters.refused).toEqual({ ORDER_UNSIGNED: unverifiedMax + 5 })
    bench.receive(orderOf('ord-1'))
    expect(bench.started).toEqual([])
  })
})

describe('a disk that cannot write', () => {
  it('starts nothing and says so; what was done already is written when it can be', () => {
    const bench = new Bench()
    bench.receive(orderOf('a'))
    bench.isWritable = false
    bench.finish('a')
    bench.receive(orderOf('b'))
    bench.after(1000)
    expect(bench.started).toEqual(['a'])
    expect(bench.rows.get('a')?.state).toBe('started')
    expect(bench.said).toEqual(['b JOURNAL_UNWRITABLE'])

    bench.isWritable = true
    expect(bench.after(1000)).toEqual(['a done'])
    bench.receive(orderOf('b'))
    expect(bench.started).toEqual(['a', 'b'])
  })
})

it('a newer order hurries the one under way, and no order of an old key is started behind its back', () => {
  const bench = new Bench()
  bench.receive(
    orderOf('a', { key: 'k' }),
    orderOf('b', { key: 'k', generation: 3 }),
    orderOf('c', { key: 'k', generation: 2 }),
  )
  expect(bench.hurried).toEqual(['a'])
  expect(bench.said).toEqual(['a started', 'b received', 'c SUPERSEDED'])
  bench.finish('a')
  expect(bench.started).toEqual(['a', 'b'])
})

it('an agent that stops starts nothing more', () => {
  const bench = new Bench({ runningMax: 1 })
  bench.receive(orderOf('a'), orderOf('b'))
  bench.step({ kind: 'stop' })
  bench.finish('a')
  expect(bench.started).toEqual(['a'])
  expect(bench.rows.get('b')?.state).toBe('received')
})

describe('a start without an outcome', () => {
  const killed = (verb: string): Bench => {
    const first = new Bench()
    first.receive(orderOf('a', { verb, key: 'k' }))
    return new Bench({ resumes: new Set(['upgrade']) }, first.facts, [...first.rows.values()])
  }

  it('ends as interrupted', () => {
    const next = killed('work')
    expect([next.after(0), next.resumed, next.started]).toEqual([['a INTERRUPTED'], [], []])
  })

  it('is taken up where the handler can tell what became of it, once, and ends then', () => {
    const next = killed('upgrade')
    expect([next.after(0), next.after(1000)]).toEqual([[], []])
    expect([next.resumed, next.started]).toEqual([['a'], []])
    next.receive(orderOf('b', { verb: 'upgrade', key: 'k', generation: 2 }))
    expect([next.started, next.hurried]).toEqual([[], ['a']])
    next.finish('a')
    expect(next.said).toContain('a done')
    expect(next.started).toEqual(['b'])
  })
})
