import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { decodeRow, rowCount } from './row-decoder.ts'
import { RowEncoder } from './row-encoder.ts'

interface Columns {
  readonly ids: readonly number[]
  readonly times: readonly number[]
  readonly values: readonly number[]
}

const decimal = fc.tuple(fc.integer(), fc.constantFrom(1, 10, 100, 1000)).map(([n, divisor]) => n / divisor)
const anyValue = fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 2 ** 53))
const sample = fc.tuple(
  fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 0xffff_fff0 })),
  fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: -(2 ** 51), max: 2 ** 51 })),
  anyValue,
)
const columns = fc.array(sample, { minLength: 1, maxLength: 300 }).map(
  (samples): Columns => ({
    ids: samples.map(([id]) => id),
    times: samples.map(([, time]) => time),
    values: samples.map(([, , value]) => value),
  }),
)

function encode({ ids, times, values }: Columns): Uint8Array {
  const row = new RowEncoder().encode(
    Uint32Array.from(ids),
    Float64Array.from(times),
    Float64Array.from(values),
    0,
    ids.length,
  )
  return row.slice()
}

describe('a journal row', () => {
  test('gives back what was written, bit for bit', () => {
    fc.assert(
      fc.property(columns, (written) => {
        const row = encode(written)
        const read = decodeRow(row)
        expect([...read.seriesIds]).toEqual(written.ids)
        expect([...read.timestampsMs]).toEqual(written.times.map((time) => time + 0))
        expect([...read.values].every((value, i) => Object.is(value, written.values[i]))).toBe(true)
        expect(rowCount(row)).toBe(written.ids.length)
      }),
    )
  })

  test('costs about three bytes a sample for a thousand series of two decimals at one time', () => {
    const count = 1000
    const ids = Array.from({ length: count }, (_, i) => i)
    const values = ids.map((i) => Math.round(Math.sin(i) * 10_000) / 100)
    const row = encode({ ids, times: ids.map(() => 1_700_000_000_000), values })
    expect(row.length / count).toBeLessThan(3.1)
  })

  test('refuses every truncation and every flipped bit', () => {
    fc.assert(
      fc.property(columns, fc.nat(), fc.nat(7), (written, where, bit) => {
        const row = encode(written)
        const flipped = row.slice()
        flipped[where % row.length] = (row[where % row.length] as number) ^ (1 << bit)
        expect(outcome(flipped)).toBe('JOURNAL_ROW_CORRUPT')
        expect(outcome(row.subarray(0, where % row.length))).toBe('JOURNAL_ROW_CORRUPT')
      }),
    )
  })

  test('refuses arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(outcome(bytes)).toBe('JOURNAL_ROW_CORRUPT')
      }),
    )
  })
})

function outcome(bytes: Uint8Array): string {
  try {
    decodeRow(bytes)
    return 'decoded'
  } catch (error) {
    return isLanistaError(error) ? error.code : 'threw'
  }
}
