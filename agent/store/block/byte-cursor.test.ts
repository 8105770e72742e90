import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from './byte-cursor.ts'

const edges = [0, 63, 64, 127, 128, 8191, 8192, 2 ** 32, 2 ** 50, Number.MAX_SAFE_INTEGER]

test('integers of up to 53 bits come back, and nothing is left over', () => {
  const integers = fc.oneof(fc.constantFrom(...edges, ...edges.map((edge) => 0 - edge)), fc.maxSafeInteger())
  fc.assert(
    fc.property(fc.array(integers, { maxLength: 20 }), (list) => {
      const writer = new ByteWriter(new Uint8Array(400))
      for (const integer of list) {
        writer.signedVarint(integer)
        writer.varint(Math.abs(integer))
        writer.double(integer)
      }
      const reader = new ByteReader(writer.bytes, 0, writer.position)
      for (const integer of list) {
        expect(reader.signedVarint()).toBe(integer + 0)
        expect(reader.varint()).toBe(Math.abs(integer))
        expect(reader.finite()).toBe(integer)
      }
      expect(reader.position).toBe(reader.end)
    }),
  )
})

test.each<[string, number[], string]>([
  ['no bytes', [], 'truncated'],
  ['an unfinished number', [0x80, 0x80], 'truncated'],
  ['a number that never ends', Array<number>(20).fill(0x80), 'header'],
  ['a number above 2^53', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 'header'],
])('%s is refused', (_, bytes, reason) => {
  const reader = (): ByteReader => new ByteReader(Uint8Array.from(bytes), 0, bytes.length)
  const refusal = expect.objectContaining({ code: 'BLOCK_CORRUPT', data: { reason } })
  expect(() => reader().varint()).toThrow(refusal)
  expect(() => reader().signedVarint()).toThrow(refusal)
})
