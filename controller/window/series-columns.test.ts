import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeriesColumns } from './series-columns.ts'

function samplesOf(columns: SeriesColumns, fromMs = -Infinity, untilMs = Infinity): [number, number][] {
  const { timestampsMs, values, start, end } = columns.slice(fromMs, untilMs)
  return Array.from({ length: end - start }, (_, i) => [timestampsMs[start + i] as number, values[start + i] as number])
}

const writes = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer(), fc.integer({ min: 0, max: 9 })), {
  maxLength: 1500,
})

describe('the columns of a series', () => {
  it('hold what a map by timestamp would hold, in order, whatever the order of writing and reading', () => {
    fc.assert(
      fc.property(writes, fc.nat(1500), (all, readAt) => {
        const columns = new SeriesColumns()
        const model = new Map<number, number>()
        let length = 0
        for (const [i, [t, v]] of all.entries()) {
          length += columns.append(t, v, 0)
          model.set(t, v)
          if (i === readAt) length += mergedBy(columns)
        }
        length += mergedBy(columns)
        const expected = [...model].toSorted((a, b) => a[0] - b[0])
        expect(samplesOf(columns)).toEqual(expected)
        expect(length).toBe(columns.length)
        expect(samplesOf(columns, 100, 200)).toEqual(expected.filter(([t]) => t >= 100 && t <= 200))
      }),
    )
  })

  it('forget exactly what arrived before the cut', () => {
    fc.assert(
      fc.property(writes, fc.integer({ min: 0, max: 9 }), (all, cut) => {
        const columns = new SeriesColumns()
        const model = new Map<number, [number, number]>()
        for (const [t, v, arrived] of all) {
          columns.append(t, v, arrived)
          model.set(t, [v, arrived])
        }
        columns.expire(cut)
        const expected = [...model]
          .filter(([, [, arrived]]) => arrived >= cut)
          .map(([t, [v]]): [number, number] => [t, v])
        expect(samplesOf(columns)).toEqual(expected.toSorted((a, b) => a[0] - b[0]))
      }),
    )
  })

  it('give memory back once most of them are gone', () => {
    const columns = new SeriesColumns()
    for (let i = 0; i < 10_000; i++) columns.append(i, i, i)
    expect(columns.trim(10)).toBe(9990)
    expect(columns.capacity).toBeLessThan(20)
    expect(samplesOf(columns)[0]).toEqual([9990, 9990])
    expect(columns.oldestArrivalS).toBe(9990)
  })

  it('take a history pushed backwards without sorting it anew at each sample', () => {
    const columns = new SeriesColumns()
    for (let i = 100_000; i > 0; i--) columns.append(i, i, 0)
    expect(samplesOf(columns).slice(0, 2)).toEqual([
      [1, 1],
      [2, 2],
    ])
  })
})

/** Reading merges repeats of a timestamp; the difference in length. */
function mergedBy(columns: SeriesColumns): number {
  const before = columns.length
  columns.slice(0, 0)
  return columns.length - before
}
