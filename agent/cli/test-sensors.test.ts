import { expect, test } from 'vitest'
import { readingLines } from './test-sensors.ts'

test('readings for people are aligned and short', () => {
  const lines = readingLines([
    ['cpu.usage', { name: 'cpu.usage', value: 98.49246231155779, unit: 'percent' }],
    ['memory.total', { name: 'memory.total', value: 25276510208, unit: 'bytes' }],
    ['shop', { name: 'shop', value: 1e-9 }],
  ])
  expect(lines).toEqual([
    'cpu.usage         98.4925  percent',
    'memory.total  25276510208  bytes',
    'shop                 1e-9',
  ])
})

test('no reading makes no line', () => {
  expect(readingLines([])).toEqual([])
})
