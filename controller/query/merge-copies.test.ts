import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CopyAnswer, mergeCopies } from './merge-copies.ts'
import type { Question } from './question.ts'
import type { Row } from './rows.ts'

const question: Question = { tenant: 'main', last: false }

function head(servedBy: string): Row['head'] {
  const place = { host: 'gone', cloud: 'home', tenant: 'main' }
  return { name: 'a.b', tags: {}, ...place, unit: null, served_by: servedBy, step_ms: null }
}

function points(key: string, samples: readonly (readonly [number, number])[], holder: string): Row {
  const timestampsMs = Float64Array.from(samples, ([time]) => time)
  return { key, head: head(holder), columns: { timestampsMs, columns: [Float64Array.from(samples, ([, v]) => v)] } }
}

function samplesOf(row: Row | undefined): [number, number][] {
  return [...(row?.columns?.timestampsMs ?? [])].map((time, i) => [time, row?.columns?.columns[0]?.[i] ?? Number.NaN])
}

test('every sample that any holder has is in the answer, once, in order, served by whoever contributes most', () => {
  const sample = fc.integer({ min: 0, max: 30 })
  const holder = fc.uniqueArray(sample, { maxLength: 20 }).map((times) => times.toSorted((a, b) => a - b))
  fc.assert(
    fc.property(fc.array(holder, { minLength: 1, maxLength: 4 }), (holders) => {
      const copies = holders.map(
        (times, i): CopyAnswer => ({
          holder: `h${i}`,
          rows: [
            points(
              'a',
              times.map((time) => [time, time * 2] as const),
              `h${i}`,
            ),
          ],
        }),
      )
      const [row] = mergeCopies(copies, question)
      const all = [...new Set(holders.flat())].toSorted((a, b) => a - b)
      expect(samplesOf(row)).toEqual(all.map((time) => [time, time * 2]))
      // of equal values the first holder's is taken
      const given = holders.map(
        (_, i) => all.filter((time) => holders.findIndex((times) => times.includes(time)) === i).length,
      )
      expect(given[Number(row?.head.served_by.slice(1))]).toBe(Math.max(...given))
    }),
  )
})

test('a series that one holder alone has is not left out', () => {
  const copies = [
    { holder: 'x', rows: [points('a', [[1, 1]], 'x')] },
    { holder: 'y', rows: [points('b', [[2, 2]], 'y')] },
  ]
  expect(mergeCopies(copies, question).map(({ key, head }) => [key, head.served_by])).toEqual([
    ['a', 'x'],
    ['b', 'y'],
  ])
})

test.each<[string, Partial<Question>]>([
  ['the newest sample', { last: true }],
  ['a list of names', { names: true }],
])('%s is the newest of all holders', (_, more) => {
  const copies = [
    { holder: 'x', rows: [points('a', [[5, 1]], 'x')] },
    { holder: 'y', rows: [points('a', [[7, 2]], 'y')] },
    { holder: 'z', rows: [points('a', [], 'z')] },
  ]
  const [row] = mergeCopies(copies, { ...question, ...more })
  expect([samplesOf(row), row?.head.served_by]).toEqual([[[7, 2]], 'y'])
})

test('of two values for one window that of the most samples wins', () => {
  const copy = (holder: string, means: [number, number][], counts: [number, number][]): CopyAnswer => ({
    holder,
    rows: [points('a', means, holder)],
    counts: [points('a', counts, holder)],
  })
  const x = copy(
    'x',
    [
      [0, 10],
      [60, 11],
    ],
    [
      [0, 6],
      [60, 2],
    ],
  )
  const y = copy(
    'y',
    [
      [60, 21],
      [120, 22],
    ],
    [
      [60, 6],
      [120, 1],
    ],
  )
  const [row] = mergeCopies([x, y], { ...question, function: 'mean', stepMs: 60 })
  expect(samplesOf(row)).toEqual([
    [0, 10],
    [60, 21],
    [120, 22],
  ])
  expect([row?.head.served_by, row?.head.step_ms]).toEqual(['y', 60])
})

test('of two values without a step that of the most samples wins, and an unknown one never', () => {
  const copy = (holder: string, value: number | null, count: number): CopyAnswer => ({
    holder,
    rows: [{ key: 'a', head: head(holder), value }],
    counts: [{ key: 'a', head: head(holder), value: count }],
  })
  const [row] = mergeCopies([copy('x', null, 0), copy('y', 5, 3), copy('z', 6, 4)], { ...question, function: 'mean' })
  expect([row?.value, row?.head.served_by]).toEqual([6, 'z'])
})
