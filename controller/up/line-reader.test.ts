import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { lineLengthMax, readLines } from './line-reader.ts'

async function linesOf(chunks: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  const stream = Readable.from(chunks, { objectMode: false })
  readLines(stream, (line) => lines.push(line))
  await finished(stream)
  return lines
}

test('lines are whole however they are cut, the last one needs no newline', async () => {
  expect(await linesOf(['a\nb', 'c\n', '\nd'])).toEqual(['a', 'bc', '', 'd'])
})

test('a line without end comes in pieces and is never held whole', async () => {
  const lines = await linesOf(Array.from({ length: 5 }, () => 'x'.repeat(lineLengthMax)))
  expect(lines.join('').length).toBe(5 * lineLengthMax)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(2 * lineLengthMax)
})
