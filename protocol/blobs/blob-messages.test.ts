import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { encodeBlobChunk, encodeBlobRefusal, parseBlobAnswer } from './blob-answer.ts'
import { encodeBlobAsk, newBlobAskId, parseBlobAsk } from './blob-ask.ts'
import { blobBytesMax, bytesAt, chunkBytesMax } from './blob-format.ts'

const sha256 = 'ab'.repeat(32)

describe('an ask', () => {
  it('is what it was after it has travelled, and its id is a token', () => {
    const ask = { sha256, from: 65_536, bytes: 10 }
    expect(parseBlobAsk(encodeBlobAsk(ask))).toEqual(ask)
    expect(newBlobAskId()).toMatch(/^blob-[A-Za-z0-9_-]{16}$/)
  })

  it.each([
    ['another name than a digest', { sha256: '../../etc/passwd', from: 0, bytes: 1 }],
    ['a digest in capitals', { sha256: 'AB'.repeat(32), from: 0, bytes: 1 }],
    ['a place before the beginning', { sha256, from: -1, bytes: 1 }],
    ['nothing', { sha256, from: 0, bytes: 0 }],
    ['more than one message may have', { sha256, from: 0, bytes: chunkBytesMax + 1 }],
  ])('for %s is refused', (_, ask) => {
    expect(() => parseBlobAsk(encodeBlobAsk(ask))).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})

describe('an answer', () => {
  it('is the piece that was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(blobBytesMax - 300), (bytes, from) => {
        const chunk = { from, total: from + bytes.length, bytes }
        const read = parseBlobAnswer(encodeBlobChunk(chunk))
        expect({ ...read, bytes: Uint8Array.from(read.bytes) }).toEqual(chunk)
      }),
    )
  })

  it('of a refusal is thrown as such', () => {
    const refusal = encodeBlobRefusal(new LanistaError('BLOB_UNKNOWN', 'upload it'))
    expect(() => parseBlobAnswer(refusal)).toThrow(
      expect.objectContaining({ code: 'BLOB_UNKNOWN', message: 'upload it', data: { refused: true } }),
    )
  })

  it('of any bytes is a piece, a refusal or BLOB_INVALID', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const { from, total, bytes: piece } = parseBlobAnswer(bytes)
          expect(from + piece.length).toBeLessThanOrEqual(total)
        } catch (error) {
          expect(error).toBeInstanceOf(LanistaError)
        }
      }),
    )
  })

  it('is laid out as README.md says', () => {
    const written = encodeBlobChunk({ from: 258, total: 65_793, bytes: Uint8Array.of(7, 8) })
    expect([...written]).toEqual([1, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1, 1, 7, 8])
    expect(bytesAt).toBe(14)
  })
})
