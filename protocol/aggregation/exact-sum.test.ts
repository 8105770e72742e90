import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExactSum } from './exact-sum.ts'

const term = fc.oneof(
  fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
  fc.double({ noNaN: true, min: -100, max: 100 }),
  fc.constantFrom(5e-324, -5e-324, 2 ** 53, 1, -1, 2 ** -53, 1e16, -1e16),
)

/** A double as a whole number of 2^−1074, the smallest double. */
function units(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const pattern = bits.getBigUint64(0)
  const exponent = (pattern >> 52n) & 2_047n
  const fraction = pattern & (2n ** 52n - 1n)
  const magnitude = exponent === 0n ? fraction : (fraction + 2n ** 52n) << (exponent - 1n)
  return value < 0 ? -magnitude : magnitude
}

function exactly(terms: readonly number[]): bigint {
  return terms.reduce((sum, value) => sum + units(value), 0n)
}

function magnitude(n: bigint): bigint {
  return n < 0n ? -n : n
}

describe('an exact sum', () => {
  it('is the true sum: its parts add up to it, and its total is the double nearest to it', () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 40 }), (terms) => {
        const sum = ExactSum.of(terms)
        const wanted = exactly(terms)
        expect(exactly(sum.canonicalParts() ?? [])).toBe(wanted)
        const total = sum.total()
        const off = magnitude(wanted - units(total))
        const step = Math.max(Number.MIN_VALUE, Math.abs(total) * 2 ** -52)
        for (const other of [total + step, total - step, total + step / 2, total - step / 2])
          expect(off <= magnitude(wanted - units(other))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('has the same parts whatever the order', () => {
    fc.assert(
      fc.property(fc.array(term, { maxLength: 30 }), (terms) => {
        expect(ExactSum.of([...terms].reverse()).canonicalParts()).toEqual(ExactSum.of(terms).canonicalParts())
      }),
    )
  })

  it('adds products without rounding them', () => {
    const factor = fc.integer({ min: -(2 ** 52), max: 2 ** 52 })
    fc.assert(
      fc.property(factor, factor, (a, b) => {
        const sum = new ExactSum()
        sum.addProduct(a, b)
        expect(exactly(sum.canonicalParts() ?? [])).toBe((BigInt(a) * BigInt(b)) << 1_074n)
      }),
    )
  })

  it('rounds a tie to even, and what is no tie to the nearer side', () => {
    expect(ExactSum.of([2 ** 53, 1]).total()).toBe(2 ** 53)
    expect(ExactSum.of([2 ** 53, 1, 2 ** -60]).total()).toBe(2 ** 53 + 2)
    expect(ExactSum.of([2 ** 53, 1, -(2 ** -60)]).total()).toBe(2 ** 53)
    expect(ExactSum.of([]).total()).toBe(0)
  })

  it('has no total once it left the doubles', () => {
    const sum = ExactSum.of([1.7e308, 1.7e308])
    sum.add(-1.7e308)
    expect(sum.total()).toBeNaN()
    expect(sum.canonicalParts()).toBeNull()
    const other = ExactSum.of([1])
    other.merge(sum)
    expect(other.total()).toBeNaN()
  })
})
