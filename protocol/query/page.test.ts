import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, encodeRefusal } from './answer.ts'
import { encodeQueryAsk, parseQueryAsk, queryTimeMsMax } from './ask.ts'
import fixtures from './fixtures/answers.json' with { type: 'json' }
import { answerBytesMax, chunkSamplesMax, pageBytesMax, type SeriesChunk } from './page-format.ts'
import { decodePage } from './page-reader.ts'
import { PageWriter } from './page-writer.ts'

const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -1000, max: 1000 }).map((n) => n / 100),
  fc.constantFrom(0, -0, 5e-324, Number.MAX_VALUE, 2 ** 53, -(2 ** 50)),
)
const times = (length: number): fc.Arbitrary<Float64Array> =>
  fc
    .tuple(
      fc.integer({ min: -(10 ** 12), max: 2 * 10 ** 12 }),
      fc.array(fc.constantFrom(1, 10_000, 9_999), { minLength: length, maxLength: length }),
    )
    .map(([start, steps]) => {
      let time = start
      return Float64Array.from(steps, (step) => (time += step))
    })
const chunk: fc.Arbitrary<SeriesChunk> = fc
  .tuple(
    fc.stringMatching(/^[a-z.]{1,20}$/),
    fc.option(fc.constantFrom('percent', 'bytes'), { nil: undefined }),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 1, max: 50 }),
  )
  .chain(([name, unit, width, count]) =>
    fc
      .tuple(
        times(width === 0 ? 0 : count),
        fc.array(fc.array(value, { minLength: count, maxLength: count }), { minLength: width, maxLength: width }),
      )
      .map(([timestampsMs, columns]) => ({
        name,
        unit,
        timestampsMs,
        columns: columns.map((column) => Float64Array.from(column)),
      })),
  )

describe('a page', () => {
  it('reads back what was written, bit for bit', () => {
    const cursor = fc.option(
      fc.record({
        seriesId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fromMs: fc.integer({ min: -queryTimeMsMax, max: queryTimeMsMax }),
      }),
      { nil: undefined },
    )
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), cursor, (chunks, next) => {
        const named = chunks.map((chunk, i) => ({ ...chunk, name: `${chunk.name}${i}` }))
        const page = new PageWriter()
        for (const chunk of named) page.add(chunk, chunk.timestampsMs, chunk.columns)
        expect(decodePage(page.finish(next))).toEqual({ chunks: named, next })
      }),
    )
  })

  it('writes consecutive chunks of a series with its name once', () => {
    const [one, many] = [1, 2].map((chunks) => {
      const page = new PageWriter()
      for (let i = 0; i < chunks; i++)
        page.add({ name: 'cpu.usage'.repeat(20) }, Float64Array.of(i), [Float64Array.of(1)])
      return page.finish().length
    })
    expect((many as number) - (one as number)).toBeLessThan(10)
  })

  it('costs a constant series next to nothing, and gauges of two places about two bytes', () => {
    const timestampsMs = Float64Array.from({ length: 2000 }, (_, i) => 1.7e12 + i * 10_000)
    const bytesOf = (values: Float64Array): number => {
      const page = new PageWriter()
      page.add({ name: 'a' }, timestampsMs, [values])
      return page.finish().length
    }
    expect(bytesOf(new Float64Array(2000).fill(42.5))).toBeLessThan(30)
    expect(bytesOf(timestampsMs.map((_, i) => Math.round(5000 + 300 * Math.sin(i)) / 100)) / 2000).toBeLessThan(2.1)
  })

  it('is never larger than it may be when it says in time that it is full', () => {
    const page = new PageWriter()
    const noise = Float64Array.from({ length: chunkSamplesMax }, (_, i) => Math.sin(i) * 10 ** (i % 300))
    const jitter = Float64Array.from(noise, (_, i) => 1e12 + i * 2_000_003 + (i % 7))
    for (let i = 0; !page.isFull; i++) page.add({ name: `${i}${'n'.repeat(8000)}` }, jitter, [noise, noise])
    const body = page.finish({ seriesId: 2 ** 32 - 1, fromMs: -queryTimeMsMax })
    expect(body.length).toBeLessThanOrEqual(pageBytesMax)
    expect(body.length).toBeGreaterThan(pageBytesMax / 2)
    expect(decodePage(body).chunks.length).toBeGreaterThan(1)
  })

  it('is full before it claims more samples than a reader takes', () => {
    const page = new PageWriter()
    const times = Float64Array.from({ length: chunkSamplesMax }, (_, i) => i)
    while (!page.isFull) page.add({ name: 'a' }, times, [new Float64Array(chunkSamplesMax)])
    expect(decodePage(page.finish()).chunks.length).toBe(128)
  })

  test.each(Object.entries(fixtures))('version 1, %s, is read for ever', (_, { hex, ...expected }) => {
    const read = (): unknown => {
      const { chunks, next } = decodePage(Buffer.from(hex, 'hex'))
      return {
        chunks: chunks.map(({ name, unit, timestampsMs, columns }) => ({
          name,
          unit: unit ?? null,
          timestampsMs: [...timestampsMs],
          columns: columns.map((column) => [...column]),
        })),
        next: next ?? null,
      }
    }
    if ('code' in expected) expect(read).toThrow(expect.objectContaining({ code: expected.code }))
    else expect(read()).toEqual(expected)
  })
})

