import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { numberBytesMax, writeNumber } from './number-bytes.ts'

function written(value: number): string {
  const bytes = Buffer.alloc(numberBytesMax + 8, '#')
  const end = writeNumber(bytes, 4, value)
  expect(bytes.toString('latin1', 0, 4)).toBe('####')
  return bytes.toString('latin1', 4, end)
}

test('any number is written as JSON.stringify writes it', () => {
  const decimal = fc
    .tuple(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 12 }))
    .map(([n, places]) => n / 10 ** places)
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
    decimal,
  )
  fc.assert(
    fc.property(number, (value) => {
      expect(written(value)).toBe(JSON.stringify(value))
    }),
    { numRuns: 5000 },
  )
})

test.each([
  0,
  -0,
  0.1,
  0.0001,
  0.00011,
  1e-7,
  1e21,
  2 ** 31,
  2 ** 31 - 0.5,
  2 ** 53,
  5e-324,
  -1.7976931348623157e308,
  99.9999,
  0.3,
  1e8,
  1e16,
])('%f is written as JSON.stringify writes it', (value) => expect(written(value)).toBe(JSON.stringify(value)))
