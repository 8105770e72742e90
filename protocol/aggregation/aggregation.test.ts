import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { functionNames, parseFunction, value } from './functions.ts'
import { spanBetween, spanOf } from './span.ts'
import { alignedRange, windows } from './windows.ts'

interface Case {
  readonly name: string
  readonly samples: [number, number][]
  readonly expect: Record<string, number | { slope: number; intercept: number }>
}

const vectors = JSON.parse(
  readFileSync(`${process.env['SHARED_DIR'] ?? '../shared'}/vectors/functions.json`, 'utf8'),
) as { cases: Case[] }

const hard = 'nearly equal, far from zero'

function near(found: unknown, wanted: number, tolerance: number): void {
  expect(typeof found).toBe('number')
  expect(Math.abs((found as number) - wanted)).toBeLessThanOrEqual(
    tolerance * Math.max(Math.abs(wanted), Number.MIN_VALUE),
  )
}

describe('the shared vectors', () => {
  for (const { name, samples, expect: wanted } of vectors.cases) {
    it.each(Object.entries(wanted))(`${name}: %s`, (functionName, answer) => {
      const found = value(functionName, spanOf(samples))
      const loose = name === hard && ['stddev', 'leastSquares'].includes(functionName)
      const tolerance = loose ? 1e-6 : 1e-9
      if (typeof answer === 'number') return near(found, answer, tolerance)
      const line = found as { slope: number; intercept: number }
      near(line.slope, answer.slope, tolerance)
      near(line.intercept, answer.intercept, answer.intercept === 0 ? Number.MAX_VALUE : tolerance)
      expect(Math.abs(line.intercept - answer.intercept)).toBeLessThanOrEqual(
        1e-9 * Math.max(1, Math.abs(answer.intercept)),
      )
    })
  }
})

describe('window functions', () => {
  const sample = fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: -1e9, max: 1e9, noNaN: true }))
  const inOrder = fc
    .uniqueArray(sample, { selector: ([t]) => t, maxLength: 60 })
    .map((pairs) => pairs.sort(([a], [b]) => a - b))

  it('of an empty window are unknown, but count is 0', () => {
    for (const name of [...functionNames, 'p0', 'p99.9'])
      expect(value(name, spanOf([])), name).toBe(name === 'count' ? 0 : null)
  })

  it('that need two samples, or time between them, are unknown without', () => {
    for (const name of ['delta', 'derivative', 'leastSquares', 'rate'])
      expect(value(name, spanOf([[1, 2]])), name).toBeNull()
    for (const name of ['derivative', 'leastSquares', 'rate']) {
      expect(
        value(
          name,
          spanOf([
            [1, 2],
            [1, 3],
          ]),
        ),
        name,
      ).toBeNull()
    }
  })

  it('that overflow are unknown, not infinite', () => {
    const huge = spanOf([
      [0, 1.7e308],
      [1, 1.7e308],
    ])
    expect(value('sum', huge)).toBeNull()
    expect(value('max', huge)).toBe(1.7e308)
  })

  it('never give NaN nor infinity, even over samples that no intake lets in', () => {
    const any = fc.array(fc.tuple(fc.nat(5_000), fc.oneof(fc.double(), fc.constantFrom(1.7e308, -1.7e308))), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(any, (pairs) => {
        const span = spanOf(pairs.sort(([a], [b]) => a - b))
        for (const name of [...functionNames, 'p0', 'p33.3', 'p100']) {
          const found = value(name, span)
          const numbers = typeof found === 'number' ? [found] : Object.values(found ?? {})
          expect(numbers.every(Number.isFinite), name).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it.each(['p101', 'p100.5', 'p-1', 'p', 'p050', 'avg', 'toString', '', 'P95'])(
    'does not know %j and says which it knows',
    (name) => {
      expect(() => parseFunction(name)).toThrow(expect.objectContaining({ code: 'FUNCTION_UNKNOWN' }))
      expect(() => parseFunction(name)).toThrow(/count, sum, mean/)
    },
  )

  it('keep to their order and bounds, and leave the columns alone', () => {
    fc.assert(
      fc.property(inOrder, fc.integer({ min: 0, max: 100 }), (pairs, percent) => {
        fc.pre(pairs.length > 0)
        const span = spanOf(pairs)
        const of = (name: string): number => value(name, span) as number
        expect(of('p0')).toBe(of('min'))
        expect(of('p100')).toBe(of('max'))
        expect(of('median')).toBe(of('p50'))
        for (const name of ['mean', 'mode', 'first', 'last', `p${percent}`]) {
          expect(of(name)).toBeGreaterThanOrEqual(of('min') - 1e-6)
          expect(of(name)).toBeLessThanOrEqual(of('max') + 1e-6)
        }
        expect(of('stddev')).toBeGreaterThanOrEqual(0)
        expect([...span.values]).toEqual(pairs.map(([, v]) => v))
      }),
    )
  })

  it('see only the window that start and end cut out', () => {
    fc.assert(
      fc.property(inOrder, fc.nat(5_000), fc.nat(5_000), (pairs, a, b) => {
        const cut = spanBetween(spanOf(pairs), a, b)
        const plain = spanOf(pairs.filter(([t]) => t >= a && t < b))
        for (const name of [...functionNames, 'p90']) expect(value(name, cut), name).toEqual(value(name, plain))
      }),
    )
  })
})

describe('windows', () => {
  it('are aligned to the step, whole at both ends, and absent where nothing was measured', () => {
    const samples = spanOf([
      [59_000, 1],
      [60_000, 2],
      [119_999, 4],
      [300_000, 8],
      [360_000, 16],
    ])
    expect(windows(samples, 'sum', 60_000, 90_000, 300_000)).toEqual([
      [60_000, 6],
      [300_000, 8],
    ])
    expect(windows(samples, 'rate', 60_000, 0, 400_000)).toEqual([[60_000, 2 / 59.999]])
    expect(windows(samples, 'count', 60_000, 120_000, 290_000)).toEqual([])
    expect(alignedRange(60_000, 90_000, 300_000)).toEqual({ fromMs: 60_000, beforeMs: 360_000 })
  })

  it('agree with each window taken by itself, times before 1970 included', () => {
    const pairs = fc
      .uniqueArray(fc.tuple(fc.integer({ min: -900, max: 900 }), fc.nat(9)), { selector: ([t]) => t })
      .map((list) => list.sort(([a], [b]) => a - b))
    fc.assert(
      fc.property(
        pairs,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: -900, max: 900 }),
        fc.nat(900),
        (list, step, from, length) => {
          const expected: [number, unknown][] = []
          for (let start = Math.floor(from / step) * step; start <= from + length; start += step) {
            const inside = list.filter(([t]) => t >= start && t < start + step)
            if (inside.length > 0) expected.push([start === 0 ? 0 : start, value('sum', spanOf(inside))])
          }
          const found = windows(spanOf(list), 'sum', step, from, from + length)
          expect(found.map(([t, v]) => [t + 0, v])).toEqual(expected)
        },
      ),
    )
  })

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a step of %d', (step) => {
    expect(() => windows(spanOf([]), 'mean', step, 0, 1)).toThrow(expect.objectContaining({ code: 'STEP_INVALID' }))
  })
})
