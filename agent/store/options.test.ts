import { expect, test } from 'vitest'
import { fillOptions, localShareOf, splitBytes } from './options.ts'

const gib = 1024 ** 3
const mib = 1024 ** 2

test.each([
  ['a small disk: a tenth of it, split', 30 * gib, 1 / 3, { local: gib, shared: 2 * gib }],
  ['a large disk: own samples take no more than a gibibyte', 1000 * gib, 1 / 3, { local: gib, shared: 2 * gib }],
  ['no copies: all of it is for own samples', 5 * gib, 1, { local: 512 * mib, shared: 0 }],
  ['five copies: room for four others', 5 * gib, 1 / 5, { local: 102.4 * mib, shared: 409.6 * mib }],
])('%s', (_, diskBytes, localShare, expected) => {
  const { local, shared } = splitBytes(fillOptions({ folder: '', localShare }, diskBytes))
  expect([Math.abs(local - expected.local) < 2, Math.abs(shared - expected.shared) < 2]).toEqual([true, true])
})

test('a budget that is given is split whole, to the byte', () => {
  const { local, shared } = splitBytes(fillOptions({ folder: '', bytesMax: 10_000_001, localShare: 1 / 3 }, 0))
  expect([local, shared]).toEqual([3_333_333, 6_666_668])
})

test.each([
  [1, 0.8],
  [2, 1 / 2],
  [8, 1 / 8],
])('with R = %d own samples have %d of the budget', (copies, share) => {
  expect(localShareOf(copies)).toBe(share)
})
