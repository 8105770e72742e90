import { expect, it } from 'vitest'
import { spanOf } from '#protocol/aggregation/span.ts'
import { trueStepMs } from './true-step.ts'

it.each<[string, number[], number | null]>([
  ['nothing', [], null],
  ['one sample', [5], null],
  ['an even series', [0, 10, 20, 30], 10],
  ['a gap does not change it', [0, 10, 20, 90, 100], 10],
  ['of equals the smaller', [0, 10, 15], 5],
])('the true step of %s', (_name, times, expected) => {
  expect(trueStepMs(spanOf(times.map((t) => [t, 1])))).toBe(expected)
})

it('follows a step that changed long ago', () => {
  const times = [...Array.from({ length: 600 }, (_, i) => i), ...Array.from({ length: 600 }, (_, i) => 600 + i * 10)]
  expect(trueStepMs(spanOf(times.map((t) => [t, 1])))).toBe(10)
})
