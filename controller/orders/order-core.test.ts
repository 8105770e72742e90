import { describe, expect, it } from 'vitest'
import type { OrderReport } from '#protocol/orders/report.ts'
import { OrderCore } from './order-core.ts'
import type { OrderAction, OrderCoreOptions, OrderEvent, OrderWish } from './order-events.ts'
import type { OrderFacts, OrderRow } from './order-row.ts'
import { shownStateOf } from './order-row.ts'

const t0 = 1_700_000_000_000
const target = 'main.home.web'
const limits: OrderCoreOptions = {
  hostOpenMax: 3,
  openMax: 5,
  openBytesMax: 100,
  settledMax: 2,
  settledBytesMax: 100,
  settledKeepMs: 60_000,
  sendsMax: 2,
}

/** A core whose registry writes at once. */
class Bench {
  readonly rows = new Map<string, OrderRow>()
  readonly done: string[] = []
  facts: OrderFacts = { generation: 0, clockMs: 0 }
  nowMs = t0
  isWritable = true
  core: OrderCore

  constructor(rows: readonly OrderRow[] = [], facts: OrderFacts = { generation: 0, clockMs: 0 }) {
    this.core = new OrderCore(limits, facts, rows)
  }

  step(event: OrderEvent): void {
    for (const action of this.core.step(event, this.nowMs)) this.#act(action)
  }

  here(journal: string | undefined = 'j'): void {
    this.step({ kind: 'host', target, isHere: true, journal })
  }

  issue(id: string, wish: Partial<OrderWish> = {}): void {
    this.step({ kind: 'issue', wish: { id, target, verb: 'work', key: id, body: '', lifetimeMs: 60_000, ...wish } })
  }

  report(id: string, state: OrderReport['state'], more: Partial<OrderReport> = {}, from: string = target): void {
    this.step({ kind: 'reported', target: from, report: { id, journal: 'j', state, ...more } })
  }

  after(ms: number): string[] {
    this.done.length = 0
    this.nowMs += ms
    this.step({ kind: 'tick' })
    return [...this.done]
  }

  #act(action: OrderAction): void {
    if (action.kind !== 'write') {
      this.done.push(`${action.kind} ${'id' in action ? action.id : action.row.id}`)
      return
    }
    if (!this.isWritable) return this.step({ kind: 'unrecorded' })
    this.facts = action.facts
    for (const [id, row] of action.rows) {
      if (row) this.rows.set(id, row)
      else this.rows.delete(id)
    }
    this.step({ kind: 'recorded' })
  }
}

