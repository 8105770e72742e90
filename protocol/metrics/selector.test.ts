import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileSelector } from './selector.ts'
import { parseCanonical } from './series.ts'

function selects(selector: string, series: string): boolean {
  return compileSelector(selector)(parseCanonical(series))
}

describe('a selector', () => {
  it.each([
    ['cpu.usage', 'cpu.usage', true],
    ['cpu.usage', 'cpu.usage;core=1', true],
    ['cpu.usage', 'cpu.usage2', false],
    ['cpu.*', 'cpu.usage', true],
    ['cpu.*', 'cpu.usage.user', false],
    ['*', 'cpu.usage', false],
    ['*.*', 'cpu.usage', true],
    ['cpu.us*e', 'cpu.usage', true],
    ['cpu.u*a*e', 'cpu.usage', true],
    ['cpu.u*x*e', 'cpu.usage', false],
    ['cpu.usag?', 'cpu.usage', true],
    ['cpu.usage?', 'cpu.usage', false],
    ['gr??e.?', 'größe.π', true],
    ['cpu.cpu[0-3]', 'cpu.cpu2', true],
    ['cpu.cpu[0-3]', 'cpu.cpu4', false],
    ['cpu.cpu[!0-3]', 'cpu.cpu4', true],
    ['cpu.cpu[0-3].user', 'cpu.cpu2.user', true],
    ['cpu.[a-]x', 'cpu.-x', true],
    ['{cpu,mem}.{used,free}*', 'mem.free_bytes', true],
    ['{cpu,mem}.{used,free}*', 'disk.free_bytes', false],
    ['a{,b}.c', 'a.c', true],
    ['a.b(c)+', 'a.b(c)+', true],
    ['m;k=v', 'm;k=v', true],
    ['m;k=v', 'm;j=1;k=v', true],
    ['m;k=v', 'm', false],
    ['m;k=a=b', 'm;k=a=b', true],
    ['m;k!=v', 'm;k=w', true],
    ['m;k!=v', 'm', true],
    ['m;k=', 'm', true],
    ['m;k=', 'm;k=v', false],
    ['m;k!=', 'm;k=v', true],
    ['m;k!=', 'm', false],
    ['m;k=~we', 'm;k=web', true],
    ['m;k=~eb', 'm;k=web', false],
    ['m;k=~(web|db)$', 'm;k=web1', false],
    ['m;k=~a|web', 'm;k=web', true],
    ['m;k!=~web', 'm;k=db', true],
    ['m;k!=~web', 'm', true],
    ['m;k=~', 'm', true],
    ['m;constructor=', 'm', true],
    [';k=v', 'any.name;k=v', true],
    [';name=~cpu', 'cpu.usage', true],
    [';name=~cpu', 'mem.used', false],
  ])('%s on %s: %s', (selector, series, expected) => expect(selects(selector, series)).toBe(expected))

  it.each([
    '',
    'a..b',
    '.a',
    'a.',
    'a[',
    'a]',
    'a[]',
    'a[z-a]',
    'a{b',
    'a}b{',
    'a.{b.c,d}',
    'a{b,{c,d}}',
    `a${'{a,b}'.repeat(7)}`,
    'x'.repeat(1_025),
    'm;k',
    'm;=v',
    'm;!=v',
    'm;',
    ';k!=v',
    ';k=~.*',
    `m${';k=v'.repeat(33)}`,
    'm;k=~(',
    'm;k=~(a+)+$',
    'm;k=~(a|a)*$',
    'm;k=~((a{2,})b){3,}',
    'm;k=~a*a*a*a*b',
    'm;k=~[^](a+)+]',
    `m;k=~${'a?'.repeat(40)}`,
    `m;k=~${'(a|a)'.repeat(40)}`,
    'm;k=~(a?){30}',
    'm;k=~(a)\\1',
    'm;k=~(?=a)',
    `m;k=~${'a'.repeat(257)}`,
  ])('refuses %s', (selector) => {
    expect(() => compileSelector(selector)).toThrow(expect.objectContaining({ code: 'SELECTOR_INVALID' }))
  })

  it('takes what ordinary regular expressions need', () => {
    for (const regex of [
      'web-[0-9]+$',
      '(web|db|cache)-\\d+$',
      '[*+(]x',
      '[(?=]',
      'a\\\\1',
      'a\\(b\\)+',
      '^web$',
      '(?:eu|us)-(?:west|east)-[123]$',
    ]) {
      expect(() => compileSelector(`m;k=~${regex}`)).not.toThrow()
    }
  })

  it('agrees on globs with the regular expression that says the same', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]', '{a,bb}', '{,c}', 'c')
    const glob = fc.array(fc.array(piece, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 })
    const part = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 })
    const regexOf: Readonly<Record<string, string>> = {
      '*': '[^.]*',
      '?': '[^.]',
      '[!a]': '[^a.]',
      '{a,bb}': '(?:a|bb)',
      '{,c}': '(?:|c)',
    }
    fc.assert(
      fc.property(glob, fc.array(part, { minLength: 1, maxLength: 3 }), (parts, name) => {
        const regex = new RegExp(`^${parts.map((pieces) => pieces.map((p) => regexOf[p] ?? p).join('')).join('\\.')}$`)
        const text = parts.map((pieces) => pieces.join('')).join('.')
        expect(selects(text, name.join('.'))).toBe(regex.test(name.join('.')))
      }),
      { numRuns: 2_000 },
    )
  })

  it('gives a matcher or SELECTOR_INVALID for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.*?[]{},;=!~^\\()+|-'.split('')) }), (text) => {
        try {
          compileSelector(text)({ name: 'a.b', tags: { a: 'b' } })
        } catch (error) {
          expect(error).toMatchObject({ code: 'SELECTOR_INVALID' })
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
