import { readFileSync } from 'node:fs'
import { deflateRawSync, gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { decodeSamples } from './decoder.ts'
import { encodeBatch, encodeDictionary } from './encoder.ts'
import type { DictionaryEntry, SampleColumns } from './format.ts'
import { previousSamples } from './previous-sample.ts'
import { batchesOf, columnsOf, roundsOf } from './trace-batches.ts'

const packr = new Packr({ useRecords: false })
const sharedDir = process.env['SHARED_DIR'] ?? '../shared'

function roundTrip(batch: SampleColumns): void {
  const decoded = decodeSamples(encodeBatch('store-1', batch))
  if (decoded.kind !== 'batch') throw new Error('not a batch')
  expect([decoded.storeId, decoded.from, decoded.to]).toEqual(['store-1', batch.from, batch.to])
  expect(decoded.seriesIds).toEqual(batch.seriesIds)
  // toEqual on typed arrays tells 0 and −0 apart
  expect(decoded.timestampsMs).toEqual(batch.timestampsMs)
  expect(decoded.values).toEqual(batch.values)
}

function refuse(body: Uint8Array): void {
  try {
    decodeSamples(body)
  } catch (error) {
    if (isLanistaError(error, 'SAMPLES_INVALID')) return
    throw error
  }
  throw new Error('accepted')
}

function acceptOrRefuse(body: Uint8Array): void {
  try {
    decodeSamples(body)
  } catch (error) {
    if (!isLanistaError(error, 'SAMPLES_INVALID')) throw error
  }
}

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 100),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308),
  fc.constantFrom(2 ** 53, 2 ** 53 - 1, -(2 ** 53), 2 ** 51, 2 ** 51 + 1, 1 / 3, 0.1, 1e-15, 1e22),
)
const time = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0),
)
const id = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 0xffff_ffff }))

describe('a batch of samples', () => {
  it('comes back bit for bit, whatever finite doubles, times and ids are in it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(id, time, finite), { minLength: 1, maxLength: 200 }),
        fc.maxSafeNat(),
        (samples, from) => {
          roundTrip(columnsOf(samples, Math.min(from, Number.MAX_SAFE_INTEGER - 200) + 1))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('comes back in each form of the timestamp column, deflated or not', () => {
    const rounds = (n: number, t: (i: number, j: number) => number): SampleColumns =>
      columnsOf(Array.from({ length: n * 50 }, (_, i) => [i % 50, t(Math.floor(i / 50), i), Math.floor(i / 7) / 10]))
    roundTrip(rounds(1, () => 1_700_000_000_000))
    roundTrip(rounds(40, (round) => 1_700_000_000_000 + round * 10_000))
    roundTrip(rounds(40, (_, i) => 1_700_000_000_000 + i * 10_000 + (i % 7) * (i % 3)))
    roundTrip(rounds(40, (_, i) => 1_700_000_000_000.5 + i / 3))
  })

  it('comes back as a selection of its range, each sample with its position', () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), finite), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), gaps, fc.nat(9), (from, chosen, behind) => {
        let position = from - 1
        const positions = Float64Array.from(chosen, ([gap]) => (position += gap))
        const batch = {
          from,
          to: position + behind,
          positions,
          seriesIds: Uint32Array.from(chosen, (_, i) => i % 3),
          timestampsMs: Float64Array.from(chosen, (_, i) => i * 1000),
          values: Float64Array.from(chosen, ([, value]) => value),
        }
        roundTrip(batch)
        expect(decodeSamples(encodeBatch('store-1', batch))).toMatchObject({ positions })
      }),
    )
  })

  it('is refused as a selection whose positions leave the range or run back', () => {
    const one = { seriesIds: Uint32Array.of(0), timestampsMs: Float64Array.of(1), values: Float64Array.of(1) }
    const encode = (positions: number[]): Uint8Array =>
      encodeBatch('s', { ...one, from: 5, to: 9, positions: Float64Array.from(positions) })
    expect(() => encode([4])).toThrow(RangeError)
    expect(() => encode([10])).toThrow(RangeError)
    refuse(packr.pack([1, 2, 's', 5, 9, 0, Buffer.from([1, 5, 1, 0, 1, 0, 2, 1, 0])]))
  })

  it('of the largest size comes back, and one more is refused on both sides', () => {
    const many = Array.from({ length: 65_536 }, (_, i): [number, number, number] => [i * 3, i, i % 251])
    roundTrip(columnsOf(many))
    expect(() => encodeBatch('s', columnsOf([...many, [1, 1, 1]]))).toThrow(RangeError)
    const runs = Uint8Array.from([0, 0x81, 0x80, 4, 0, 0, 0x81, 0x80, 4, 0, 0x81, 0x80, 4])
    refuse(packr.pack([1, 0, 's', 1, 65_537, 0, runs]))
  })

  it('is refused by the encoder when a number is not finite or the columns disagree', () => {
    expect(() => encodeBatch('s', columnsOf([[1, 1, Number.NaN]]))).toThrow(RangeError)
    expect(() => encodeBatch('s', columnsOf([[1, Number.POSITIVE_INFINITY, 1]]))).toThrow(RangeError)
    expect(() => encodeBatch('s', { ...columnsOf([[1, 1, 1]]), to: 2 })).toThrow(RangeError)
    expect(() => encodeBatch('s', columnsOf([]))).toThrow(RangeError)
    expect(() => encodeBatch('no id', columnsOf([[1, 1, 1]]))).toThrow(RangeError)
    expect(() => encodeBatch('', columnsOf([[1, 1, 1]]))).toThrow(RangeError)
  })

  it('takes at most 3 bytes a sample on the 10 s trace of a real host, each batch alone', () => {
    const trace = gunzipSync(readFileSync(`${sharedDir}/traces/host-1s.txt.gz`)).toString()
    const batches = batchesOf(roundsOf(trace, 10), 1)
    let bytes = 0
    for (const batch of batches) {
      bytes += encodeBatch('store-0123456789abcdef', batch).length
      roundTrip(batch)
    }
    const samples = batches.reduce((sum, batch) => sum + batch.values.length, 0)
    expect(samples).toBe(60_657)
    expect(bytes / samples).toBeLessThanOrEqual(3)
  })
})

