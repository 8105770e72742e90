import { expect, it } from 'vitest'
import { isNestedBeyond } from './yaml-levels.ts'

const forms: readonly [name: string, nested: (levels: number) => string][] = [
  ['lists', (levels) => '['.repeat(levels) + ']'.repeat(levels)],
  ['lists that never close', (levels) => '['.repeat(levels)],
  ['maps', (levels) => `${'{a: '.repeat(levels)}1${'}'.repeat(levels)}`],
  ['maps by indentation', (levels) => Array.from({ length: levels }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ['lists in one line', (levels) => `${'- '.repeat(levels)}1`],
]

it.each(forms)('%s may be nested so deep and not much deeper', (_, nested) => {
  expect(isNestedBeyond(64, nested(64))).toBe(false)
  expect(isNestedBeyond(64, nested(67))).toBe(true)
})

it.each(forms)('%s of any depth are told without an end of the stack', (_, nested) => {
  expect(isNestedBeyond(64, nested(1_000))).toBe(true)
  expect(isNestedBeyond(64, nested(1_000).repeat(20))).toBe(true)
})

it('many beside each other are not deep, and what is no YAML is for the parser to refuse', () => {
  expect(isNestedBeyond(4, 'a: [1, 2]\n'.repeat(2_000))).toBe(false)
  expect(isNestedBeyond(4, ']]]] "')).toBe(false)
})
