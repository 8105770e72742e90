import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RangeSet } from '#protocol/samples/arrival.ts'
import { Holdings } from './holdings.ts'
import { nextStart, Openings, openLane, reopenLane, startMax } from './lane.ts'
import { lastGap } from './last-gap.ts'

const range = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }))
  .map(([from, more]) => ({ from, to: from + more }))

describe('start numbers', () => {
  test('rise, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (known, nowMs, random) => {
        expect(nextStart(known, nowMs, random)).toBeGreaterThan(known)
      }),
    )
  })

  test('have room for a century and differ between two machines', () => {
    expect(nextStart(0, 4_900_000_000_000, 0.999)).toBeLessThan(startMax)
    expect(nextStart(0, 1_700_000_000_000, 0.1)).not.toBe(nextStart(0, 1_700_000_000_000, 0.2))
  })

  test('open a lane behind those before, and in place of one that accepted nothing', () => {
    const first = openLane([], 5, 1000, 0)
    const second = openLane(first, 8, 2000, 0)
    expect(second.map((opening) => opening.first)).toEqual([1, 8])
    expect(openLane(second, 8, 3000, 0).map((opening) => opening.first)).toEqual([1, 8])
    const behind = openLane(second, 9, 0, 0.5)
    expect(behind.at(-1)?.start).toBeGreaterThan(second.at(-1)?.start ?? 0)
    expect(behind.at(-1)).not.toEqual(openLane(second, 9, 0, 0.6).at(-1))
    expect(reopenLane(second, 1e12, undefined, 2000, 0).map(({ start, first }) => [start > 1e12, first])).toEqual([
      [false, 1],
      [true, 8],
    ])
  })
})

describe('openings', () => {
  const openings = new Openings('s', [
    { start: 10, first: 1 },
    { start: 20, first: 101 },
  ])

  test('give each position the lane of the start that accepted it', () => {
    expect(openings.laneOf(100)).toEqual({ storeId: 's', start: 10 })
    expect(openings.laneOf(101)).toEqual({ storeId: 's', start: 20 })
    expect(openings.laneOf(0)).toBeUndefined()
    expect(openings.rangeOf({ storeId: 's', start: 10 })).toEqual({ from: 1, to: 100 })
    expect(openings.rangeOf({ storeId: 'other', start: 10 })).toBeUndefined()
  })

  test('split positions by lane', () => {
    expect(
      openings.split([{ from: 50, to: 150 }], 20).map(({ start, ranges, floor }) => [start, ranges, floor]),
    ).toEqual([
      [10, [{ from: 50, to: 100 }], 20],
      [20, [{ from: 101, to: 150 }], 20],
    ])
  })

  test('forget a start that accepted nothing before the next', () => {
    const more = new Openings('s', [{ start: 10, first: 1 }])
    more.add({ start: 30, first: 1 })
    expect(more.list).toEqual([{ start: 30, first: 1 }])
  })
})

describe('holdings', () => {
  const lane = { storeId: 's', start: 1 }

  test('miss exactly what is neither held nor below the floor', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 12 }), fc.nat(30), range, (held, floor, asked) => {
        const holdings = new Holdings()
        const model = new Set<number>()
        for (const { from, to } of held) {
          holdings.add(lane, { from, to })
          for (let n = from; n <= to; n++) model.add(n)
        }
        holdings.evict(lane, floor)
        const missing = new RangeSet(holdings.missing(lane, asked))
        for (let n = asked.from; n <= asked.to; n++) expect(missing.has(n)).toBe(n > floor && !model.has(n))
      }),
    )
  })

  test('take nothing below their floor, and forget what was damaged', () => {
    const holdings = new Holdings()
    holdings.evict(lane, 10)
    holdings.add(lane, { from: 5, to: 20 })
    expect(holdings.size).toBe(10)
    holdings.remove(lane, [{ from: 12, to: 13 }])
    expect(holdings.missing(lane, { from: 1, to: 20 })).toEqual([{ from: 12, to: 13 }])
  })

  test('are the same after their summary', () => {
    const holdings = new Holdings([{ ...lane, ranges: [{ from: 3, to: 9 }], floor: 2 }])
    expect(new Holdings(holdings.summary()).missingOf(holdings.summary())).toEqual([])
  })
})

describe('the last gap', () => {
  test('is the highest run that no set has, cut to its end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(range, { maxLength: 6 }), { maxLength: 3 }),
        fc.integer({ min: 1, max: 10 }),
        (lists, lengthMax) => {
          const sets = lists.map((list) => new RangeSet(list).ranges)
          const taken = new RangeSet(lists.flat())
          const gap = lastGap(sets, 5, 70, lengthMax)
          let to = 70
          while (to >= 5 && taken.has(to)) to--
          if (to < 5) return expect(gap).toBeUndefined()
          let from = to
          while (from > 5 && !taken.has(from - 1) && to - from + 1 < lengthMax) from--
          expect(gap).toEqual({ from, to })
        },
      ),
    )
  })
})