describe('a chunk of the series dictionary', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((t) => !/[\u0000-\u001f\u007f]/.test(t))
  const entry: fc.Arbitrary<DictionaryEntry> = fc.oneof(
    fc.record({ name: text, unit: text }),
    fc.record({ name: text }),
  )

  it('comes back whole', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 100 }), fc.nat(), (entries, firstId) => {
        expect(decodeSamples(encodeDictionary('store-1', firstId, entries))).toEqual({
          kind: 'dictionary',
          storeId: 'store-1',
          firstId,
          entries,
        })
      }),
    )
  })

  it('is refused when empty or of more than 10,000 entries, and by the decoder with a control character', () => {
    const entries = Array.from({ length: 10_001 }, (_, i) => ({ name: `n${i}` }))
    expect(() => encodeDictionary('s', 0, entries)).toThrow(RangeError)
    expect(() => encodeDictionary('s', 0, [])).toThrow(RangeError)
    expect(decodeSamples(encodeDictionary('s', 0, entries.slice(1)))).toMatchObject({ entries: entries.slice(1) })
    refuse(packr.pack([1, 1, 's', 0, 0, 0, packr.pack(['a\nb', ''])]))
  })
})

describe('previousSamples', () => {
  it('finds the sample before of the same series, for dense and for sparse ids', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(12), { minLength: 1, maxLength: 60 }),
        fc.constantFrom(1, 300_000_000),
        (small, scale) => {
          const expected = small.map((id, i) => small.slice(0, i).lastIndexOf(id))
          expect([...previousSamples(Uint32Array.from(small, (id) => id * scale))]).toEqual(expected)
        },
      ),
    )
  })
})

