import { expect, test } from 'vitest'
import { printable, renderTable } from './table.ts'

const columns = [
  { title: 'HOST', align: 'left' },
  { title: 'CPU', align: 'right' },
] as const

test('columns line up and no line ends in spaces', () => {
  expect(
    renderTable(columns, [
      ['a', '1 %'],
      ['longer', '100 %'],
      ['b', ''],
    ]),
  ).toBe(['HOST      CPU', 'a         1 %', 'longer  100 %', 'b', ''].join('\n'))
})

test('a table without rows shows its titles', () => {
  expect(renderTable(columns, [])).toBe('HOST  CPU\n')
})

test('what the fleet sends cannot drive the terminal', () => {
  expect(printable('a\u001b[2Jb\nc\u009bd')).toBe('a?[2Jb?c?d')
})
