import { describe, expect, test } from 'vitest'
import type { RingMutant } from '#agent/ring/mutant.ts'
import { runSeed } from './world.ts'

/** Seeds within which each mutant must be found, of the thousand that every run takes. */
const seedsMax = 60

const promises: Readonly<Record<RingMutant, string>> = {
  acknowledged_before_synced: 'an acknowledgement is never ahead of the disk',
  old_session_accepted: 'an old start is refused',
  position_reused: 'a position is never used again',
  evicted_in_silence: 'nothing is evicted in silence',
  two_aggregators: 'everything comes right again',
  names_shared_by_starts: 'a series has the name that its owner gave it',
}

/** How the mutant was found: the error of the first seed that breaks. */
function findMutant(mutant: RingMutant): string | undefined {
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      runSeed({ seed, mutant })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return undefined
}

describe('the simulation finds each planted fault', () => {
  test.each(Object.entries(promises))(
    '%s',
    (mutant, promise) => {
      expect(findMutant(mutant as RingMutant)).toContain(promise)
    },
    120_000,
  )

  test('and says with which seed, and with as few faults as still show it', () => {
    const found = findMutant('position_reused') ?? ''
    const [head = '', ...trace] = found.split('\n')
    expect(head).toMatch(/^seed \d+: a position is never used again: .* \([1-3] faults\)$/)
    expect(trace.length).toBeGreaterThan(0)
  }, 120_000)
})
