import { describe, expect, test } from 'vitest'
import { runAggregateSeed } from './aggregate-world.ts'

const perTest = 25

/** Runs seeds one after the other; a failing one names itself. */
function runSeeds(from: number, count: number, isQuiet: boolean): void {
  for (let seed = from; seed < from + count; seed++) {
    try {
      const summary = runAggregateSeed({ seed, isQuiet })
      expect(summary.faults).toBeGreaterThanOrEqual(10)
      expect(summary.publications).toBeGreaterThan(100)
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause })
    }
  }
}

describe('a published value equals the one recomputed from the stored samples', () => {
  test.each([1, 26, 51])('whatever breaks, seeds from %i', (from) => runSeeds(from, perTest, false), 60_000)

  test.each([1])('in every window when aggregators die, seeds from %i', (from) => runSeeds(from, perTest, true), 60_000)

  test('the same seed is the same run', () => {
    expect(runAggregateSeed({ seed: 3 })).toEqual(runAggregateSeed({ seed: 3 }))
  })
})
