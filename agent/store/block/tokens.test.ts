import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from './byte-cursor.ts'
import { RESIDUAL_BITS_MAX, TokenReader } from './token-reader.ts'
import { TokenWriter } from './token-writer.ts'

const tokensMax = 1000

/** A stream of these residuals with the four bytes of slack that a checksum would be. */
function write(residuals: readonly number[]): Uint8Array {
  const tokens = new TokenWriter(tokensMax)
  const writer = new ByteWriter(new Uint8Array(tokensMax * 12))
  tokens.addWide(Float64Array.from(residuals), 0, residuals.length)
  tokens.write(writer)
  return writer.bytes.slice(0, writer.position + 4)
}

function read(bytes: Uint8Array, count: number, bitsMax = RESIDUAL_BITS_MAX): number[] {
  const tokens = new TokenReader()
  const out = new Float64Array(count + 10).fill(7)
  tokens.open(new DataView(bytes.buffer), 0, bytes.length - 4, bitsMax)
  try {
    tokens.readResiduals(out, 0, count)
    expect(tokens.close()).toBe(bytes.length - 4)
  } finally {
    expect([...out.subarray(count)]).toEqual(Array(10).fill(7))
  }
  return [...out.subarray(0, count)]
}

const refusal = (reason: string): unknown => expect.objectContaining({ code: 'BLOCK_CORRUPT', data: { reason } })

/** In the stream of [1, 0] the run symbol's code length, 1, stands in the four bits from bit 19 on. */
function withRunCodeLength(length: number): Uint8Array {
  const bytes = write([1, 0])
  const view = new DataView(bytes.buffer)
  expect((view.getUint32(0, true) >>> 19) & 15).toBe(1)
  view.setUint32(0, (view.getUint32(0, true) & ~(15 << 19)) | (length << 19), true)
  return bytes
}

test('residuals come back in order', () => {
  const residuals = fc.oneof(
    fc.constant(0),
    fc.integer({ min: -9, max: 9 }),
    fc.integer({ min: -(2 ** 52), max: 2 ** 52 }).map((residual) => residual + 0),
  )
  fc.assert(
    fc.property(fc.array(residuals, { minLength: 1, maxLength: tokensMax }), (list) => {
      expect(read(write(list), list.length)).toEqual(list)
    }),
  )
})

test('narrow and wide residuals make the same stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 1 }), { minLength: 1, maxLength: 100 }),
      (list) => {
        const tokens = new TokenWriter(tokensMax)
        const writer = new ByteWriter(new Uint8Array(tokensMax * 12))
        tokens.addNarrow(Int32Array.from(list), 0, list.length)
        tokens.write(writer)
        expect(writer.bytes.slice(0, writer.position)).toEqual(write(list).slice(0, -4))
      },
    ),
  )
})

test('a run beyond the last residual is refused, and nothing is written there', () => {
  expect(() => read(write([5, 0, 0, 0, 0, 0, 0]), 4)).toThrow(refusal('payload'))
})

test('a stream that ends too early is refused', () => {
  expect(() => read(write([1, 2, 3]), 500)).toThrow(refusal('payload'))
})

test.each([0, 2, 10, 11, 14, 15])('a code whose length of 1 became %d is incomplete and refused', (length) => {
  expect(() => read(withRunCodeLength(length), 2)).toThrow(refusal('table'))
})

test('numbers longer than the column allows are refused', () => {
  expect(() => read(write([2 ** 40]), 1, 40)).toThrow(refusal('table'))
})
