import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { textBody } from './text-body.ts'

test('few pieces are one body', () => {
  const body = textBody(['[', Buffer.from('1'), ']'])
  expect(Buffer.isBuffer(body) && body.toString()).toBe('[1]')
})

test('many pieces are a stream of them all, in order', async () => {
  const pieces = Array.from({ length: 100 }, (_, i) => (i % 2 ? 'ä'.repeat(10_000) : new Uint8Array(10_000).fill(i)))
  const body = textBody(pieces)
  expect(body).toBeInstanceOf(Readable)
  const expected = Buffer.concat(
    pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece))),
  )
  expect((await buffer(body as Readable)).equals(expected)).toBe(true)
})

test('a stream that fails breaks off', async () => {
  const failing = function* (): Generator<string> {
    for (let i = 0; i < 60; i++) yield 'x'.repeat(10_000)
    throw new Error('broken')
  }
  await expect(buffer(textBody(failing()) as Readable)).rejects.toThrow('broken')
})
