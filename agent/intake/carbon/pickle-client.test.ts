import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { LineParser } from './line-parser.ts'
import { MemorySink } from './memory-sink.ts'
import { frameBytesMax, framePointsMax, PickleClient } from './pickle-client.ts'
import { decodePickle } from './pickle-decoder.ts'
import type { Verdict } from './tcp-intake.ts'

/** Bytes that real Python wrote; `about` in the file says which is which. */
const pickles = JSON.parse(readFileSync('test/fixtures/carbon-pickles.json', 'utf8')) as {
  batch: { protocol: number; base64: string }[]
  many: string
  python2Style: string
  statsd: string
  evil: string[]
  mixed: string[]
  cyclic: string
}

class Bench {
  readonly sink = new MemorySink()
  readonly parser = new LineParser({ fourFields: true }, { sink: this.sink, clock: new FakeClock(1_700_000_000_000) })
  readonly client = new PickleClient(this.parser, '127.0.0.1')

  /** Sends pickles, framed, in chunks of this size; returns the first verdict that closes. */
  send(base64: readonly string[], size = 1_000_000): Verdict {
    return this.sendBytes(Buffer.concat(base64.map((one) => framed(Buffer.from(one, 'base64')))), size)
  }

  sendBytes(bytes: Buffer, size = 65_536): Verdict {
    for (let at = 0; at < bytes.length; at += size) {
      const verdict = this.client.feed(bytes.subarray(at, at + size))
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  /** The reasons met, with their counts. */
  rejected(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.parser.rejected).filter(([, count]) => count > 0))
  }
}

function framed(body: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(body.length)
  return Buffer.concat([header, body])
}

describe('a pickle', () => {
  test.each(pickles.batch)('of protocol $protocol gives its points, cut anywhere', ({ base64 }) => {
    for (const size of [1, 5, 1000]) {
      const bench = new Bench()
      expect(bench.send([base64, base64], size)).toBeUndefined()
      const once = [
        { series: 'a.b', timestampMs: 1_700_000_000_000, value: 1.5 },
        { series: 'größe', timestampMs: 1_700_000_000_250, value: -3 },
        { series: 'm;k=v', timestampMs: 1_700_000_000_000, value: 2 },
        { series: 'm;k=v', timestampMs: 1_700_000_010_000, value: 3 },
        { series: 'big', timestampMs: 1_700_000_000_000, value: 2 ** 70 },
        { series: 'str', timestampMs: 1_700_000_000_000, value: 4.5 },
      ]
      expect(bench.sink.samples).toEqual([...once, ...once])
      expect(bench.rejected()).toEqual({})
    }
  })

  test('of more items than Python appends at once is whole', () => {
    const bench = new Bench()
    bench.send([pickles.many])
    expect(bench.sink.samples.length).toBe(1100)
    expect(bench.sink.samples.at(-1)).toEqual({ series: 's.1099', timestampMs: 1_700_001_099_000, value: 549.5 })
  })

  test('of Python 2 and of statsd, with values as text, gives numbers', () => {
    const bench = new Bench()
    bench.send([pickles.python2Style, pickles.statsd])
    expect(bench.sink.samples.map(({ series, value }) => [series, value])).toEqual([
      ['a.b', 1.5],
      ['stats.count', 42],
      ['stats.rate', 0.7],
    ])
  })

  test.each(pickles.mixed)('with bad items keeps the good ones beside them: %#', (base64) => {
    const bench = new Bench()
    expect(bench.send([base64])).toBeUndefined()
    expect(bench.sink.samples.map(({ series }) => series)).toEqual(['ok.first', 'ok.last'])
    expect(bench.rejected()).toEqual({ malformed: 5, nan: 1, infinite: 1, value: 2, timestamp: 1, name: 1 })
  })

  test.each(pickles.evil)('that would run code closes the connection and nothing of it is taken: %#', (base64) => {
    const bench = new Bench()
    expect(bench.send([base64])).toEqual({ close: 'pickle_opcode' })
    expect(bench.rejected()).toEqual({ pickle_opcode: 1 })
  })

  test('that contains itself harms nobody', () => {
    const bench = new Bench()
    expect(bench.send([pickles.cyclic])).toBeUndefined()
    expect(bench.rejected()).toEqual({ malformed: 1 })
  })

  test('that stands for far more points than it has bytes is given up at the bound', () => {
    // [ (path, point × 1000) ] with that one tuple fetched 10,000 times from the memo.
    const point = '(I1700000000\nI1\ntq\x01'
    const item = `(U\x01a${point}${'h\x01'.repeat(999)}tq\x02`
    const bench = new Bench()
    const bytes = framed(Buffer.from(`(${item}${'h\x02'.repeat(10_000)}l.`, 'latin1'))
    expect(bench.sendBytes(bytes)).toEqual({ close: 'pickle_frame' })
    expect(bench.parser.accepted).toBeLessThanOrEqual(framePointsMax)
  })

  test('longer than a frame may be, cut short or no pickle at all closes the connection', () => {
    const header = Buffer.alloc(4)
    header.writeUInt32BE(frameBytesMax + 1)
    expect(new Bench().sendBytes(header)).toEqual({ close: 'pickle_frame' })
    expect(new Bench().sendBytes(framed(Buffer.from('(l')))).toEqual({ close: 'pickle_frame' })
    expect(new Bench().sendBytes(framed(Buffer.from('I5\n.')))).toEqual({ close: 'pickle_frame' })
  })

  test('of a megabyte of digits that are no number is refused without trying its digits twice', () => {
    const bench = new Bench()
    expect(bench.sendBytes(framed(Buffer.from(`I${'1'.repeat(1_000_000)}x\n.`)))).toEqual({ close: 'pickle_frame' })
  })

  test('that has not come whole when the connection ends is counted as partial', () => {
    const bench = new Bench()
    bench.sendBytes(framed(Buffer.from('(l.')).subarray(0, 5))
    bench.client.end()
    expect(bench.rejected()).toEqual({ partial: 1 })
  })

  test('of any bytes is data or an error of ours', () => {
    const opcodes = Buffer.concat(pickles.batch.map(({ base64 }) => Buffer.from(base64, 'base64')))
    const bytes = fc.array(
      fc.oneof(
        fc.nat({ max: opcodes.length - 1 }).map((at) => opcodes[at] as number),
        fc.nat(255),
      ),
      {
        maxLength: 120,
      },
    )
    fc.assert(
      fc.property(bytes, (some) => {
        try {
          decodePickle(Buffer.from(some))
        } catch (error) {
          expect(error).toMatchObject({ name: 'LanistaError', code: expect.stringMatching(/^PICKLE_/) })
        }
      }),
      { numRuns: 5000 },
    )
  })
})
