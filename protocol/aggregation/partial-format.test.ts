import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import type { Quantifier } from '#protocol/monitors/model.ts'
import { type PartialAggregate, partialFor } from './partial.ts'
import { decodePartial } from './partial-decoder.ts'
import { encodePartial } from './partial-encoder.ts'
import { functionCode, partialBytesMax } from './partial-format.ts'

const plain = ['count', 'sum', 'mean', 'stddev', 'min', 'max', 'mode', 'distinct', 'median', 'p99.9', 'p0', 'p100']
const kinds: (string | Quantifier)[] = [
  ...plain,
  'top3',
  'bottom100',
  'histogram(-10,0,0.5,1e6)',
  { kind: 'every' },
  { kind: 'some' },
  { kind: 'atLeast', count: 3 },
  { kind: 'atLeastShare', percent: 33.3 },
]

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  fc.constantFrom(0, 1, -1),
)
const tags = fc.constantFrom({}, { host: 'a' }, { b: 'ü', host: 'a-b' })

function partialOf(kind: string | Quantifier, values: readonly number[], exact = false): PartialAggregate {
  const partial = partialFor(kind, { exact })
  partial.addPooled(values, { host: 'h1', zone: 'ü' })
  partial.addUnknown(2)
  return partial
}

function acceptOrRefuse(body: Uint8Array): PartialAggregate | undefined {
  try {
    return decodePartial(body)
  } catch (error) {
    if (!isLanistaError(error, 'PARTIAL_INVALID')) throw error
    return undefined
  }
}

/** Whatever was accepted can be used like any other: finished, encoded, merged, or refused as too much by the merge. */
function use(partial: PartialAggregate | undefined): void {
  if (partial === undefined) return
  const { value } = partial.finish()
  expect(value === null || Number.isFinite(value)).toBe(true)
  const again = decodePartial(encodePartial(partial))
  expect(again.finish()).toEqual(partial.finish())
  try {
    again.merge(partial)
  } catch (error) {
    if (!isLanistaError(error, 'PARTIAL_INVALID')) throw error
  }
  expect(decodePartial(encodePartial(again)).finish()).toEqual(again.finish())
}

describe('a partial aggregate on the wire', () => {
  it.each(kinds)('of %j comes back as it was', (kind) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, tags), { maxLength: 60 }),
        fc.nat(9),
        fc.boolean(),
        (inputs, more, exact) => {
          const partial = partialFor(kind, { exact })
          for (const [value, of] of inputs) partial.add(value, of)
          partial.addPooled(inputs.map(([value]) => value))
          partial.addUnknown(more)
          const body = encodePartial(partial)
          const back = decodePartial(body)
          const { aggregate, known, unknown, values } = partial
          expect(back).toMatchObject({ aggregate, exact, known, unknown, values })
          expect(back.finish(99)).toEqual(partial.finish(99))
          expect(encodePartial(back)).toEqual(body)
          const double = decodePartial(body)
          double.merge(back)
          expect(double.finish(99)).toEqual(decodePartial(encodePartial(double)).finish(99))
        },
      ),
      { numRuns: 50 },
    )
  })

  it('comes back where sketch, hashes and overflow have taken the place of values', () => {
    const many = Array.from({ length: 12_000 }, (_, i) => (i - 500) / 7)
    const wide = Array.from({ length: 6_000 }, (_, i) => (i % 2 ? 1 : -1) * 10 ** (-307 + i / 10))
    for (const kind of ['p95', 'mode', 'distinct', 'stddev', 'mean']) {
      for (const values of [many, many.slice(0, 2_000), wide, [1.7e308]]) {
        for (const exact of [false, true]) {
          const partial = partialOf(kind, values, exact)
          const body = encodePartial(partial)
          expect(body.length).toBeLessThan(partialBytesMax)
          expect(decodePartial(body).finish()).toEqual(partial.finish())
          expect(encodePartial(decodePartial(body))).toEqual(body)
        }
      }
    }
  })

  it('of a mean takes at most 30 bytes, of the percentiles of 1,000 CPU values of a real host less than 1 KB', () => {
    const cpu = Array.from({ length: 1_000 }, (_, i) => (50 + 49 * Math.sin(i)) * (1 + i / 1e5))
    expect(encodePartial(partialOf('mean', cpu)).length).toBeLessThanOrEqual(30)
    expect(encodePartial(partialOf('p95', cpuOfTrace().slice(0, 1_000))).length).toBeLessThan(500)
  })

  it('of the largest size stays below the limit', () => {
    const partial = partialFor('top100')
    const value = 'v'.repeat(8_000)
    for (let i = 0; i < 100; i++) partial.add(i, { host: `h${i}`, value })
    const body = encodePartial(partial)
    expect(body.length).toBeLessThan(partialBytesMax)
    expect(decodePartial(body).finish()).toEqual(partial.finish())
    const beyond = partialFor('top1')
    beyond.add(1, { value: value.repeat(2) })
    expect(() => encodePartial(beyond)).toThrow(RangeError)
  })
})

