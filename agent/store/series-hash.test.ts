import { expect, test } from 'vitest'
import { hashSeries } from './series-hash.ts'

test.each([
  ['', 'cbf29ce484222325'],
  ['a', 'af63dc4c8601ec8c'],
  ['foobar', '85944171f73967e8'],
])('the hash of %j', (text, expected) => {
  const { high, low } = hashSeries(text)
  expect(high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')).toBe(expected)
})
