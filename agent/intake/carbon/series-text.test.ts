import { describe, expect, test } from 'vitest'
import { seriesText } from './series-text.ts'

describe('a name field', () => {
  test.each([
    ['a.b', 'a.b'],
    ['..a..b.', 'a.b'],
    ['m;b=2;a=1', 'm;a=1;b=2'],
    ['k=a;k=_', 'k=a;k=_'],
    ['m;k=a;k=_;k2=3;k=0;k=42', 'm;k2=3;k=42'],
    ['m;name=other;k=v', 'm;k=v'],
    ['m{k="v",a="1"}', 'm;a=1;k=v'],
    ['m{k="a\\"b\\\\c"}', 'm;k=a"b\\c'],
    ['m{}', 'm{}'],
  ])('%s is the series %s', (raw, canonical) => {
    expect(seriesText(raw)).toEqual({ canonical })
  })

  test.each([
    ['', 'name'],
    ['~~', 'name'],
    ['~~;k=v', 'name'],
    [';k=v', 'name'],
    ['{k="v"}', 'name'],
    ['m;k', 'tag'],
    ['m;k=~v', 'tag'],
    ['m{k=v"}', 'tag'],
    ['m{k="a;b"}', 'tag'],
    ['m{k="v" x="y"}', 'tag'],
  ] as const)('%j is refused as %s', (raw, fault) => {
    expect(seriesText(raw)).toEqual({ fault })
  })

  test('with an application has it as a tag, whatever the client says', () => {
    expect(seriesText('m;application=x;k=v', 'shop')).toEqual({ canonical: 'm;application=shop;k=v' })
  })
})
