import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { decodePage, encodePage } from './dictionary-page.ts'

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((text) => text.replaceAll(/\s/g, '_'))
const entry = fc.oneof(
  word.map((name) => ({ name })),
  fc.tuple(word, word).map(([name, unit]) => ({ name, unit })),
)

test('a page gives back its entries', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 200 }), (entries) => {
      expect(decodePage(encodePage(entries))).toEqual(entries)
    }),
  )
})

test('a damaged page is refused', () => {
  const page = encodePage([{ name: 'cpu.usage', unit: 'percent' }])
  for (let at = 0; at < page.length; at++) {
    const flipped = page.slice()
    flipped[at] = (page[at] as number) ^ 1
    expect(code(() => decodePage(flipped))).toBe('DICTIONARY_PAGE_CORRUPT')
    expect(code(() => decodePage(page.subarray(0, at)))).toBe('DICTIONARY_PAGE_CORRUPT')
  }
})

function code(action: () => unknown): string {
  try {
    action()
    return 'none'
  } catch (error) {
    return isLanistaError(error) ? error.code : String(error)
  }
}
