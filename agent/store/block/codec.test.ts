import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { crc32c } from './crc32c.ts'
import { BlockDecoder } from './decoder.ts'
import { BlockEncoder } from './encoder.ts'
import { BLOCK_SAMPLES_MAX, type BlockHeader } from './format.ts'
import { decodeHeader, verifyBlock } from './header-reader.ts'

const encoder = new BlockEncoder(5000)
const decoder = new BlockDecoder()

interface Samples {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

const t0 = 1_795_284_812_000

function every(stepMs: number, values: readonly number[]): Samples {
  return { timestampsMs: Float64Array.from(values, (_, i) => t0 + i * stepMs), values: Float64Array.from(values) }
}

function seal({ timestampsMs, values }: Samples): Uint8Array {
  return encoder.encode(timestampsMs, values, 0, values.length)
}

function open(bytes: Uint8Array): Samples {
  const room = decodeHeader(bytes).count
  const timestampsMs = new Float64Array(room)
  const values = new Float64Array(room)
  decoder.decode(bytes, timestampsMs, values)
  return { timestampsMs, values }
}

/** Words rather than numbers, so that −0 and 0 differ. */
const words = (values: Float64Array): number[] => [...new Uint32Array(Float64Array.from(values).buffer)]

function expectSame(found: Samples, expected: Samples): void {
  expect(words(found.timestampsMs)).toEqual(words(expected.timestampsMs))
  expect(words(found.values)).toEqual(words(expected.values))
}

/** The aggregates as README.md defines them, written down once more as plainly as possible. */
function recompute({ timestampsMs, values }: Samples): Partial<BlockHeader> {
  let sum = 0
  let falls = 0
  let lost = 0
  values.forEach((value, i) => {
    sum += value
    const before = values[i - 1]
    if (before === undefined || value >= before) return
    falls++
    lost += before
  })
  return {
    count: values.length,
    t0Ms: timestampsMs[0] as number,
    t1Ms: timestampsMs.at(-1) as number,
    first: values[0] as number,
    last: values.at(-1) as number,
    min: values.reduce((least, value) => (value < least ? value : least)),
    max: values.reduce((greatest, value) => (value > greatest ? value : greatest)),
    sum,
    falls,
    lost,
  }
}

const finite = fc.double({ noDefaultInfinity: true, noNaN: true })
const awkward = fc.constantFrom(
  0,
  -0,
  5e-324,
  -5e-324,
  2.2250738585072014e-308,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  2 ** 53,
  2 ** 50,
  0.1,
  0.1 + 0.2,
  1e15,
  1e-15,
  1 / 3,
)
const decimal = fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.nat(6)).map(([n, e]) => n / 10 ** e)

/** Many shapes of values: one of them, some drawn from few, walks, and outliers in any of these. */
const valueLists: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(finite, { minLength: 1, maxLength: 80 }),
  fc.array(fc.oneof(finite, awkward, decimal), { minLength: 1, maxLength: 80 }),
  fc.tuple(fc.oneof(finite, awkward), fc.integer({ min: 1, max: 300 })).map(([value, n]) => Array(n).fill(value)),
  fc.array(fc.constantFrom(7, 7, 7, 7, 7, 7, 7, 8, 9.5), { minLength: 1, maxLength: 300 }),
  fc.array(fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0), { minLength: 1, maxLength: 300 }),
  fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 50 }),
  fc
    .tuple(finite, fc.array(fc.integer({ min: -3, max: 90 }), { minLength: 1, maxLength: 400 }), fc.nat(4))
    .map(([start, steps, e]) => {
      let n = Math.trunc(start % 1e9)
      return steps.map((step) => (n += step) / 10 ** e)
    }),
  fc
    .tuple(fc.array(decimal, { minLength: 20, maxLength: 200 }), fc.nat(400), fc.oneof(finite, awkward))
    .map(([values, at, outlier]) => values.with(at % values.length, outlier)),
)

/** Strictly increasing: regular, with gaps, with jitter, or anything safe. */
function timestampLists(count: number): fc.Arbitrary<Float64Array> {
  const start = fc.oneof(fc.constant(t0), fc.integer({ min: -(2 ** 40), max: 2 ** 42 }))
  const from = (steps: fc.Arbitrary<number>) =>
    fc.tuple(start, fc.array(steps, { minLength: count, maxLength: count })).map(([first, list]) => {
      let timestampMs = first
      return Float64Array.from(list, (step) => (timestampMs += step))
    })
  return fc.oneof(
    from(fc.constant(1000)),
    from(fc.constantFrom(1000, 1000, 1000, 1000, 1000, 7000)),
    from(fc.integer({ min: 990, max: 1010 })),
    from(fc.integer({ min: 1, max: 2 ** 33 })),
    fc
      .uniqueArray(fc.maxSafeInteger(), { minLength: count, maxLength: count })
      .map((list) => Float64Array.from(list).sort()),
  )
}

