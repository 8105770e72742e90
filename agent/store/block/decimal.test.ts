import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecimalScaler, leastExponent, powersOfTen } from './decimal.ts'

test.each([
  [0, 0],
  [-7, 0],
  [73.005, 3],
  [0.1, 1],
  [1e-15, 15],
  [9_007_199_254_740_991, 0],
  [0.1 + 0.2, 16],
  [1 / 3, 16],
  [-0, 16],
  [1e300, 16],
  [5e-324, 16],
])('%d is an integer over ten to the power of %d (16: of none)', (value, exponent) => {
  expect(leastExponent(value)).toBe(exponent)
})

test('every integer stands for its value exactly, unless it is listed as an exception', () => {
  const scaler = new DecimalScaler(300)
  const decimals = fc.tuple(fc.integer(), fc.nat(9)).map(([integer, exponent]) => integer / 10 ** exponent)
  const lists = fc.array(fc.oneof({ weight: 15, arbitrary: decimals }, fc.double({ noNaN: true })), {
    minLength: 1,
    maxLength: 300,
  })
  fc.assert(
    fc.property(lists, (values) => {
      const integers = new Float64Array(values.length)
      const scaled = scaler.scale(Float64Array.from(values), 0, values.length, integers)
      if (scaled === undefined) return
      const exceptions = new Set(scaled.exceptions.subarray(0, scaled.exceptionCount))
      values.forEach((value, i) => {
        expect(Number.isSafeInteger(integers[i])).toBe(true)
        if (!exceptions.has(i)) expect((integers[i] as number) / (powersOfTen[scaled.exponent] as number)).toBe(value)
      })
    }),
  )
})
