import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Quantifier } from '#protocol/monitors/model.ts'
import { and, not, numberOf, or, quantify, type Truth, truthOf, xor } from './truth.ts'

const T = true
const F = false
const U = null

describe('three-valued logic', () => {
  it.each<[Truth, Truth, Truth, Truth, Truth]>([
    // a, b, and, or, xor
    [T, T, T, T, F],
    [T, F, F, T, T],
    [T, U, U, T, U],
    [F, T, F, T, T],
    [F, F, F, F, F],
    [F, U, F, U, U],
    [U, T, U, T, U],
    [U, F, F, U, U],
    [U, U, U, U, U],
  ])('of %s and %s: and %s, or %s, xor %s', (a, b, both, either, one) => {
    expect([and([a, b]), or([a, b]), xor([a, b])]).toEqual([both, either, one])
  })

  it('negates, and leaves the unknown unknown', () => {
    expect([T, F, U].map(not)).toEqual([F, T, U])
  })

  it('of nothing is unknown, of one is that one', () => {
    for (const of of [and, or, xor]) {
      expect(of([])).toBeNull()
      for (const one of [T, F, U]) expect(of([one])).toBe(one)
    }
  })

  it('of many goes from left to right', () => {
    expect(xor([T, T, T])).toBe(T)
    expect(xor([T, T, F])).toBe(F)
    expect(and([T, U, F])).toBe(F)
    expect(or([F, U, T])).toBe(T)
  })

  it('keeps what it said once unknowns become known', () => {
    const truth = fc.constantFrom<Truth>(T, F, U)
    fc.assert(
      fc.property(fc.array(fc.tuple(truth, fc.boolean()), { maxLength: 8 }), (pairs) => {
        const before = pairs.map(([value]) => value)
        const after = pairs.map(([value, known]) => value ?? known)
        for (const of of [and, or, xor]) {
          const said = of(before)
          if (said !== null) expect(of(after)).toBe(said)
        }
      }),
    )
  })

  it('is carried as 1, 0 and unknown', () => {
    expect([T, F, U].map(numberOf)).toEqual([1, 0, null])
    expect([1, 0, null, -0.5].map(truthOf)).toEqual([T, F, U, T])
  })
})

describe('quantify', () => {
  const every: Quantifier = { kind: 'every' }
  const some: Quantifier = { kind: 'some' }
  const three: Quantifier = { kind: 'atLeast', count: 3 }
  const half: Quantifier = { kind: 'atLeastShare', percent: 50 }

  it.each<[Quantifier, number, number, number, number, Truth]>([
    // quantifier, yes, no, unknown, expected, answer
    [every, 3, 0, 0, 3, T],
    [every, 2, 1, 0, 3, F],
    [every, 2, 0, 1, 3, U],
    [every, 2, 0, 0, 3, U],
    [every, 1, 1, 1, 9, F],
    [some, 0, 3, 0, 3, F],
    [some, 0, 2, 1, 3, U],
    [some, 0, 2, 0, 3, U],
    [some, 1, 0, 2, 3, T],
    [three, 3, 0, 5, 8, T],
    [three, 2, 0, 1, 3, U],
    [three, 2, 5, 0, 7, F],
    [three, 2, 5, 0, 8, U],
    [three, 2, 0, 0, 2, F],
    [half, 2, 2, 0, 4, T],
    [half, 2, 3, 0, 5, F],
    [half, 2, 2, 0, 5, U],
    [half, 0, 0, 4, 4, U],
    [{ kind: 'atLeastShare', percent: 7 }, 7, 93, 0, 100, T],
    [{ kind: 'atLeastShare', percent: 7.1 }, 7, 93, 0, 100, F],
    [{ kind: 'atLeastShare', percent: 0 }, 0, 5, 0, 5, F],
    [{ kind: 'atLeastShare', percent: 100 }, 5, 0, 0, 5, T],
  ])('%o of %i yes, %i no, %i unknown, %i expected: %s', (quantifier, yes, no, unknown, expected, answer) => {
    expect(quantify(quantifier, { yes, no, unknown, expected })).toBe(answer)
  })

  it('of an empty set is unknown', () => {
    for (const quantifier of [every, some, three, half])
      expect(quantify(quantifier, { yes: 0, no: 0, unknown: 0, expected: 0 })).toBeNull()
  })

  const quantifier = fc.oneof(
    fc.constantFrom(every, some),
    fc.integer({ min: 1, max: 12 }).map((count): Quantifier => ({ kind: 'atLeast', count })),
    fc.integer({ min: 0, max: 100 }).map((percent): Quantifier => ({ kind: 'atLeastShare', percent })),
  )

  it('keeps what it said whatever the unknowns and the missing turn out to be, and always knows in the end', () => {
    const some20 = fc.nat(20)
    fc.assert(
      fc.property(quantifier, some20, some20, some20, some20, fc.nat(40), (q, yes, no, unknown, missing, more) => {
        const expected = yes + no + unknown + missing
        fc.pre(expected > 0)
        const said = quantify(q, { yes, no, unknown, expected })
        const open = unknown + missing
        const turned = Math.min(open, more)
        const after = quantify(q, { yes: yes + turned, no: no + open - turned, unknown: 0, expected })
        expect(after).not.toBeNull()
        if (said !== null) expect(after).toBe(said)
      }),
    )
  })

  it('is unknown only where the unknowns could decide either way', () => {
    fc.assert(
      fc.property(quantifier, fc.nat(9), fc.nat(9), fc.nat(9), (q, yes, no, unknown) => {
        fc.pre(yes + no + unknown > 0)
        const expected = yes + no + unknown
        const best = quantify(q, { yes: yes + unknown, no, unknown: 0, expected })
        const worst = quantify(q, { yes, no: no + unknown, unknown: 0, expected })
        expect(quantify(q, { yes, no, unknown, expected })).toBe(best === worst ? best : null)
      }),
    )
  })

  it('agrees with and, or over the same truths', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<Truth>(T, F, U), { maxLength: 9 }), (truths) => {
        const count = (of: Truth): number => truths.filter((truth) => truth === of).length
        const counts = { yes: count(T), no: count(F), unknown: count(U), expected: truths.length }
        expect(quantify(every, counts)).toBe(and(truths))
        expect(quantify(some, counts)).toBe(or(truths))
      }),
    )
  })
})