const samples: fc.Arbitrary<Samples> = valueLists.chain((values) =>
  timestampLists(values.length).map((timestampsMs) => ({ timestampsMs, values: Float64Array.from(values) })),
)

describe('any samples', () => {
  test('come back bit for bit', () => {
    fc.assert(
      fc.property(samples, (given) => expectSame(open(seal(given)), given)),
      { numRuns: 1500 },
    )
  })

  test('are summed up in the header exactly as a plain pass would', () => {
    fc.assert(
      fc.property(samples, (given) => {
        const header = decodeHeader(seal(given))
        const expected = recompute(given)
        for (const [name, value] of Object.entries(expected)) {
          expect([name, header[name as keyof BlockHeader]]).toEqual([name, value])
        }
      }),
      { numRuns: 1500 },
    )
  })

  test('may lie anywhere in a larger array', () => {
    fc.assert(
      fc.property(samples, fc.nat(5), (given, before) => {
        const pad = new Float64Array(before)
        const timestampsMs = Float64Array.of(...pad, ...given.timestampsMs, 0)
        const values = Float64Array.of(...pad, ...given.values, 0)
        expect(encoder.encode(timestampsMs, values, before, given.values.length)).toEqual(seal(given))
      }),
    )
  })
})

describe('the largest block', () => {
  const largest = new BlockEncoder(BLOCK_SAMPLES_MAX)
  const count = BLOCK_SAMPLES_MAX
  const fibonacci = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181]
  /** Bit lengths occur as often as Fibonacci numbers say, which makes the deepest code there is. */
  const steps = fibonacci.flatMap((times, k) => Array<number>(times).fill(2 ** (k + 1)))
  test.each<[string, (i: number) => number]>([
    ['one change at the end', (i) => (i === count - 1 ? 1 : 0)],
    ['one change at the beginning', (i) => (i === 0 ? 1 : 0)],
    ['doubles with one change', (i) => (i === 1 ? 1 / 3 : Math.PI)],
    ['codes that had to be shortened', (i) => (steps[i] ?? 0) * (i % 2 === 0 ? 1 : -1)],
    ['doubles', (i) => Math.sin(i)],
  ])('of %s comes back', (_, valueOf) => {
    const values = Array.from({ length: count }, (_, i) => valueOf(i))
    const given = every(1000, values)
    expectSame(open(largest.encode(given.timestampsMs, given.values, 0, count)), given)
  })
})

describe('arbitrary bytes', () => {
  /** Opens the bytes or fails with the one typed error; anything else is a failure of the test. */
  function openOrRefuse(bytes: Uint8Array): 'opened' | 'refused' {
    try {
      open(bytes)
      return 'opened'
    } catch (error) {
      if (isLanistaError(error, 'BLOCK_CORRUPT')) return 'refused'
      throw error
    }
  }

  function withChecksum(body: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(body.length + 4)
    bytes.set(body)
    new DataView(bytes.buffer).setUint32(body.length, crc32c(body), true)
    return bytes
  }

  test('without a right checksum are refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => openOrRefuse(bytes) === 'refused'))
  })

  test('with a right checksum are a block or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(255), (body, bits) => {
        body[0] = 1
        if (body.length > 1) body[1] = bits
        openOrRefuse(withChecksum(body))
      }),
      { numRuns: 5000 },
    )
  })

  test('made from a block by changing some and mending the checksum are a block or refused', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(samples, changes, fc.nat(20), (given, list, cut) => {
        const body = seal(given).slice(0, -4)
        for (const [at, byte] of list) body[at % body.length] = byte
        openOrRefuse(withChecksum(body.subarray(0, Math.max(0, body.length - cut))))
        openOrRefuse(withChecksum(body))
      }),
      { numRuns: 5000 },
    )
  })

  test('made from a block by cutting it are refused', () => {
    const block = seal(every(1000, [1, 5, 2, 8, 9.25, 1e99]))
    for (let length = 0; length < block.length; length++) {
      expect(openOrRefuse(block.slice(0, length))).toBe('refused')
    }
  })

  test('made from a block by flipping one bit are refused', () => {
    fc.assert(
      fc.property(samples, fc.nat(), (given, at) => {
        const block = seal(given)
        const bit = at % (block.length * 8)
        block[bit >>> 3] = (block[bit >>> 3] as number) ^ (1 << (bit & 7))
        return openOrRefuse(block) === 'refused'
      }),
      { numRuns: 2000 },
    )
  })

  test('are never read beyond their ends', () => {
    const block = seal(every(1000, [3, 1, 4, 1, 5, 9, 2, 6]))
    const around = new Uint8Array(block.length + 40).fill(255)
    around.set(block, 20)
    expectSame(open(around.subarray(20, 20 + block.length)), open(block))
  })
})

