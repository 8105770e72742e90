import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextBatch, ordered, settled, stopped } from './upgrade-core.ts'
import type { UpgradeRow } from './upgrade-row.ts'

function rowOf(count: number, batch: number): UpgradeRow {
  const hosts = Array.from({ length: count }, (_, i) => ({ target: `t.c.h${i}`, state: 'waiting' as const }))
  const asked = { sha256: 'ab', version: '0.2.0', bytes: 1, gateSeconds: 60, isForced: false, lifetimeMs: 1, batch }
  return { id: 'u', ...asked, beganMs: 1, state: 'running', hosts }
}

/** Gives the next batch its orders; they end as `end` says. */
function round(row: UpgradeRow, end: (target: string) => string | undefined): UpgradeRow {
  const given = nextBatch(row).reduce((next, target) => ordered(next, target, `ord-${target}`), row)
  const endOf = (order: string): { state: string } | undefined => {
    const state = end(order.slice('ord-'.length))
    return state === undefined ? undefined : { state }
  }
  return settled(given, endOf, 2)
}

const states = (row: UpgradeRow): string => row.hosts.map(({ state }) => state[0]).join('')

describe('an upgrade', () => {
  it('begins with one host, goes on in batches, and is done when all are', () => {
    const seen: string[] = []
    let row = rowOf(6, 2)
    for (; row.state === 'running'; row = round(row, () => 'done')) seen.push(states(row))
    expect(seen).toEqual(['wwwwww', 'dwwwww', 'dddwww', 'dddddw'])
    expect(row).toMatchObject({ state: 'done', endedMs: 2 })
  })

  it('waits for all of a batch before the next', () => {
    let row = round(rowOf(4, 2), () => 'done')
    row = round(row, (target) => (target === 't.c.h1' ? 'done' : undefined))
    expect([states(row), nextBatch(row)]).toEqual(['ddow', []])
  })

  it('stops at the first failure: who has an order finishes, nobody else gets one', () => {
    let row = round(rowOf(5, 2), () => 'done')
    row = round(row, (target) => (target === 't.c.h1' ? 'failed' : undefined))
    expect([states(row), row.state]).toEqual(['dfoss', 'running'])
    row = settled(row, () => ({ state: 'done' }), 9)
    expect([states(row), row.state, row.endedMs]).toEqual(['dfdss', 'stopped', 9])
  })

  it('of an operator stops the same way', () => {
    expect(stopped(rowOf(3, 1), 5)).toMatchObject({ state: 'stopped', endedMs: 5 })
    const row = stopped(
      round(rowOf(3, 1), () => undefined),
      5,
    )
    expect([states(row), row.state]).toEqual(['oss', 'running'])
  })

  it('never has more under way than a batch, whatever ends how, and always ends', () => {
    const end = fc.constantFrom('done', 'failed', 'expired', undefined)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(end),
        (n, batch, ends) => {
          let row = rowOf(n, batch)
          for (let rounds = 0; row.state === 'running' && rounds < 1000; rounds++) {
            row = round(row, () => ends.next().value ?? undefined)
            const count = (state: string): number => row.hosts.filter((host) => host.state === state).length
            expect(count('ordered')).toBeLessThanOrEqual(batch)
            expect(count('failed')).toBeLessThanOrEqual(batch)
            if (count('failed') > 0) expect(count('waiting')).toBe(0)
          }
          expect(row.state).toBe(row.hosts.every(({ state }) => state === 'done') ? 'done' : 'stopped')
        },
      ),
    )
  })
})
