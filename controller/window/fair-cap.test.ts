import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fairCap } from './fair-cap.ts'

describe('the fair cap', () => {
  it.each([
    ['everything fits', [1, 2, 3], 10, 3],
    ['the biggest gives', [1, 2, 100], 13, 10],
    ['all give alike', [50, 50], 20, 10],
    ['nobody is left with nothing', [5, 5, 5], 1, 1],
    ['nothing to share', [], 5, 1],
  ])('%s', (_name, sizes, budget, cap) => {
    expect(fairCap(sizes, budget)).toBe(cap)
  })

  it('stays within the budget and wastes less than one unit a size', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1 }), fc.nat(10_000), (sizes, spare) => {
        const budget = sizes.length + spare
        const cap = fairCap(sizes, budget)
        const used = sizes.reduce((sum, size) => sum + Math.min(size, cap), 0)
        expect(used).toBeLessThanOrEqual(budget)
        const wanted = sizes.reduce((sum, size) => sum + size, 0)
        if (wanted > budget) expect(budget - used).toBeLessThan(sizes.length)
        else expect(used).toBe(wanted)
      }),
    )
  })
})
