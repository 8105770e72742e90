import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { BlockEncoder } from '../block/encoder.ts'
import { RollUp, tierColumns, type Windows } from './roll-up.ts'
import { decodeWindows, encodeWindows } from './tier-block.ts'

const samples = fc
  .uniqueArray(fc.tuple(fc.nat(5000), fc.double({ noNaN: true, min: -1e6, max: 1e6 })), {
    selector: ([time]) => time,
    minLength: 1,
    maxLength: 100,
  })
  .map((all) => all.sort(([a], [b]) => a - b))

function rolled(all: readonly (readonly [number, number])[], cut: number): Windows {
  const rollUp = new RollUp(600)
  for (const part of [all.slice(0, cut), all.slice(cut)]) {
    rollUp.push(
      Float64Array.from(part, ([time]) => time),
      Float64Array.from(part, ([, value]) => value),
    )
  }
  return rollUp.take()
}

test('windows hold min, max, sum, count and last of their samples, however the samples come in pieces', () => {
  fc.assert(
    fc.property(samples, fc.nat(100), (all, cut) => {
      const windows = rolled(all, cut)
      for (const [i, startMs] of windows.startsMs.entries()) {
        const inside = all.filter(([time]) => Math.floor(time / 600) * 600 === startMs).map(([, value]) => value)
        expect(windows.count[i]).toBe(inside.length)
        expect(windows.min[i]).toBe(Math.min(...inside))
        expect(windows.max[i]).toBe(Math.max(...inside))
        expect(windows.last[i]).toBe(inside.at(-1))
        expect(windows.sum[i]).toBe(inside.reduce((a, b) => a + b, 0))
      }
      expect(windows.count.reduce((a, b) => a + b)).toBe(all.length)
    }),
  )
})

test('windows outlive being written', () => {
  const encoder = new BlockEncoder(200)
  fc.assert(
    fc.property(samples, (all) => {
      const windows = rolled(all, 0)
      const read = decodeWindows(encodeWindows(encoder, windows))
      expect(read.startsMs).toEqual(windows.startsMs)
      for (const column of tierColumns) expect(read[column]).toEqual(windows[column])
    }),
  )
})

test('damaged windows are refused', () => {
  const bytes = encodeWindows(
    new BlockEncoder(10),
    rolled(
      [
        [0, 1],
        [700, 2],
      ],
      0,
    ),
  )
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice()
    flipped[at] = (bytes[at] as number) ^ 0x10
    for (const damaged of [flipped, bytes.subarray(0, at)]) {
      try {
        decodeWindows(damaged)
        expect.unreachable()
      } catch (error) {
        expect(isLanistaError(error, 'BLOCK_CORRUPT')).toBe(true)
      }
    }
  }
})
