import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogSketch, sketchBucketsMax, sketchLevelMax } from './log-sketch.ts'

function sketchOf(values: readonly number[]): LogSketch {
  const sketch = new LogSketch()
  for (const value of values) sketch.add(value)
  return sketch
}

/** The values of the sketch, each as often as it stands there. */
function spread(sketch: LogSketch): number[] {
  return sketch.ascending().flatMap(([value, count]) => Array.from({ length: count }, () => value))
}

function ascending(values: readonly number[]): number[] {
  return [...Float64Array.from(values).sort()]
}

/** Distinct magnitudes from one end of the doubles to the other. */
const wide = Array.from({ length: 6_000 }, (_, i) => (i % 2 === 0 ? 1 : -1) * 10 ** (-307 + (i * 614) / 6_000))

describe('a sketch', () => {
  it('has every order statistic within its relative error, negative ones and zero included', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true, min: 2.3e-308 }),
      fc.double({ noNaN: true, noDefaultInfinity: true, max: -2.3e-308 }),
      fc.integer({ min: -100, max: 100 }),
    )
    fc.assert(
      fc.property(fc.array(value, { maxLength: 300 }), (values) => {
        const sketch = sketchOf(values)
        expect(sketch.relativeError).toBeCloseTo(0.01, 12)
        const found = spread(sketch)
        for (const [i, wanted] of ascending(values).entries()) {
          expect(Math.abs((found[i] as number) - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 0.010_000_001)
        }
      }),
    )
  })

  it('says a larger error where it had to give up resolution, and keeps to that', () => {
    const sketch = sketchOf(wide)
    const { level, negatives, positives } = sketch.state()
    expect(level).toBeGreaterThan(0)
    expect(level).toBeLessThanOrEqual(sketchLevelMax)
    expect(negatives.length + positives.length).toBeLessThanOrEqual(sketchBucketsMax)
    const found = spread(sketch)
    const error = sketch.relativeError
    expect(error).toBeLessThan(1)
    for (const [i, wanted] of ascending(wide).entries()) {
      expect(Math.abs((found[i] as number) - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * error * 1.000_001)
    }
  })

  it('is the same in whatever order and grouping it was merged, collapsed or not', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(wide, { minLength: 1_000 }), fc.nat(6_000), (values, cut) => {
        const wanted = sketchOf(ascending(values)).state()
        const merged = sketchOf(values.slice(0, cut))
        merged.merge(sketchOf(values.slice(cut)))
        expect(merged.state()).toEqual(wanted)
        const reverse = sketchOf(values.slice(cut))
        reverse.merge(sketchOf(values.slice(0, cut)))
        expect(reverse.state()).toEqual(wanted)
        expect(LogSketch.of(wanted).state()).toEqual(wanted)
      }),
      { numRuns: 10 },
    )
  })

  it('has room for every double at its last level', () => {
    const ends = [Number.MAX_VALUE, Number.MIN_VALUE]
    const [high = 0, low = 0] = ends.map((end) => sketchOf([end]).state().positives[0]?.[0])
    expect((2 * (high - low)) / 2 ** sketchLevelMax + 4).toBeLessThan(sketchBucketsMax)
    expect(Math.max(Math.abs(high), Math.abs(low))).toBeLessThan(37_300)
    expect(spread(sketchOf(ends)).every(Number.isFinite)).toBe(true)
  })
})