describe('an order', () => {
  it('is written, said to be issued, sent, ended and acknowledged, in this order', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a')
    expect(bench.done).toEqual(['issued a', 'send a'])
    expect(bench.rows.get('a')).toMatchObject({ state: 'sent', journal: 'j' })
    bench.report('a', 'done', { result: '1' })
    expect(bench.done).toEqual(['issued a', 'send a', 'acknowledge a', 'settled a'])
    expect(bench.rows.get('a')).toMatchObject({ state: 'done', result: '1', body: '' })
    bench.report('a', 'done')
    expect(bench.done.at(-1)).toBe('acknowledge a')
  })

  it('is sent again ever more seldom, and at once when its host is back', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a')
    const gaps: number[] = []
    for (let second = 0, last = 0; gaps.length < 4; second++) {
      if (!bench.after(1000).includes('send a')) continue
      gaps.push(second - last)
      last = second
    }
    expect(gaps).toEqual([0, 2, 4, 8])
    bench.step({ kind: 'host', target, isHere: false, journal: undefined })
    expect(bench.after(120_000)).toEqual([])
    bench.here()
    expect(bench.done).toEqual(['send a'])
    const row = bench.rows.get('a')
    expect(row && shownStateOf(row, bench.nowMs)).toBe('unknown')
  })

  it('keeps its first end, and hears no host but its own and no journal but its own', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a')
    bench.report('a', 'done', {}, 'main.home.db')
    bench.report('a', 'done', { journal: 'other' })
    expect(bench.core.get('a')?.state).toBe('sent')
    bench.report('a', 'interrupted')
    bench.report('a', 'done')
    expect(bench.core.get('a')?.state).toBe('interrupted')
    expect(bench.core.counters).toMatchObject({ strange: 2, conflicts: 1 })
  })

  it('never goes back: a receipt that comes late changes nothing', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a')
    bench.report('a', 'started', { progress: 'half' })
    bench.report('a', 'received')
    expect(bench.core.get('a')).toMatchObject({ state: 'started', progress: 'half' })
  })

  it('whose writing fails was not issued, and nothing of it stays', () => {
    const bench = new Bench()
    bench.here()
    bench.isWritable = false
    bench.issue('a')
    expect(bench.done).toEqual(['unissued a'])
    expect(bench.core.open).toBe(0)
    bench.isWritable = true
    bench.after(1000)
    expect(bench.rows.size).toBe(0)
  })

  it('told to keep what an older one for its key may still do', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a', { key: 'k', lifetimeMs: 90_000 })
    bench.issue('b', { key: 'k' })
    expect(bench.rows.get('b')).toMatchObject({ expiresMs: t0 + 60_000, keepUntilMs: t0 + 90_000 })
  })

  it('that was never sent is superseded here', () => {
    const bench = new Bench()
    bench.issue('a', { key: 'k' })
    bench.issue('b', { key: 'k' })
    expect(bench.rows.get('a')?.state).toBe('superseded')
    expect(bench.rows.get('b')?.state).toBe('queued')
  })
})

describe('bounds', () => {
  it('so many open orders of a host, so many of all', () => {
    const bench = new Bench()
    for (const id of ['a', 'b', 'c']) bench.issue(id)
    expect(() => bench.core.expectRoom(target, 0)).toThrow(expect.objectContaining({ code: 'BUSY' }))
    for (const id of ['d', 'e']) bench.issue(id, { target: 'main.home.db' })
    expect(() => bench.core.expectRoom('main.home.x', 0)).toThrow(expect.objectContaining({ code: 'BUSY' }))
  })

  it('so much in their bodies, and in the results of those that are over', () => {
    const bench = new Bench()
    bench.here()
    bench.issue('a', { body: 'x'.repeat(80) })
    expect(() => bench.core.expectRoom(target, 30)).toThrow(expect.objectContaining({ code: 'BUSY' }))
    bench.report('a', 'done', { result: 'x'.repeat(80) })
    bench.core.expectRoom(target, 100)
    bench.issue('b')
    bench.report('b', 'done', { result: 'x'.repeat(80) })
    bench.after(1)
    expect([...bench.rows.keys()]).toEqual(['b'])
  })

  it('so many are sent in one go', () => {
    const bench = new Bench()
    for (const id of ['a', 'b', 'c']) bench.issue(id)
    bench.done.length = 0
    bench.here()
    expect(bench.done).toHaveLength(3) // each for the first time, as the disk has it
    expect(bench.after(2000)).toEqual(['send a', 'send b'])
    expect(bench.after(1)).toEqual(['send c'])
  })

  it('so many that are over are kept, for so long', () => {
    const bench = new Bench()
    bench.here()
    for (const id of ['a', 'b', 'c']) {
      bench.issue(id)
      bench.report(id, 'done')
    }
    bench.after(1)
    expect([...bench.rows.keys()]).toEqual(['b', 'c'])
    bench.after(60_000)
    expect(bench.rows.size).toBe(0)
  })
})

describe('time and generations', () => {
  it('do not go back when the wall clock does, over a restart neither', () => {
    const first = new Bench()
    first.issue('a')
    const again = new Bench([...first.rows.values()], first.facts)
    again.nowMs = t0 - 3_600_000
    again.issue('b')
    const [a, b] = [first.rows.get('a'), again.rows.get('b')]
    expect(b?.issuedMs).toBe(t0)
    expect(b?.generation).toBeGreaterThan(a?.generation ?? Number.POSITIVE_INFINITY)
  })
})
