import { describe, expect, test } from 'vitest'
import { type JournalMutant, journalMutants } from '#agent/orders/mutant.ts'
import { type OrderMutant, orderMutants } from '#controller/orders/mutant.ts'
import { terminalStates } from '#protocol/orders/states.ts'
import { runOrders } from './order-world.ts'

const seeds = 400
/** Seeds within which each mutant must be found. */
const mutantSeedsMax = 150

function findMutant(mutant: JournalMutant | OrderMutant): string {
  for (let seed = 1; seed <= mutantSeedsMax; seed++) {
    try {
      runOrders({ seed, mutant })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return 'not found'
}

describe('orders, whatever is lost, repeated, reordered or killed', () => {
  test('have one effect at most, and one end that says what happened', () => {
    const ends: Record<string, number> = {}
    for (let seed = 1; seed <= seeds; seed++) {
      for (const [state, count] of Object.entries(runOrders({ seed }).ends)) ends[state] = (ends[state] ?? 0) + count
    }
    expect(Object.keys(ends).toSorted()).toEqual([...terminalStates].toSorted())
  }, 120_000)

  test('the same seed is the same run', () => {
    expect(runOrders({ seed: 7 })).toEqual(runOrders({ seed: 7 }))
  })

  test.each([...journalMutants, ...orderMutants])(
    'the planted fault %s is found',
    (mutant) => {
      expect(findMutant(mutant)).toMatch(
        /^orders, seed \d+: (no order has two effects|the end says what happened|an order has one end)/,
      )
    },
    120_000,
  )
})
