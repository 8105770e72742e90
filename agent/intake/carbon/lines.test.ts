import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { explainLines, type LineReport } from './lines.ts'

async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function explain(text: string, size = 1000, nowMs?: number): Promise<LineReport[]> {
  const reports: LineReport[] = []
  for await (const report of explainLines(chunks(text, size), { fourFields: true, nowMs }, new FakeClock(5000))) {
    reports.push(report)
  }
  return reports
}

describe('lanista lines', () => {
  test('reports one object for each line, the empty ones and a last one without LF included', async () => {
    expect(await explain('a;k=v 1 2\n\nx\nb 2 -1')).toEqual([
      { line: 1, name: 'a', tags: { k: 'v' }, value: 1, timestampMs: 2000 },
      { line: 2, reject: 'empty' },
      { line: 3, reject: 'malformed' },
      { line: 4, name: 'b', tags: {}, value: 2, timestampMs: 5000 },
    ])
  })

  test('agrees with every vector, at any chunk size', async () => {
    const { nowMs, cases } = JSON.parse(readFileSync('test/fixtures/carbon-lines.json', 'utf8')) as {
      nowMs: number
      cases: { line: string; expect?: object; reject?: string }[]
    }
    const expected = cases.map(({ expect: sample, reject }, i) => ({ line: i + 1, ...(sample ?? { reject }) }))
    const text = cases.map(({ line }) => line).join('\n')
    for (const size of [1, 3, 64, 100_000]) {
      expect(JSON.parse(JSON.stringify(await explain(text, size, nowMs)))).toEqual(expected)
    }
  })

  test('says nothing of nothing', async () => {
    expect(await explain('')).toEqual([])
  })
})
