import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Quantifier } from '#protocol/monitors/model.ts'
import { functionNames, value as valueOf } from './functions.ts'
import { type PartialAggregate, type PartialOptions, partialFor } from './partial.ts'
import { encodePartial } from './partial-encoder.ts'
import { spanOf } from './span.ts'

const names = ['count', 'sum', 'mean', 'stddev', 'min', 'max', 'median', 'p0', 'p99.9', 'mode', 'distinct']
const parametric = ['top3', 'bottom2', 'histogram(-10,0,0.5,10,1e6)']
const quantifiers: Quantifier[] = [
  { kind: 'every' },
  { kind: 'some' },
  { kind: 'atLeast', count: 3 },
  { kind: 'atLeastShare', percent: 50 },
]
const kinds: (string | Quantifier)[] = [...names, ...parametric, ...quantifiers]

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(0, -0, 5e-324, 1e-300, 1e16, -1e16, 1e100, -1e100, 1.7e308, 9.8e288),
)
/** What inputs say: a value, samples to pool, nothing, or nonsense. */
const input = fc.oneof(
  { weight: 4, arbitrary: number },
  fc.array(number, { maxLength: 30 }),
  fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY),
)
type Input = number | number[] | null

function partialOf(
  kind: string | Quantifier,
  inputs: readonly Input[],
  options?: PartialOptions,
  from = 0,
): PartialAggregate {
  const partial = partialFor(kind, options)
  for (const [i, value] of inputs.entries()) {
    const tags = { host: `h${from + i}` }
    if (value === null) partial.addUnknown()
    else if (typeof value === 'number') partial.add(value, tags)
    else partial.addPooled(value, tags)
  }
  return partial
}

function merged(kind: string | Quantifier, parts: readonly PartialAggregate[], options?: PartialOptions) {
  const all = partialFor(kind, options)
  for (const part of parts) all.merge(part)
  return all
}

/** Everything a partial aggregate can say, with its bytes. */
function said(partial: PartialAggregate): unknown {
  const { known, unknown, values } = partial
  return { known, unknown, values, finished: partial.finish(7), bytes: [...encodePartial(partial)] }
}

describe.each(kinds)('a partial aggregate of %j', (kind) => {
  it.each([false, true])('is the same in whatever order and grouping it was merged, exact %s', (exact) => {
    fc.assert(
      fc.property(fc.array(fc.array(input, { maxLength: 12 }), { minLength: 3, maxLength: 3 }), ([a, b, c]) => {
        const part = (inputs: Input[] | undefined, from: number): PartialAggregate =>
          partialOf(kind, inputs ?? [], { exact }, from)
        const parts = [part(a, 0), part(b, 100), part(c, 200)] as const
        const wanted = said(merged(kind, parts, { exact }))
        const [x, y, z] = parts
        expect(said(merged(kind, [z, x, y], { exact }))).toEqual(wanted)
        expect(said(merged(kind, [x, merged(kind, [z, y], { exact })], { exact }))).toEqual(wanted)
        const alone = said(x)
        expect(said(merged(kind, [x, partialFor(kind, { exact })], { exact }))).toEqual(alone)
        x.merge(partialFor(kind, { exact }))
        expect(said(x)).toEqual(alone)
        expect(said(merged(kind, [x, y, z], { exact }))).toEqual(wanted)
      }),
      { numRuns: 60 },
    )
  })

  it('of no input is unknown, but count is 0', () => {
    const { value, reason } = partialFor(kind).finish()
    expect([value, reason]).toEqual(kind === 'count' ? [0, undefined] : [null, 'empty'])
  })

  it('never says NaN nor infinity, and gives a reason for the unknown alone', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
        const { value, reason } = partialOf(kind, inputs).finish()
        expect(value === null ? reason : Number.isFinite(value)).toBeTruthy()
        if (value !== null) expect(reason).toBeUndefined()
      }),
    )
  })
})

