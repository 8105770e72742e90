import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparisons } from '#protocol/monitors/model.ts'
import { combineNames, compare, parseCombine } from './combine.ts'

type Value = number | null

function combine(name: string, values: Value[], operand?: number): Value {
  return parseCombine(name, values.length, operand)(values)
}

describe('combinations', () => {
  it.each<[string, Value[], number | undefined, Value]>([
    ['add', [1, 2, 3], undefined, 6],
    ['add', [1], 2, 3],
    ['subtract', [10, 3, 2], undefined, 5],
    ['subtract', [10, 3], 2, 5],
    ['multiply', [2, 3, 4], undefined, 24],
    ['multiply', [0, -5], undefined, 0],
    ['divide', [24, 3, 4], undefined, 2],
    ['divide', [24], 4, 6],
    ['divide', [1, 0], undefined, null],
    ['divide', [0, 0], undefined, null],
    ['divide', [1], 0, null],
    ['modulo', [7, 4], undefined, 3],
    ['modulo', [-7], 4, -3],
    ['modulo', [7, 0], undefined, null],
    ['scale', [2.5], 1000, 2500],
    ['add', [1.7e308, 1.7e308], undefined, null],
    ['add', [1.7e308, 1.7e308, -1.7e308], undefined, null],
    ['multiply', [1e200, 1e200], undefined, null],
    ['add', [1, null, 3], undefined, null],
    ['multiply', [0, null], undefined, null],
    ['scale', [null], 3, null],
    ['above', [3, 2], undefined, 1],
    ['above', [3, 2, 1], undefined, 1],
    ['above', [3, 1, 2], undefined, 0],
    ['above', [60], 60, 0],
    ['below', [59], 60, 1],
    ['atOrAbove', [60], 60, 1],
    ['atOrBelow', [61], 60, 0],
    ['equal', [2, 2, 2], undefined, 1],
    ['equal', [2, 3], undefined, 0],
    ['notEqual', [2, 3], undefined, 1],
    ['notEqual', [2, 2], undefined, 0],
    ['above', [null], 60, null],
    ['above', [3, null, 1], undefined, null],
    ['above', [1, 2, null], undefined, 0],
    ['and', [1, 1], undefined, 1],
    ['and', [1, 0], undefined, 0],
    ['and', [1, null], undefined, null],
    ['and', [0, null], undefined, 0],
    ['or', [0, null], undefined, null],
    ['or', [5, null], undefined, 1],
    ['xor', [1, 1, 1], undefined, 1],
    ['xor', [1, null], undefined, null],
    ['not', [0], undefined, 1],
    ['not', [3], undefined, 0],
    ['not', [null], undefined, null],
  ])('%s of %j with %s is %s', (name, values, operand, result) => {
    expect(combine(name, values, operand)).toBe(result)
  })

  it.each<[string, number, number | undefined, RegExp]>([
    ['minus', 2, undefined, /expected one of add, subtract/],
    ['toString', 2, undefined, /expected one of add/],
    ['add', 1, undefined, /found 1 inputs and no constant, expected 2 or more/],
    ['above', 0, 3, /expected 2 or more/],
    ['scale', 2, 3, /expected exactly 2 in all/],
    ['scale', 1, undefined, /expected exactly 2/],
    ['not', 1, 2, /expected exactly 1/],
    ['not', 2, undefined, /expected exactly 1/],
  ])('%s of %i inputs with %s is refused', (name, inputs, operand, message) => {
    expect(() => parseCombine(name, inputs, operand)).toThrow(expect.objectContaining({ code: 'COMBINE_INVALID' }))
    expect(() => parseCombine(name, inputs, operand)).toThrow(message)
  })

  it('give a finite number or unknown for any numbers, never −0', () => {
    const any = fc.option(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1e308)))
    fc.assert(
      fc.property(any, any, fc.constantFrom(...combineNames.filter((name) => name !== 'not')), (a, b, name) => {
        const result = combine(name, [a, b])
        expect(result === null || (Number.isFinite(result) && !Object.is(result, -0))).toBe(true)
        if (!['and', 'or'].includes(name) && (a === null || b === null)) expect(result).toBeNull()
      }),
    )
  })

  it('compare a value with a limit as they compare two values', () => {
    const number = fc.integer({ min: -3, max: 3 })
    fc.assert(
      fc.property(fc.option(number), number, fc.constantFrom(...comparisons), (value, limit, name) => {
        expect(compare(name, value, limit)).toBe(combine(name, [value], limit))
      }),
    )
  })
})