describe('what a block takes', () => {
  const hour = Array.from({ length: 360 }, (_, i) => i)
  test.each<[string, Samples, number]>([
    [
      'a constant integer',
      every(
        10_000,
        hour.map(() => 4096),
      ),
      20,
    ],
    [
      'a constant decimal',
      every(
        10_000,
        hour.map(() => 12.75),
      ),
      30,
    ],
    [
      'a constant full-precision double',
      every(
        10_000,
        hour.map(() => 1 / 3),
      ),
      36,
    ],
    [
      'a counter of a constant rate',
      every(
        10_000,
        hour.map((i) => 1e9 + 50 * i),
      ),
      32,
    ],
    [
      'a counter that moved once',
      every(
        10_000,
        hour.map((i) => (i < 200 ? 17 : 18)),
      ),
      36,
    ],
    ['one sample', every(10_000, [1]), 17],
    [
      'a constant with gaps',
      {
        timestampsMs: Float64Array.from(hour, (i) => t0 + 1000 * (i < 99 ? i : i + 60)),
        values: new Float64Array(360),
      },
      40,
    ],
  ])('%s: at most so many bytes', (_, given, bytesMax) => {
    expect(seal(given).length).toBeLessThanOrEqual(bytesMax)
    expectSame(open(seal(given)), given)
  })

  test('a full-precision outlier does not spoil two decimals', () => {
    const values = hour.map((i) => ((i * 37) % 100) / 100)
    const clean = seal(every(1000, values)).length
    const spoilt = seal(every(1000, values.with(100, 0.123456789012345).with(200, 1 / 3)))
    expect(spoilt.length - clean).toBeLessThan(80)
    expect(decodeHeader(spoilt).hasExceptions).toBe(true)
  })
})

describe('what cannot be sealed or opened', () => {
  test.each<[string, () => unknown]>([
    ['NaN', () => seal(every(1000, [1, Number.NaN, 2]))],
    ['NaN at the beginning', () => seal(every(1000, [Number.NaN, 1]))],
    ['an infinity', () => seal(every(1000, [1, Number.NEGATIVE_INFINITY]))],
    ['no samples', () => seal(every(1000, []))],
    ['more samples than the encoder takes', () => seal(every(1000, Array(5001).fill(1)))],
    ['more samples than there are', () => encoder.encode(new Float64Array(3), new Float64Array(3), 1, 3)],
    ['a repeated timestamp', () => seal(every(0, [1, 2]))],
    ['a falling timestamp', () => seal(every(-1, [1, 2]))],
    ['a fraction of a millisecond', () => seal(every(0.5, [1, 2]))],
    [
      'a timestamp that is no safe integer',
      () => seal({ timestampsMs: Float64Array.of(0, 2 ** 54), values: Float64Array.of(1, 2) }),
    ],
    ['an encoder for too many samples', () => new BlockEncoder(BLOCK_SAMPLES_MAX + 1)],
    ['too little room', () => decoder.decode(seal(every(1, [1, 2])), new Float64Array(2), new Float64Array(1))],
  ])('%s is the caller’s error', (_, attempt) => {
    expect(attempt).toThrow(expect.objectContaining({ code: 'BLOCK_INPUT' }))
  })

  test('the checksum is checked apart from the header', () => {
    const block = seal(every(1000, [1, 2, 3]))
    expect(() => verifyBlock(block)).not.toThrow()
    block[block.length - 1] = (block.at(-1) as number) ^ 1
    expect(decodeHeader(block).count).toBe(3)
    expect(() => verifyBlock(block)).toThrow(
      expect.objectContaining({ code: 'BLOCK_CORRUPT', data: { reason: 'checksum' } }),
    )
  })
})