describe('an answer', () => {
  it('is a page, a refusal or PAGE_INVALID, whatever the bytes', () => {
    const page = new PageWriter()
    page.add({ name: 'a.b' }, Float64Array.of(1, 2, 4), [Float64Array.of(0.1, 0.1, 7)])
    const whole = page.finish({ seriesId: 1, fromMs: 5 })
    const mutated = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = whole.slice()
        for (const [at, byte] of changes) bytes[at] = byte
        return bytes
      })
    const headed = fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => Uint8Array.of(1, (bytes[0] ?? 0) % 3, ...bytes.subarray(1)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), headed, mutated), (bytes) => {
        try {
          for (const { timestampsMs, columns } of decodePage(bytes).chunks) {
            for (const column of columns) expect(column.length).toBe(timestampsMs.length)
            for (let i = 1; i < timestampsMs.length; i++) {
              expect(timestampsMs[i]).toBeGreaterThan(timestampsMs[i - 1] as number)
            }
          }
        } catch (error) {
          if (!isLanistaError(error)) throw error
          expect(error.code === 'PAGE_INVALID' || error.data['refused'] === true).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it.each<[string, Uint8Array]>([
    ['a run that claims a billion samples', Uint8Array.of(1, 0, 0, 1, 97, 0, 1, 0x80, 0x94, 0xeb, 0xdc, 3)],
    ['an answer that is too long', new Uint8Array(answerBytesMax + 1)],
    ['a later version', Uint8Array.of(2, 0, 0)],
    ['JSON where a page was asked for', encodeJsonAnswer({})],
    ['times that stand still', Uint8Array.of(1, 0, 0, 1, 97, 0, 1, 2, 0, 2, 0, 0, 2)],
  ])('%s is refused', (_, bytes) => {
    expect(() => decodePage(bytes)).toThrow(expect.objectContaining({ code: 'PAGE_INVALID' }))
  })

  it('that refuses arrives as the error it was', () => {
    const refusal = encodeRefusal(new LanistaError('BUSY', 'ask later', { data: { secret: 1 } }))
    expect(() => decodePage(refusal)).toThrow(
      expect.objectContaining({ code: 'BUSY', message: 'ask later', data: { refused: true } }),
    )
  })
})

test('a refusal brings nothing that a terminal would obey', () => {
  const refusal = encodeRefusal(new LanistaError('BUSY', 'ask\u001b[2J later'))
  expect(() => decodePage(refusal)).toThrow('ask?[2J later')
  const forged = Buffer.from(refusal.subarray(2)).toString().replace('?', '\\u001b')
  expect(() => decodePage(Buffer.concat([refusal.subarray(0, 2), Buffer.from(forged)]))).toThrow(
    expect.objectContaining({ code: 'PAGE_INVALID' }),
  )
})

describe('an ask', () => {
  it('reads back', () => {
    const ask = { owner: 't.c.h', match: 'cpu.*', cursor: { seriesId: 3, fromMs: -1 }, stepMs: 60_000, deadlineMs: 5 }
    expect(parseQueryAsk(encodeQueryAsk(ask))).toEqual(ask)
  })

  it('is an ask or MESSAGE_INVALID, whatever the bytes', () => {
    const json = fc.json().map((text) => Buffer.from(text))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), json), (bytes) => {
        expect(() => parseQueryAsk(bytes)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
      }),
    )
  })

  it.each([
    { fromMs: 0.5 },
    { fromMs: 2 ** 47 },
    { stepMs: 0 },
    { cursor: { seriesId: -1, fromMs: 0 } },
    { match: 'a'.repeat(2000) },
  ])('refuses %j', (more) => {
    const bytes = encodeQueryAsk({ owner: 't.c.h', deadlineMs: 5, ...more })
    expect(() => parseQueryAsk(bytes)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})