describe('the decoder of partial aggregates', () => {
  it('gives PARTIAL_INVALID or a valid one for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => use(acceptOrRefuse(body))),
      { numRuns: 2_000 },
    )
  })

  it('gives PARTIAL_INVALID or a valid one for any payload of any function', () => {
    const small = fc.array(fc.nat(3), { maxLength: 80 })
    const any = fc.oneof(small, fc.array(fc.nat(255), { maxLength: 80 }))
    const code = fc.constantFrom(...Object.values(functionCode))
    fc.assert(
      fc.property(code, fc.boolean(), fc.nat(3), fc.nat(3), any, (code, exact, known, pooled, payload) => {
        use(acceptOrRefuse(Uint8Array.from([1, code + (exact ? 128 : 0), known, 0, pooled, ...payload])))
      }),
      { numRuns: 5_000 },
    )
  })

  it('survives every truncation and every flipped bit of a valid message of each kind', () => {
    for (const kind of kinds) {
      const message = encodePartial(
        partialOf(
          kind,
          Array.from({ length: 40 }, (_, i) => (i - 9) / 7),
        ),
      )
      for (let length = 0; length < message.length; length++)
        expect(acceptOrRefuse(message.subarray(0, length))).toBeUndefined()
      for (let bit = 0; bit < message.length * 8; bit++) {
        const broken = Uint8Array.from(message)
        broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7))
        use(acceptOrRefuse(broken))
      }
    }
  })

  it('refuses what is no message of ours, by name', () => {
    const f64 = (value: number): number[] => [...new Uint8Array(Float64Array.of(value).buffer)]
    const huge = [255, 255, 255, 255, 255, 255, 127]
    const table: [number[], RegExp][] = [
      [[], /unreadable/],
      [[2, 0], /version 2/],
      [[1, 99], /function 99/],
      [[1, 0, ...huge, 0, 0], /known inputs/],
      [[1, 0, 0, 0, 5], /5 values of no input/],
      [[1, 0, 1, 0, 0, 7], /1 bytes behind/],
      [[1, 1, 1, 0, 0, 41], /parts of a sum: 41/],
      [[1, 1, 1, 0, 0, 1, ...f64(Number.NaN)], /NaN/],
      [[1, 4, 1, 0, 0, 0], /what 1 values cannot give/],
      [[1, 8, 255, 255, 255, 127], /a percent/],
      [[1, 8, 0, 1, 0, 0, 2], /form 2/],
      [[1, 8, 0, 1, 0, 0, 0, 33], /values: 33, expected at most 32/],
      [[1, 8, 0, 1, 0, 0, 1, ...f64(2), ...f64(1)], /smallest value of 2/],
      [[1, 8, 0, 1, 0, 0, 1, ...f64(1), ...f64(1), 8], /a level: 8/],
      [[1, 8, 0, 2, 0, 0, 1, ...f64(1), ...f64(1), 0, 0, 0, 2, 0, 1, 0, 1], /the bucket 0/],
      [[1, 8, 0, 2, 0, 0, 1, ...f64(1), ...f64(1), 0, 0, 0, 129, 16], /buckets: 2049/],
      [[1, 9, 0], /no entries/],
      [[1, 9, 101], /entries to keep: 101/],
      [[1, 9, 1, 1, 0, 0, 1, ...f64(1), 1, 65], /tags without a semicolon/],
      [[1, 9, 1, 1, 0, 0, 1, ...f64(1), 2, 59, 65], /unreadable/],
      [[1, 11, 0], /bounds/],
      [[1, 11, 2, ...f64(1), ...f64(1)], /do not ascend/],
      [[1, 15, ...f64(101)], /a share of 101 %/],
      [[1, 12, 1, 0, 0, 1, 1], /what 1 values/],
    ]
    for (const [bytes, message] of table) expect(() => decodePartial(Uint8Array.from(bytes))).toThrow(message)
    expect(() => decodePartial(new Uint8Array(partialBytesMax + 1))).toThrow(/1000001 bytes/)
  })

  it('keeps to its counts when hosts lie about them: what it merged it can send', () => {
    const most = [128, 128, 128, 128, 128, 32]
    const lie = Uint8Array.from([1, 0, ...most, 0, 0])
    const partial = decodePartial(lie)
    expect(() => partial.merge(decodePartial(lie))).toThrow(expect.objectContaining({ code: 'PARTIAL_INVALID' }))
    expect(encodePartial(partial)).toEqual(lie)
    expect(() => decodePartial(lie, 2 ** 26)).toThrow(/expected at most 67108864/)
    expect(() => decodePartial(Uint8Array.from([1, 0, 3, 0, 2]), 4)).toThrow(/values: 5, expected at most 4/)
    expect(() => decodePartial(Uint8Array.from([1, 0, 3, 5, 0]), 4)).toThrow(/unknown inputs: 5/)
  })

  it('decodes the messages of every version there ever was', () => {
    const fixtures = JSON.parse(readFileSync(new URL('./fixtures/partials.json', import.meta.url), 'utf8')) as {
      name: string
      body: string
      partial: object
      finished: object
    }[]
    for (const { name, body, partial, finished } of fixtures) {
      const decoded = decodePartial(Buffer.from(body, 'base64'))
      expect(decoded, name).toMatchObject(partial)
      expect(decoded.finish(), name).toEqual(finished)
    }
    expect(new Set(fixtures.map(({ body }) => Buffer.from(body, 'base64')[1])).size).toBeGreaterThanOrEqual(16)
  })
})

/** User CPU of a recorded host, ticks a second. */
function cpuOfTrace(): number[] {
  const file = `${process.env['SHARED_DIR'] ?? '../shared'}/traces/host-1s.txt.gz`
  const totals = gunzipSync(readFileSync(file))
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('cpu.cpu.user '))
    .map((line) => Number(line.split(' ')[1]))
  return totals.slice(1).map((total, i) => total - (totals[i] as number))
}
