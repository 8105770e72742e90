import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalName, formatSeries, parseCanonical, parseSeries, tagCountMax } from './series.ts'

interface CarbonCase {
  readonly line: string
  readonly expect?: { readonly name: string; readonly tags: Record<string, string> }
  readonly reject?: string
}

const { cases } = JSON.parse(
  readFileSync(`${process.env['SHARED_DIR'] ?? '../shared'}/vectors/carbon-lines.json`, 'utf8'),
) as { cases: CarbonCase[] }

/** Cases about names: three fields, and either accepted or refused for the name's sake. */
const named = cases.flatMap(({ line, expect, reject }) => {
  const fields = line.trim().split(/[ \t]+/)
  const path = fields[0] as string
  if (fields.length !== 3 || !(expect ?? (reject === 'name' || reject === 'tag'))) return []
  return [[path, expect ? { name: expect.name, tags: expect.tags } : (reject as string)] as const]
})

describe('a series as clients write it', () => {
  it.each(named)('%j', (path, wanted) => expect(parseSeries(path)).toEqual(wanted))

  it.each([
    ['m;name=x;k=v', { name: 'm', tags: { k: 'v' } }],
    ['m;k=~', 'tag'],
    ['m;k=a~b', { name: 'm', tags: { k: 'a~b' } }],
    ['~', 'name'],
    ['~m', { name: '~m', tags: {} }],
    ['', 'name'],
    ['m;', 'tag'],
    ['m;k=a b', 'tag'],
    ['m;k\t=v', 'tag'],
    ['a b', 'name'],
    ['x'.repeat(513), 'name'],
    [`m${Array.from({ length: tagCountMax + 1 }, (_, i) => `;k${i}=v`).join('')}`, 'tag'],
  ])('%j', (path, wanted) => expect(parseSeries(path)).toEqual(wanted))

  it('keeps a tag named __proto__ as a tag', () => {
    expect(formatSeries(parseCanonical('m;__proto__=v'))).toBe('m;__proto__=v')
  })

  it.each([
    ['a..b', 'a.b'],
    ['.a.b.', 'a.b'],
    ['..a...b..', 'a.b'],
    ['...', undefined],
    ['a b', undefined],
  ])('collapses the dots of %j', (raw, name) => expect(canonicalName(raw)).toBe(name))
})

describe('the canonical text', () => {
  it.each([
    ['m;k=a;k=_;k2=3;k=0;k=42', 'm;k2=3;k=42'],
    ['m;b=2;a=1', 'm;a=1;b=2'],
    ['m;ab=1;a-b=2;a=3', 'm;a-b=2;a=3;ab=1'],
    ['m;\u{1F600}=1;\uFF5E=2', 'm;\uFF5E=2;\u{1F600}=1'],
    ['..m..x;k=v', 'm.x;k=v'],
  ])('of %s is %s', (raw, canonical) => {
    const series = parseSeries(raw)
    expect(typeof series === 'string' ? series : formatSeries(series)).toBe(canonical)
  })

  it('does not depend on the order of the tags, and is parsed back into the same series', () => {
    const word = fc.string({ unit: fc.constantFrom(...'ab01=-_é'.split('')), minLength: 1, maxLength: 6 })
    const key = word.filter((text) => !text.includes('=') && text !== 'name')
    const tags = fc.uniqueArray(fc.tuple(key, word), { selector: ([k]) => k, maxLength: 6 })
    fc.assert(
      fc.property(tags, fc.nat(), (tags, turn) => {
        const turned = tags.map((_, i) => tags[(i + turn) % tags.length] as [string, string])
        const textOf = (list: readonly (readonly [string, string])[]): string =>
          formatSeries(parseCanonical(`m.x${list.map(([k, v]) => `;${k}=${v}`).join('')}`))
        expect(textOf(turned)).toBe(textOf(tags))
        const series = parseCanonical(textOf(tags))
        expect(series.name).toBe('m.x')
        expect({ ...series.tags }).toEqual(Object.fromEntries(tags))
        expect(formatSeries(series)).toBe(textOf(tags))
      }),
    )
  })

  it('is refused with a clear error when it names no series', () => {
    expect(() => parseCanonical(';k=v')).toThrow(expect.objectContaining({ code: 'SERIES_INVALID' }))
  })
})
