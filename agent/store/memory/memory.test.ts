import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buckets, groupOf, groupSize, splitBucket } from './buckets.ts'
import { OpenSamples, slabSamples } from './open-samples.ts'
import { commonStepMs, mergeRuns, orderByTime } from './time-order.ts'

const sample = fc.tuple(fc.nat(200), fc.nat(50), fc.integer())
const samples = fc.array(sample, { maxLength: 200 })

function fill(of: readonly (readonly [number, number, number])[]): OpenSamples {
  const open = new OpenSamples(0)
  for (const [id, time, value] of of) open.push(id, time, value)
  return open
}

/** Last write wins, in time order. */
function model(of: readonly (readonly [number, number, number])[], id: number): [number, number][] {
  const byTime = new Map<number, number>()
  for (const [of_, time, value] of of) if (of_ === id) byTime.set(time, value)
  return [...byTime].sort(([a], [b]) => a - b)
}

function pairs(times: Float64Array, values: Float64Array, count: number = times.length): [number, number][] {
  return Array.from({ length: count }, (_, i) => [times[i] as number, values[i] as number])
}

describe('open samples', () => {
  test('give back each series in arrival order, by chain and by buckets', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const open = fill(all)
        const bySeries = new Map<number, [number, number][]>()
        for (const bucket of buckets(open)) {
          const { dense, sparse } = splitBucket(bucket, 3)
          for (const { seriesId, timestampsMs, values } of dense) bySeries.set(seriesId, pairs(timestampsMs, values))
          for (const [i, id] of sparse.seriesIds.entries()) {
            expect(groupOf(id)).toBe(bucket.group)
            const before = bySeries.get(id) ?? []
            bySeries.set(id, [...before, [sparse.timestampsMs[i] as number, sparse.values[i] as number]])
          }
        }
        for (let id = 0; id <= 200 + groupSize; id++) {
          const expected = all.filter(([of]) => of === id).map(([, time, value]) => [time, value])
          const times = new Float64Array(200)
          const values = new Float64Array(200)
          expect(pairs(times, values, open.gather(id, times, values))).toEqual(expected)
          expect(bySeries.get(id) ?? []).toEqual(expected)
        }
      }),
    )
  })

  test('keep their order across slabs', () => {
    const open = new OpenSamples(1)
    const count = slabSamples * 2 + 5
    for (let i = 0; i < count; i++) open.push(0, i, -i)
    const segments = [...open.segments(slabSamples - 2, count)]
    expect(segments.map((segment) => segment.count)).toEqual([2, slabSamples, 5])
    expect(open.countOf(0)).toBe(count)
    expect([open.minMs, open.maxMs]).toEqual([0, count - 1])
  })
})

describe('samples in time order', () => {
  test('have each time once, the last written staying', () => {
    fc.assert(
      fc.property(samples, (all) => {
        const times = Float64Array.from(all, ([, time]) => time)
        const values = Float64Array.from(all, ([, , value]) => value)
        const count = orderByTime(times, values, all.length)
        const one = all.map(([, time, value]) => [0, time, value] as const)
        expect(pairs(times, values, count)).toEqual(model(one, 0))
      }),
    )
  })

  test('merge from several runs, the higher rank staying', () => {
    const run = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.uniqueArray(fc.nat(40), { maxLength: 30 }))
    fc.assert(
      fc.property(fc.array(run, { maxLength: 5 }), (runs) => {
        const ordered = runs
          .map(([rank, times], n) => ({ rank, times: times.toSorted((a, b) => a - b), n }))
          .map(({ rank, times, n }) => ({
            rank,
            timestampsMs: Float64Array.from(times),
            values: Float64Array.from(times, (time) => n * 100 + time),
          }))
        const expected = new Map<number, number>()
        for (const { timestampsMs, values } of ordered.toSorted((a, b) => a.rank - b.rank)) {
          for (const [time, value] of pairs(timestampsMs, values)) expected.set(time, value)
        }
        const merged = mergeRuns(ordered)
        expect(pairs(merged.timestampsMs, merged.values)).toEqual([...expected].sort(([a], [b]) => a - b))
      }),
    )
  })

  test('have the step that most neighbours have', () => {
    expect(commonStepMs(Float64Array.of(0, 10, 20, 30, 60, 70))).toBe(10)
    expect(commonStepMs(Float64Array.of(5))).toBe(0)
  })
})
