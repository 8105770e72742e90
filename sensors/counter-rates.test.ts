import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CounterRates } from './counter-rates.ts'

function ratesOf(values: readonly (readonly [atMs: number, value: number])[]): (number | undefined)[] {
  const rates = new CounterRates(10_000)
  return values.map(([atMs, value]) => {
    rates.begin(atMs)
    return rates.rate('c', value)
  })
}

describe('CounterRates', () => {
  it.each<{ name: string; values: [number, number][]; rates: (number | undefined)[] }>([
    { name: 'has no rate for a first value', values: [[0, 100]], rates: [undefined] },
    {
      name: 'divides by the true time',
      values: [
        [0, 0],
        [8_000, 80],
      ],
      rates: [undefined, 10],
    },
    {
      name: 'says zero when nothing happened',
      values: [
        [0, 7],
        [10_000, 7],
      ],
      rates: [undefined, 0],
    },
    {
      name: 'has no rate across a reset',
      values: [
        [0, 900],
        [10_000, 5],
        [20_000, 15],
      ],
      rates: [undefined, undefined, 1],
    },
    {
      name: 'has no rate across a gap',
      values: [
        [0, 0],
        [30_001, 9],
        [40_001, 19],
      ],
      rates: [undefined, undefined, 1],
    },
    {
      name: 'bears a late round',
      values: [
        [0, 0],
        [30_000, 30],
      ],
      rates: [undefined, 1],
    },
    {
      name: 'has no rate over no time',
      values: [
        [0, 0],
        [0, 5],
      ],
      rates: [undefined, undefined],
    },
  ])('$name', ({ values, rates }) => {
    expect(ratesOf(values)).toEqual(rates)
  })

  it('forgets a counter that was away for a round', () => {
    const rates = new CounterRates(10_000)
    rates.begin(0)
    rates.rate('eth0', 1)
    rates.begin(10_000)
    rates.begin(20_000)
    expect(rates.rate('eth0', 2_000_000)).toBeUndefined()
  })

  it('never reports a negative rate, whatever the counter does', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 60_000 }), fc.double({ min: 0, max: 2 ** 53, noNaN: true }))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let atMs = 0
        const values = steps.map(([ms, value]) => [(atMs += ms), value] as const)
        for (const rate of ratesOf(values)) expect(rate ?? 0).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})
