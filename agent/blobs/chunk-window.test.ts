import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BlobChunk } from '#protocol/blobs/blob-answer.ts'
import { asksAtOnceMax, chunkBytesMax } from '#protocol/blobs/blob-format.ts'
import { ChunkWindow } from './chunk-window.ts'

const piece = (from: number, total: number): BlobChunk => ({
  from,
  total,
  bytes: new Uint8Array(Math.max(0, Math.min(chunkBytesMax, total - from))).fill(from / chunkBytesMax),
})

describe('a window of pieces', () => {
  it('asks for one piece until it knows how many there are, then for a few at once', () => {
    const window = new ChunkWindow(0)
    expect(window.due(0)).toEqual([{ from: 0, bytes: chunkBytesMax }])
    expect(window.due(1)).toEqual([])
    expect(window.accept(piece(0, 10 * chunkBytesMax))).toHaveLength(1)
    expect(window.due(2)).toHaveLength(asksAtOnceMax)
    expect(window.due(3)).toEqual([])
  })

  it('goes on from what is here, and is complete at once when that is all', () => {
    const window = new ChunkWindow(chunkBytesMax + 5)
    expect(window.due(0)).toEqual([{ from: chunkBytesMax + 5, bytes: chunkBytesMax }])
    window.accept({ from: chunkBytesMax + 5, total: chunkBytesMax + 5, bytes: new Uint8Array() })
    expect(window.isComplete).toBe(true)
    expect(window.due(1)).toEqual([])
  })

  it('has an empty blob after one answer', () => {
    const window = new ChunkWindow(0)
    window.due(0)
    expect(window.accept({ from: 0, total: 0, bytes: new Uint8Array() })).toHaveLength(1)
    expect(window.isComplete).toBe(true)
  })

  it('asks again later each time, and at once over another connection', () => {
    const window = new ChunkWindow(0)
    window.due(0)
    expect(window.wakeAtMs).toBe(3_000)
    expect(window.due(3_000)).toHaveLength(1)
    expect(window.wakeAtMs).toBe(9_000)
    window.askAgain(4_000)
    expect(window.due(4_000)).toHaveLength(1)
    expect(window.wakeAtMs).toBe(16_000)
  })

  it.each([
    ['another total', { from: chunkBytesMax, total: 5 * chunkBytesMax, bytes: new Uint8Array(chunkBytesMax) }],
    ['a short piece in the middle', { from: chunkBytesMax, total: 4 * chunkBytesMax, bytes: new Uint8Array(5) }],
  ])('refuses %s', (_, chunk) => {
    const window = new ChunkWindow(0)
    window.due(0)
    window.accept(piece(0, 4 * chunkBytesMax))
    window.due(0)
    expect(() => window.accept(chunk)).toThrow(expect.objectContaining({ code: 'BLOB_INVALID' }))
  })

  it('refuses a blob that is smaller than what is here of it', () => {
    const window = new ChunkWindow(100)
    window.due(0)
    const smaller = { from: 50, total: 50, bytes: new Uint8Array() }
    expect(() => window.accept(smaller)).toThrow(expect.objectContaining({ code: 'BLOB_INVALID' }))
  })

  it('gives every byte once and in order, whatever is lost, repeated or overtaken', () => {
    const size = fc.integer({ min: 0, max: 12 * chunkBytesMax })
    fc.assert(
      fc.property(size, fc.array(fc.nat(99), { minLength: 300, maxLength: 300 }), (total, dice) => {
        const window = new ChunkWindow(0)
        const asked: number[] = []
        let [written, nowMs] = [0, 0]
        for (const die of dice) {
          nowMs += 500
          asked.push(...window.due(nowMs).map(({ from }) => from))
          const open = new Set(asked).size
          const from = asked[die % Math.max(1, asked.length)]
          if (from === undefined || window.isComplete) continue
          if (die % 3 > 0 || open === 0) asked.splice(asked.indexOf(from), 1)
          if (die % 5 === 0) continue
          for (const bytes of window.accept(piece(from, total))) {
            expect(bytes.every((byte) => byte === written / chunkBytesMax)).toBe(true)
            written += bytes.length
          }
        }
        for (let i = 0; !window.isComplete && i < 100; i++) {
          nowMs += 30_000
          for (const { from } of window.due(nowMs)) {
            for (const bytes of window.accept(piece(from, total))) written += bytes.length
          }
        }
        expect({ isComplete: window.isComplete, written }).toEqual({ isComplete: true, written: total })
      }),
      { numRuns: 25 },
    )
  })
})
