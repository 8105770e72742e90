import { expect, test } from 'vitest'
import { type ChosenSeries, matchChosen } from './chosen-series.ts'

test.each<[ChosenSeries, string, boolean]>([
  ['all', 'shop.orders', true],
  [['cpu.*', 'shop.orders'], 'shop.orders', true],
  [['cpu.*', 'shop.orders'], 'shop.latency', false],
  [[], 'shop.orders', false],
])('of %j, %s is chosen: %s', (chosen, name, isChosen) => {
  expect(matchChosen(chosen)({ name, tags: {} })).toBe(isChosen)
})

test('a selector that does not parse is refused', () => {
  expect(() => matchChosen(['cpu.*', '['])).toThrow(expect.objectContaining({ code: 'SELECTOR_INVALID' }))
})