describe('a partial aggregate', () => {
  it('counts its inputs: with a value, without, and those whose numbers are none', () => {
    const partial = partialOf('mean', [1, [2, 3, Number.NaN], null, Number.NaN, [], [Number.POSITIVE_INFINITY]])
    expect(partial).toMatchObject({ known: 2, unknown: 4, values: 3 })
    expect(partial.finish()).toEqual({ value: 2 })
    partial.addUnknown(3)
    expect(partial.unknown).toBe(7)
  })

  it('has the value of the window function over the same values, however they were split', () => {
    const bounded = fc.oneof(
      fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(1e9 + 1, 1e9 + 2, 1e9 + 3),
    )
    const exactNames = functionNames.filter((name) => names.includes(name))
    fc.assert(
      fc.property(fc.array(bounded, { minLength: 1, maxLength: 32 }), fc.nat(32), (values, cut) => {
        for (const name of [...exactNames, 'p90', 'p99.9']) {
          const wanted = valueOf(name, spanOf(values.map((value, i) => [i, value]))) as number
          const parts = [partialOf(name, [values.slice(0, cut)]), partialOf(name, values.slice(cut))]
          const found = merged(name, parts).finish().value as number
          const scale = name === 'stddev' || name === 'sum' || name === 'mean' ? Math.max(...values.map(Math.abs)) : 0
          expect(Math.abs(found - wanted), name).toBeLessThanOrEqual(
            1e-12 * scale * (name === 'stddev' ? 1e4 : 32) + 1e-150,
          )
        }
      }),
    )
  })

  it('adds without rounding: what is lost to a sum of doubles is not lost here', () => {
    expect(partialOf('sum', [1e16, 1, -1e16, 1e-20]).finish().value).toBe(1)
    expect(partialOf('sum', [1, 1e100, 1, -1e100]).finish().value).toBe(2)
    expect(
      partialOf(
        'sum',
        Array.from({ length: 10 }, () => 0.1),
      ).finish().value,
    ).toBe(1)
    expect(partialOf('stddev', [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]).finish().value).toBe(Math.sqrt(22.5))
  })

  it('is unknown by overflow from a value on that no sum can hold, in any order', () => {
    for (const name of ['sum', 'mean', 'stddev']) {
      for (const values of [
        [1.7e308, 1, -1.7e308],
        [1, 1.7e308],
      ])
        expect(partialOf(name, values).finish(), name).toEqual({ value: null, reason: 'overflow' })
    }
    expect(partialOf('stddev', [1e121]).finish().reason).toBe('overflow')
    expect(partialOf('max', [1.7e308, 1]).finish().value).toBe(1.7e308)
    expect(partialOf('count', [1.7e308, 1]).finish().value).toBe(2)
  })

  it('ranks inputs by value, then by tags, and keeps their tags', () => {
    const partial = partialFor('top3')
    partial.add(5, { host: 'b' })
    partial.add(9, { host: 'c' })
    partial.add(5, { host: 'a' })
    partial.add(5, { host: 'd' })
    partial.addPooled([1, 7, 2], { host: 'e' })
    expect(partial.finish()).toEqual({
      value: 9,
      entries: [
        { tags: { host: 'c' }, value: 9 },
        { tags: { host: 'e' }, value: 7 },
        { tags: { host: 'a' }, value: 5 },
      ],
    })
    const bottom = partialFor('bottom1')
    bottom.addPooled([4, 2, 3], { host: 'a' })
    expect(bottom.finish().entries).toEqual([{ tags: { host: 'a' }, value: 2 }])
  })

  it('counts the values up to each bound of a histogram', () => {
    const { value, entries } = partialOf('histogram(10, 50,90)', [[-5, 10, 10.5, 90, 91]]).finish()
    expect(value).toBe(5)
    expect(entries?.map(({ tags, value }) => [tags['le'], value])).toEqual([
      ['10', 2],
      ['50', 3],
      ['90', 4],
      ['+Inf', 5],
    ])
  })

  it('judges a quantifier over the inputs expected', () => {
    const judge = (kind: Quantifier, inputs: Input[], expected: number): unknown =>
      partialOf(kind, inputs).finish(expected)
    expect(judge({ kind: 'every' }, [1, 1], 2)).toEqual({ value: 1 })
    expect(judge({ kind: 'every' }, [1, 1], 3)).toEqual({ value: null, reason: 'undecided' })
    expect(judge({ kind: 'every' }, [1, 0, null], 3)).toEqual({ value: 0 })
    expect(judge({ kind: 'some' }, [0, null, 1], 9)).toEqual({ value: 1 })
    expect(judge({ kind: 'atLeastShare', percent: 50 }, [1, 0], 6)).toEqual({ value: null, reason: 'undecided' })
  })

  it('knows a mode of up to 1,000 different values, 10,000 exactly, and says when there were more', () => {
    const many = Array.from({ length: 1_001 }, (_, i) => i)
    expect(partialOf('mode', [[...many.slice(1), 7, 3]]).finish()).toEqual({ value: 3 })
    expect(partialOf('mode', [many, [3]]).finish()).toEqual({ value: null, reason: 'tooManyValues' })
    expect(partialOf('mode', [many, [7]], { exact: true }).finish()).toEqual({ value: 7 })
  })

  it.each([1_025, 5_000, 200_000])('estimates %i different values within four standard errors', (n) => {
    const half = Math.ceil(n / 2)
    const values = Array.from({ length: n }, (_, i) => i / 8 - 100)
    const parts = [values.slice(0, half + 100), values.slice(half), values.slice(0, 50)]
    const { value, relativeError } = merged(
      'distinct',
      parts.map((part) => partialOf('distinct', [part])),
    ).finish()
    expect(relativeError).toBeCloseTo(0.0313, 4)
    expect(Math.abs((value as number) / n - 1)).toBeLessThan(4 * 0.0313)
    if (n <= 10_000) expect(partialOf('distinct', [values], { exact: true }).finish()).toEqual({ value: n })
  })

  it('takes percentiles from all of 32 values, of 10,000 where exact, and from a sketch of more', () => {
    const values = Array.from({ length: 10_001 }, (_, i) => i + 1)
    expect(partialOf('median', [values.slice(0, 32)]).finish()).toEqual({ value: 16.5 })
    expect(partialOf('p90', [values.slice(0, 33)]).finish().relativeError).toBeCloseTo(0.01, 12)
    expect(partialOf('median', [values.slice(0, 10_000)], { exact: true }).finish()).toEqual({ value: 5_000.5 })
    const beyond = partialOf('median', [values], { exact: true }).finish()
    expect(beyond.relativeError).toBeCloseTo(0.01, 12)
    expect(Math.abs((beyond.value as number) / 5_001 - 1)).toBeLessThanOrEqual(0.01)
  })

  it('merges its own kind only, and not itself', () => {
    const mismatch = expect.objectContaining({ code: 'PARTIAL_MISMATCH' }) as Error
    expect(() => partialFor('mean').merge(partialFor('sum'))).toThrow(mismatch)
    expect(() => partialFor('p90').merge(partialFor('p95'))).toThrow(/found p95, expected p90/)
    expect(() => partialFor('p90').merge(partialFor('p90', { exact: true }))).toThrow(mismatch)
    expect(() => partialFor({ kind: 'every' }).merge(partialFor({ kind: 'some' }))).toThrow(mismatch)
    partialFor({ kind: 'atLeast', count: 3 }).merge(partialFor({ count: 3, kind: 'atLeast' }))
    partialFor('median').merge(partialFor('p50'))
    const one = partialFor('mean')
    expect(() => one.merge(one)).toThrow(RangeError)
  })

  it.each(['rate', 'first', 'last', 'delta', 'derivative', 'leastSquares'])('of %s does not exist', (name) => {
    expect(() => partialFor(name)).toThrow(expect.objectContaining({ code: 'FUNCTION_ORDERED' }))
    expect(() => partialFor(name)).toThrow(/to each series and reduce/)
  })

  it.each([
    'avg',
    'top0',
    'top101',
    'top',
    'p101',
    'histogram()',
    'histogram(1,)',
    'histogram(2,1)',
    'histogram(1,1)',
    'histogram(1e999)',
    'histogram(--1)',
    `histogram(${Array.from({ length: 101 }, (_, i) => i).join(',')})`,
    'toString',
  ])('of %s does not exist, and the error says which do', (name) => {
    expect(() => partialFor(name)).toThrow(expect.objectContaining({ code: 'FUNCTION_UNKNOWN' }))
    expect(() => partialFor(name)).toThrow(/expected one of count, sum/)
  })
})
