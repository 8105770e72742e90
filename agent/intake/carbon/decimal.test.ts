import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDecimal } from './decimal.ts'

const parse = (text: string): number => parseDecimal(Buffer.from(`x${text}7`, 'latin1'), 1, 1 + text.length)

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: 24 })
const decimalText = fc
  .record({
    sign: fc.constantFrom('', '-', '+'),
    whole: digits,
    dot: fc.boolean(),
    fraction: digits,
    exponent: fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-'), fc.integer({ min: 0, max: 400 })), {
      nil: undefined,
    }),
  })
  .filter(({ whole, dot, fraction }) => whole.length + (dot ? fraction.length : 0) > 0)
  .map(({ sign, whole, dot, fraction, exponent }) => {
    const mantissa = dot ? `${whole}.${fraction}` : whole
    return sign + mantissa + (exponent === undefined ? '' : exponent[0] + String(exponent[1]))
  })

describe('a decimal text', () => {
  test('means what Number says, bit for bit', () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        expect(Object.is(parse(text), Number(text)), text).toBe(true)
      }),
      { numRuns: 20_000 },
    )
  })

  test('that prints any double gives that double back', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(parse(Object.is(value, -0) ? '-0' : String(value)), value)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test.each(['', '.', '-', '+', '-.', 'e5', '1e', '1e+', '1e5.', '0x10', '1_000', '1,5', '1.2.3', ' 1', '1 ', '--1'])(
    '%j is none',
    (text) => {
      expect(parse(text)).toBeNaN()
    },
  )

  test('with any byte in it is taken by the grammar alone', () => {
    const grammar = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-.eEx_ ,'.split('')), maxLength: 12 }), (text) => {
        expect(Object.is(parse(text), grammar.test(text) ? Number(text) : Number.NaN), text).toBe(true)
      }),
      { numRuns: 20_000 },
    )
  })
})
