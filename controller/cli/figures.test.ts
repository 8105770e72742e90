import { expect, test } from 'vitest'
import { formatAge, formatBytes, formatNumber, formatPercent, formatRate, formatTime } from './figures.ts'

test.each([
  [42, '42'],
  [0.1 + 0.2, '0.3'],
  [1234.56789, '1234.57'],
  [-0.5, '-0.5'],
  [0, '0'],
  [1e20, '1.000e+20'],
  [1e-9, '1.000e-9'],
  [null, '-'],
  [Number.NaN, '-'],
])('number %s shows as %s', (value, text) => {
  expect(formatNumber(value)).toBe(text)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [3 * 1024 ** 3, '3.0 GiB'],
  [undefined, '-'],
])('%s bytes show as %s', (value, text) => {
  expect(formatBytes(value)).toBe(text)
})

test.each([
  [-5, '0s'],
  [99_000, '99s'],
  [120_000, '2m'],
  [7_200_000, '2h'],
  [3 * 86_400_000, '3d'],
  [undefined, '-'],
])('an age of %s ms shows as %s', (value, text) => {
  expect(formatAge(value)).toBe(text)
})

test('rates and percents carry their unit, unknown ones a dash', () => {
  expect([formatRate(2048), formatRate(null), formatPercent(12.34), formatPercent(undefined)]).toEqual([
    '2.0 KiB/s',
    '-',
    '12.3 %',
    '-',
  ])
})

test('times are ISO in UTC; a number that is no time stays a number', () => {
  expect([formatTime(1_700_000_000_000), formatTime(1e300)]).toEqual(['2023-11-14T22:13:20.000Z', '1e+300'])
})
