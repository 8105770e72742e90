import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerText } from './answer-text.ts'
import type { Row } from './rows.ts'

const head: Row['head'] = {
  name: 'a"b',
  tags: { core: '0' },
  host: 'web',
  cloud: 'home',
  tenant: 'main',
  unit: null,
  served_by: 'web',
  step_ms: 10,
}

test('rows are written as JSON says, whatever the numbers', () => {
  const pairs = fc.array(fc.tuple(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })), { maxLength: 20 })
  fc.assert(
    fc.property(fc.array(pairs, { maxLength: 3 }), (all) => {
      const rows = all.map((samples, i): Row => {
        const timestampsMs = Float64Array.from(samples, ([time]) => time)
        const columns = [Float64Array.from(samples, ([, value]) => value)]
        return { key: `${i}`, head, columns: { timestampsMs, columns } }
      })
      const expected = all.map((samples) => ({ ...head, samples }))
      expect(textOf(answerText(rows))).toBe(JSON.stringify(expected))
    }),
  )
})

test('lines, single values and samples of the window have the same shape', () => {
  const columns = { timestampsMs: Float64Array.of(1), columns: [Float64Array.of(2), Float64Array.of(3)] }
  const rows: Row[] = [
    { key: 'a', head, columns },
    { key: 'b', head, value: null },
    { key: 'c', head, samples: [[1, 2]] },
  ]
  expect(JSON.parse(textOf(answerText(rows)))).toEqual([
    { ...head, samples: [[1, { slope: 2, intercept: 3 }]] },
    { ...head, value: null },
    { ...head, samples: [[1, 2]] },
  ])
})

test('a long row comes in pieces', () => {
  const timestampsMs = Float64Array.from({ length: 20_000 }, (_, i) => i)
  const pieces = [...answerText([{ key: 'a', head, columns: { timestampsMs, columns: [timestampsMs] } }])]
  expect(pieces.length).toBeGreaterThan(4)
  expect((JSON.parse(textOf(pieces)) as { samples: unknown[] }[])[0]?.samples.length).toBe(20_000)
})

function textOf(pieces: Iterable<string | Uint8Array>): string {
  return Buffer.concat([...pieces].map((piece) => Buffer.from(piece as Uint8Array))).toString()
}
