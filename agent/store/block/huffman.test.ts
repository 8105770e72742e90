import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SYMBOLS } from './alphabet.ts'
import { CODE_BITS_MAX, HuffmanCodes } from './huffman.ts'

const huffman = new HuffmanCodes()

/** Histograms whose tree is as deep as can be: each weight is the sum of all before it. */
function fibonacci(symbols: number): number[] {
  const weights = [1, 1]
  while (weights.length < symbols) weights.push((weights.at(-1) as number) + (weights.at(-2) as number))
  return weights.slice(0, symbols)
}

const histograms = fc.oneof(
  fc.array(fc.nat(1000), { minLength: 1, maxLength: SYMBOLS }),
  fc.integer({ min: 2, max: 40 }).map(fibonacci),
  fc.integer({ min: 2, max: 40 }).map((symbols) => fibonacci(symbols).reverse()),
)

function build(weights: readonly number[]): number {
  const histogram = new Uint32Array(SYMBOLS)
  histogram.set(weights)
  return huffman.build(histogram)
}

test('codes are complete, short enough, and only for symbols that occur', () => {
  fc.assert(
    fc.property(histograms, (weights) => {
      const used = build(weights)
      expect(used).toBe(weights.filter((weight) => weight > 0).length)
      const lengths = [...huffman.lengths]
      const room = lengths.reduce((sum, length) => sum + (length === 0 ? 0 : 2 ** -length), 0)
      expect(room).toBe(used < 2 ? 0 : 1)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(CODE_BITS_MAX)
      if (used > 1) expect(lengths.map((length) => length > 0)).toEqual(lengths.map((_, i) => (weights[i] ?? 0) > 0))
    }),
  )
})

test('no code begins with another', () => {
  fc.assert(
    fc.property(histograms, (weights) => {
      build(weights)
      const codes = [...huffman.lengths].flatMap((length, symbol) =>
        length === 0
          ? []
          : [(huffman.codes[symbol] as number).toString(2).padStart(length, '0').split('').reverse().join('')],
      )
      for (const code of codes) expect(codes.filter((other) => other.startsWith(code))).toEqual([code])
    }),
  )
})

test('a heavier symbol never has the longer code', () => {
  fc.assert(
    fc.property(histograms, (weights) => {
      if (build(weights) < 2) return
      const used = weights.flatMap((weight, i) =>
        weight > 0 ? [{ weight, length: huffman.lengths[i] as number }] : [],
      )
      used.sort((a, b) => a.weight - b.weight || b.length - a.length)
      used.forEach(({ length }, i) => expect(length).toBeLessThanOrEqual(used[i - 1]?.length ?? CODE_BITS_MAX))
    }),
  )
})