describe('the decoder', () => {
  it('gives SAMPLES_INVALID or a valid message for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), acceptOrRefuse), { numRuns: 2_000 })
  })

  it('gives SAMPLES_INVALID or a valid message for any payload in a right envelope', () => {
    const bytes = fc.uint8Array({ maxLength: 120 })
    fc.assert(
      fc.property(fc.nat(2), fc.integer({ min: 1, max: 70_000 }), fc.nat(1), bytes, (kind, to, deflated, payload) => {
        acceptOrRefuse(packr.pack([1, kind, 's', 1, to, deflated, deflated ? deflateRawSync(payload) : payload]))
      }),
      { numRuns: 2_000 },
    )
  })

  it('survives every truncation and every flipped bit of a valid message', () => {
    const message = encodeBatch(
      'store-1',
      columnsOf(Array.from({ length: 60 }, (_, i) => [i % 20, i * 10, i / 8 + (i % 9)])),
    )
    for (let length = 0; length < message.length; length++) refuse(message.subarray(0, length))
    for (let bit = 0; bit < message.length * 8; bit++) {
      const broken = Uint8Array.from(message)
      broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7))
      acceptOrRefuse(broken)
    }
  })

  it('allocates nothing for lengths that the bytes do not cover', () => {
    refuse(Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff]))
    refuse(Uint8Array.from([0xdd, 0x01, 0xff, 0xff, 0xff, 0]))
    refuse(Uint8Array.from([0xdf, 0xff, 0xff, 0xff, 0xff]))
    refuse(Uint8Array.from([0xc6, 0xff, 0xff, 0xff, 0xff]))
    refuse(Uint8Array.from(Array.from({ length: 4_000 }, () => 0x91)))
    refuse(packr.pack([1, 0, 's', 1, 9, 1, deflateRawSync(new Uint8Array(20_000_000))]))
    refuse(
      packr.pack([
        1,
        1,
        's',
        0,
        0,
        0,
        Uint8Array.from([0xdc, 0x75, 0x30, ...Array.from({ length: 30_000 }, () => 0xc0)]),
      ]),
    )
    refuse(new Uint8Array(5_000_000))
  })

  it('refuses what is no message of ours, by name', () => {
    const table: [unknown, RegExp][] = [
      [{ a: 1 }, /type 0x/],
      [[1, 2], /7 elements/],
      [[2, 0, 's', 1, 1, 0, Buffer.alloc(1)], /version 2/],
      [[1, 7, 's', 1, 1, 0, Buffer.alloc(1)], /kind 7/],
      [[1, 0, '', 1, 1, 0, Buffer.alloc(1)], /store id/],
      [[1, 0, 's', 0, 0, 0, Buffer.alloc(1)], /1 samples from 0/],
      [[1, 0, 's', 3, 1, 0, Buffer.alloc(1)], /samples from 3/],
      [[1, 0, 's', 1.5, 2, 0, Buffer.alloc(1)], /range/],
      [[1, 0, 's', 1, 1, 2, Buffer.alloc(1)], /deflation/],
      [[1, 0, 's', 1, 1, 0, 'text'], /no payload/],
      [[1, 0, 's', 1, 1, 0, Buffer.from([0, 2])], /a run of 2 with 1/],
      [[1, 0, 's', 1, 1, 0, Buffer.concat([Buffer.alloc(200, 0x80), Buffer.from([0, 1, 0, 0, 1, 0, 1])])], /53 bits/],
      [[1, 0, 's', 1, 1, 0, Buffer.from([0, 1, 9])], /timestamp mode 9/],
      [[1, 0, 's', 1, 1, 0, Buffer.from([0, 1, 0, 0, 1, 1, 99, 0])], /exponent of 99/],
      [[1, 0, 's', 1, 1, 0, Buffer.from([0, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f])], /Infinity/],
      [[1, 0, 's', 1, 1, 0, Buffer.from([0, 1, 0, 0, 1, 0, 1, 5])], /1 bytes behind/],
      [[1, 1, 's', 0, 1, 0, packr.pack(['a', ''])], /other than 2/],
      [[1, 1, 's', 0, 0, 0, packr.pack(['', ''])], /no name/],
      [[1, 1, 's', 0, 0, 0, packr.pack(['a', 1])], /series text/],
    ]
    for (const [value, message] of table) expect(() => decodeSamples(packr.pack(value))).toThrow(message)
  })

  it('decodes the messages of every version there ever was', () => {
    const fixtures = JSON.parse(readFileSync(new URL('./fixtures/messages.json', import.meta.url), 'utf8')) as {
      name: string
      body: string
      message: object
    }[]
    for (const { name, body, message } of fixtures) {
      const decoded = decodeSamples(Buffer.from(body, 'base64'))
      const plain = JSON.parse(
        JSON.stringify(decoded, (_, v: unknown) => (ArrayBuffer.isView(v) ? [...(v as Float64Array)] : v)),
      )
      expect(plain, name).toEqual(message)
    }
  })
})
