import { describe, expect, it } from 'vitest'
import { z as full } from 'zod'
import * as z from 'zod/mini'
import { expectedOf, showValue } from './schema-words.ts'

function words(schema: z.core.$ZodType, value: unknown): string {
  const result = z.safeParse(schema, value)
  const issue = result.error?.issues[0]
  return issue ? expectedOf(issue) : 'accepted'
}

describe('expectedOf', () => {
  it.each([
    [z.string(), 5, 'text'],
    [full.string(), 5, 'text'],
    [z.int(), 1.5, 'a whole number'],
    [full.int(), 1.5, 'a whole number'],
    [z.number().check(z.minimum(3)), 2, 'at least 3'],
    [full.number().gt(3), 3, 'more than 3'],
    [z.string().check(z.maxLength(2)), 'abc', 'at most 2 characters'],
    [z.array(z.string()).check(z.minLength(1)), [], 'at least 1 elements'],
    [z.enum(['a', 'b']), 'c', '"a" or "b"'],
    [full.union([full.literal('all'), full.array(full.string())]), 3, '"all" or a list'],
    [z.string().check(z.regex(/^a$/)), 'b', 'text in the form /^a$/'],
    [z.string().check(z.regex(/^a$/, 'expected the letter a')), 'b', 'the letter a'],
    [z.string().check(z.refine(() => false, 'expected better')), 'b', 'better'],
    [z.number().check(z.multipleOf(5)), 3, 'a multiple of 5'],
    [z.record(z.string().check(z.maxLength(1)), z.string()), { ab: '' }, 'at most 1 characters'],
  ])('says it the same for both forms of zod (%#)', (schema, value, expected) =>
    expect(words(schema, value)).toBe(expected),
  )

  it('shows values short', () => {
    expect(showValue(undefined)).toBe('nothing')
    expect(showValue({ a: [1] })).toBe('{"a":[1]}')
    expect(showValue('x'.repeat(200))).toHaveLength(80)
  })
})
