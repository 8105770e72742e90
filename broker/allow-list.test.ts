import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInside } from '#protocol/subjects/pattern.ts'
import { AllowList } from './allow-list.ts'

const token = fc.constantFrom('a', 'b', '_c', '*')
const pattern = fc
  .tuple(fc.array(token, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, rest]) => [...tokens, ...(rest ? ['>'] : [])].join('.'))

describe('an allow list', () => {
  it('agrees with the protocol on what lies inside a pattern', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), pattern, (list, text) => {
        expect(new AllowList(list).allows(text)).toBe(list.some((entry) => isInside(entry, text)))
      }),
    )
  })

  it('refuses everything when empty', () => {
    expect(new AllowList([]).allows('a')).toBe(false)
  })

  it('does not let a final star stand for more than one token', () => {
    const list = new AllowList(['foo.*'])
    expect(list.allows('foo.bar')).toBe(true)
    expect(list.allows('foo.>')).toBe(false)
    expect(list.allows('foo.bar.baz')).toBe(false)
  })
})
