import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ArrivalRange, RangeSet } from './arrival.ts'

const range = fc
  .tuple(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 0, max: 12 }))
  .map(([from, n]) => ({ from, to: from + n }))
const change = fc.oneof(
  range.map((range) => ({ kind: 'add' as const, range })),
  fc.integer({ min: 1, max: 95 }).map((n) => ({ kind: 'forget' as const, n })),
)

function numbers(ranges: readonly ArrivalRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}

describe('RangeSet', () => {
  it('agrees with a plain set of numbers, and stays sorted, disjoint and non-adjacent', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), range, (changes, probe) => {
        const set = new RangeSet()
        const model = new Set<number>()
        for (const change of changes) {
          if (change.kind === 'forget') {
            set.forgetBelow(change.n)
            for (const n of model) if (n < change.n) model.delete(n)
          } else {
            const fresh = numbers([change.range]).filter((n) => !model.has(n))
            expect(numbers(set.missing(change.range))).toEqual(fresh)
            expect(numbers(set.add(change.range))).toEqual(fresh)
            for (const n of fresh) model.add(n)
          }
          expect(numbers(set.ranges)).toEqual([...model].sort((a, b) => a - b))
          expect(set.size).toBe(model.size)
          set.ranges.forEach((range, i) => {
            const next = set.ranges[i + 1]
            if (next) expect(next.from).toBeGreaterThan(range.to + 1)
          })
        }
        for (const n of numbers([probe])) expect(set.has(n)).toBe(model.has(n))
      }),
    )
  })

  it('takes an empty range as nothing', () => {
    const set = new RangeSet([{ from: 5, to: 4 }])
    expect(set.ranges).toEqual([])
    expect(set.missing({ from: 5, to: 4 })).toEqual([])
  })

  it('joins what meets and keeps apart what does not', () => {
    const set = new RangeSet([
      { from: 1, to: 3 },
      { from: 7, to: 9 },
    ])
    expect(set.add({ from: 4, to: 5 })).toEqual([{ from: 4, to: 5 }])
    expect(set.ranges).toEqual([
      { from: 1, to: 5 },
      { from: 7, to: 9 },
    ])
    expect(set.add({ from: 2, to: 12 })).toEqual([
      { from: 6, to: 6 },
      { from: 10, to: 12 },
    ])
    expect(set.ranges).toEqual([{ from: 1, to: 12 }])
  })
})
