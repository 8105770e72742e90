import { describe, expect, test } from 'vitest'
import { type RulesMutant, runRulesSeed } from './rules-world.ts'

const seedsMax = 30

/** How a planted fault was found: the error of the first seed that breaks. */
function findMutant(mutant: RulesMutant): string | undefined {
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      runRulesSeed({ seed, mutant })
    } catch (error) {
      return String(error)
    }
  }
  return undefined
}

describe('whatever fails, a count is lowered only when all that was measured or should have been says so', () => {
  test.each([1, 21, 41])(
    'seeds from %i',
    (from) => {
      let [lowered, raised] = [0, 0]
      for (let seed = from; seed < from + 20; seed++) {
        try {
          const summary = runRulesSeed({ seed })
          expect(summary.faults).toBeGreaterThanOrEqual(3)
          lowered += summary.lowered
          raised += summary.raised
        } catch (cause) {
          throw new Error(`seed ${seed}: ${String(cause)}`, { cause })
        }
      }
      expect(lowered).toBeGreaterThan(20)
      expect(raised).toBeGreaterThan(20)
    },
    60_000,
  )

  test('the same seed is the same run', () => {
    expect(runRulesSeed({ seed: 3 })).toEqual(runRulesSeed({ seed: 3 }))
  })
})

describe('the simulation finds each planted fault', () => {
  test.each<RulesMutant>(['unknown_is_false', 'gaps_ignored'])(
    '%s',
    (mutant) => {
      expect(findMutant(mutant)).toMatch(/lowered though a mean/)
    },
    60_000,
  )
})
