import { expect, test } from 'vitest'
import * as z from 'zod'
import { parseParameters } from './parameters.ts'

const route = {
  parameters: z.object({ match: z.string().max(10), last: z.enum(['true', 'false']).optional() }),
}

test('parameters that fit come back as they are', () => {
  expect(parseParameters(route, { match: 'cpu.*', last: 'true' })).toEqual({ match: 'cpu.*', last: 'true' })
})

test.each<[string, object, string]>([
  ['a missing one', {}, 'change the parameter match: found nothing, expected text'],
  ['a repeated one', { match: ['a', 'b'] }, 'change the parameter match: found ["a","b"], expected text'],
  [
    'a word that is no choice',
    { match: 'a', last: 'maybe' },
    'change the parameter last: found "maybe", expected "true" or "false"',
  ],
  [
    'a long one',
    { match: 'a'.repeat(11) },
    'change the parameter match: found "aaaaaaaaaaa", expected at most 10 characters',
  ],
  [
    'an unknown one',
    { match: 'a', lsat: 'true' },
    'change the parameter lsat: found an unknown parameter, expected one of match, last',
  ],
])('%s is refused in our words', (_what, query, message) => {
  expect(() => parseParameters(route, query)).toThrow(expect.objectContaining({ code: 'QUERY_INVALID', message }))
})
