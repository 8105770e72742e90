import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCanonical } from '#protocol/metrics/series.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { LineParser, type LineParserOptions } from './line-parser.ts'
import { LineStream, longLinesMax, unbrokenBytesMax } from './line-stream.ts'
import { MemorySink } from './memory-sink.ts'
import { type ModelVerdict, modelOf } from './reference-parser.ts'
import type { RejectReason } from './reject.ts'

interface Vectors {
  readonly nowMs: number
  readonly cases: readonly {
    readonly line: string
    readonly expect?: { name: string; tags: Record<string, string>; value: number; timestampMs: number }
    readonly reject?: string
  }[]
}

const vectors = JSON.parse(readFileSync('test/fixtures/carbon-lines.json', 'utf8')) as Vectors

/** A parser whose verdicts are kept in the order of the lines. */
class Bench {
  readonly clock = new FakeClock(vectors.nowMs)
  readonly sink: MemorySink
  readonly parser: LineParser
  readonly stream: LineStream
  readonly #rejects: [afterSamples: number, reason: RejectReason][] = []

  constructor(options: Partial<LineParserOptions> = {}, sink = new MemorySink()) {
    this.sink = sink
    this.parser = new LineParser(
      { fourFields: true, ...options },
      { sink, clock: this.clock, onReject: (reason) => this.#rejects.push([sink.samples.length, reason]) },
    )
    this.stream = new LineStream(this.parser)
  }

  verdicts(): ModelVerdict[] {
    const verdicts: ModelVerdict[] = []
    let rejects = 0
    for (let samples = 0; samples <= this.sink.samples.length; samples++) {
      for (; this.#rejects[rejects]?.[0] === samples; rejects++) verdicts.push(this.#rejects[rejects]?.[1] ?? '')
      const sample = this.sink.samples[samples]
      if (sample) verdicts.push({ ...sample })
    }
    return verdicts
  }

  feed(text: string | Buffer): this {
    this.stream.feed(Buffer.from(text))
    return this
  }
}

const names = ['a.b', 'shop', 'c', '..d.', 'm;k=v', 'm;b=2;a=1', 'm;=v', 'm{k="v"}', '~', 'x\u0000y', 'größe', '\xff']
const values = ['1', '-1', '1.5', '.5', '00012', '1e3', '1e999', 'nan', '-inf', '123456789012345678', '+3', '-0', '5.']
const times = ['1700000000', '1700000000123', '1700000000.25', '1700172801', '-2', 'now', '\u2028', '9007199254740993']
const pieces = fc.constantFrom(...names, ...values, ...times)
const separators = fc.constantFrom(' ', ' ', ' ', ' ', ' ', '  ', '\t', '\r', '')
const line = fc
  .array(fc.tuple(pieces, separators), { maxLength: 6 })
  .map((fields) => Buffer.from(fields.flat().join(''), fields.some(([piece]) => piece === '\xff') ? 'latin1' : 'utf8'))
const plausibleLine = fc
  .record({ name: pieces, value: pieces, timestamp: pieces, end: fc.constantFrom('', '\r', ' ') })
  .map(({ name, value, timestamp, end }) => Buffer.from(`${name} ${value} ${timestamp}${end}`))
const lines = fc.array(fc.oneof(line, plausibleLine), { maxLength: 40 })

function joined(all: readonly Buffer[]): Buffer {
  return Buffer.concat(all.flatMap((one) => [one, Buffer.from('\n')]))
}

describe('the carbon parser', () => {
  test.each(vectors.cases)('makes of $line what the vectors say', ({ line, expect: sample, reject }) => {
    const [verdict] = new Bench().feed(`${line}\n`).verdicts()
    if (sample === undefined || verdict === undefined || typeof verdict === 'string') {
      expect(verdict).toBe(reject)
      return
    }
    const { series, ...numbers } = verdict
    const { name, tags } = parseCanonical(series)
    expect({ name, tags: { ...tags }, ...numbers }).toEqual(sample)
  })

  test('makes the same of the vectors when every name is known and predicted', () => {
    const bench = new Bench()
    const all = vectors.cases.map(({ line }) => `${line}\n`).join('')
    const first = bench.feed(all).verdicts()
    const asked = bench.sink.asked
    expect(bench.feed(all).feed(all).verdicts()).toEqual([...first, ...first, ...first])
    expect(bench.sink.asked).toBe(asked)
  })

  test('agrees with the model on any lines, known and unknown, in any chunks', () => {
    fc.assert(
      fc.property(lines, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (all, sizes) => {
        const bench = new Bench()
        const bytes = Buffer.concat([joined(all), joined(all)])
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number
          bench.feed(bytes.subarray(at, at + size))
          at += size
        }
        const model = all.map((one) => modelOf(one, vectors.nowMs))
        expect(bench.verdicts()).toEqual([...model, ...model])
      }),
      { numRuns: 1500 },
    )
  })

  test('accounts for every line of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const bench = new Bench().feed(Buffer.from(bytes)).feed('\n')
        expect(bench.verdicts().length).toBe(bytes.filter((value) => value === 10).length + 1)
      }),
      { numRuns: 2000 },
    )
  })

  test('gives a known name to the sink without asking again, whatever the spacing before it', () => {
    const bench = new Bench().feed('a.b 1 1\n').feed('  a.b\t2 2\n').feed('a.b 3 3\n')
    expect(bench.sink.asked).toBe(1)
    expect(bench.parser.accepted).toBe(3)
  })

  test('counts lines of four fields apart, known or new, and refuses them when switched off', () => {
    const text = 'shop q 1 1\nshop q 2 2\nq 3 3\nshop q 4 4\n'
    const on = new Bench().feed(text)
    expect([on.parser.accepted, on.parser.fourFieldLines]).toEqual([4, 3])
    const off = new Bench({ fourFields: false }).feed(text)
    expect([off.parser.accepted, off.parser.rejected.malformed]).toEqual([1, 3])
  })

  test('tells a name from an application of the same text', () => {
    const bench = new Bench().feed('shop 1 7\n'.repeat(2)).feed('shop 1 7 8\n'.repeat(3)).feed('shop 1 7\n')
    const short = { series: 'shop', value: 1, timestampMs: 7000 }
    const long = { series: '1;application=shop', value: 7, timestampMs: 8000 }
    expect(bench.verdicts()).toEqual([short, short, long, long, long, short])
  })

  test('keeps taking known series and asks once a minute for a refused one', async () => {
    const bench = new Bench({}, new MemorySink(1)).feed('a 1 1\n')
    for (let i = 0; i < 100; i++) bench.feed('b 1 1\na 2 2\n')
    expect(bench.sink.asked).toBe(2)
    expect([bench.parser.accepted, bench.parser.rejected.cardinality]).toEqual([101, 100])
    await bench.clock.advance(60_001)
    bench.feed('b 1 1\n')
    expect(bench.sink.asked).toBe(3)
  })

  test('goes on by the slow way when its name table is full, and forgets the old names after a minute', async () => {
    const bench = new Bench({ names: { entriesMax: 2, bytesMax: 100 } }).feed('a 1 1\nb 1 1\nc 1 1\nc 1 1\n')
    expect([bench.parser.accepted, bench.parser.nameOverflows, bench.sink.asked]).toEqual([4, 2, 4])
    await bench.clock.advance(60_001)
    bench.feed('c 1 1\nc 1 1\n')
    expect([bench.parser.accepted, bench.parser.nameOverflows, bench.sink.asked]).toEqual([6, 2, 5])
  })

  test('skips a line over 4 KiB and only that, however it is cut', () => {
    const exact = `${'x'.repeat(500)} ${'0'.repeat(4096 - 504)}1 1`
    for (const size of [1, 7, 4096, 4097, 100_000]) {
      const bench = new Bench()
      const bytes = Buffer.from(`a 1 1\n${exact}\n${exact}2\nb 2 2\n`)
      for (let at = 0; at < bytes.length; at += size) bench.feed(bytes.subarray(at, at + size))
      expect(bench.verdicts()).toEqual([
        { series: 'a', value: 1, timestampMs: 1000 },
        { series: 'x'.repeat(500), value: 1, timestampMs: 1000 },
        'long',
        { series: 'b', value: 2, timestampMs: 2000 },
      ])
    }
  })

  test('gives up a client that sends 1 MiB without an LF, or its hundred-and-first line too long', () => {
    const unbroken = new Bench()
    for (let sent = 0; sent <= unbrokenBytesMax; sent += 65_536) unbroken.feed(Buffer.alloc(65_536, 0x61))
    expect([unbroken.stream.isHopeless, unbroken.parser.rejected.long]).toEqual([true, 1])
    const long = new Bench()
    for (let i = 0; i < longLinesMax; i++) long.feed(`${'x'.repeat(5000)}\n`)
    expect(long.stream.isHopeless).toBe(false)
    expect(long.feed(`${'x'.repeat(5000)}\n`).stream.isHopeless).toBe(true)
  })
})
