import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arrivals } from './arrivals.ts'

describe('the arrivals of a consumer', () => {
  test('offer what was just committed before the backlog', () => {
    const arrivals = new Arrivals([{ from: 1, to: 10 }])
    expect(arrivals.nextGap(100, 30)).toEqual({ from: 71, to: 100 })
    arrivals.take({ from: 71, to: 100 })
    expect(arrivals.nextGap(110, 30)).toEqual({ from: 101, to: 110 })
    arrivals.take({ from: 101, to: 110 })
    expect(arrivals.nextGap(110, 100)).toEqual({ from: 11, to: 70 })
  })

  test('offer again what was released', () => {
    const arrivals = new Arrivals()
    arrivals.take({ from: 1, to: 10 })
    expect(arrivals.nextGap(10, 10)).toBeUndefined()
    arrivals.release({ from: 3, to: 5 })
    expect(arrivals.nextGap(10, 10)).toEqual({ from: 3, to: 5 })
  })

  test('hand out every position exactly once, whatever is taken, released and acknowledged', () => {
    const step = fc.tuple(
      fc.constantFrom('next', 'release', 'acknowledge'),
      fc.nat(60),
      fc.integer({ min: 1, max: 20 }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const arrivals = new Arrivals()
        const free = new Set(Array.from({ length: 60 }, (_, i) => i + 1))
        const acknowledged = new Set<number>()
        for (const [verb, at, length] of steps) {
          const range = { from: at + 1, to: Math.min(60, at + length) }
          if (verb === 'next') {
            const gap = arrivals.nextGap(60, length)
            expect(gap === undefined).toBe(free.size === 0)
            if (!gap) continue
            expect(gap.to).toBe(Math.max(...free))
            arrivals.take(gap)
            for (let n = gap.from; n <= gap.to; n++) expect(free.delete(n)).toBe(true)
          } else if (range.from <= range.to) {
            if (verb === 'release') arrivals.release(range)
            else arrivals.acknowledge(range)
            for (let n = range.from; n <= range.to; n++) {
              if (verb === 'acknowledge') {
                acknowledged.add(n)
                free.delete(n)
              } else if (!acknowledged.has(n)) free.add(n)
            }
          }
          expect(arrivals.count).toBe(acknowledged.size)
        }
      }),
    )
  })
})
