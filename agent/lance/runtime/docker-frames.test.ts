import { array, assert, asyncProperty, integer, string } from 'fast-check'
import { expect, it } from 'vitest'
import { readFrames } from './docker-frames.ts'

it('frames come out whole, however they were cut on the way', async () => {
  await assert(
    asyncProperty(array(string({ maxLength: 40 })), integer({ min: 1, max: 13 }), async (texts, size) => {
      const bytes = Buffer.concat(
        texts.map((text) => {
          const content = Buffer.from(text)
          const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, content.length])
          return Buffer.concat([header, content])
        }),
      )
      async function* cut(): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
      }
      const parts: Buffer[] = []
      for await (const part of readFrames(cut())) parts.push(part)
      expect(Buffer.concat(parts).toString()).toBe(texts.join(''))
    }),
  )
})
