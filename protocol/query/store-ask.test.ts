import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type * as z from 'zod/mini'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { encodeJsonAnswer, encodeRefusal, parseJsonAnswer } from './answer.ts'
import {
  addSizes,
  encodeStoreAsk,
  parseStoreAsk,
  type StoreSizes,
  storeCheckSchema,
  storeSizesSchema,
} from './store-ask.ts'

const count = fc.nat()
const sizes: fc.Arbitrary<StoreSizes> = fc.record({
  series: count,
  points: count,
  bytes: count,
  bytes_per_point: count,
  areas: fc.dictionary(
    fc.constantFrom('local', 'shared'),
    fc.record({ points: count, bytes: count, bytes_max: count }),
  ),
  tiers: fc.dictionary(fc.constantFrom('10m', '1h'), fc.record({ points: count, bytes: count })),
})

it('reads back what was asked and answered', () => {
  expect(parseStoreAsk(encodeStoreAsk({ what: 'check', deadlineMs: 5 }))).toEqual({ what: 'check', deadlineMs: 5 })
  fc.assert(
    fc.property(sizes, (value) => {
      expect(parseJsonAnswer(encodeJsonAnswer(value), storeSizesSchema, 'report')).toEqual({ ...value })
    }),
  )
})

it('gives a typed error for any other bytes', () => {
  const json = fc.json().map((text) => Buffer.from(text))
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 100 }), json)
  const answer = bytes.map((body) => Buffer.concat([Uint8Array.of(1, 2), body]))
  fc.assert(
    fc.property(bytes, fc.oneof(bytes, answer), (ask, body) => {
      expect(() => parseStoreAsk(ask)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
      for (const schema of [storeSizesSchema, storeCheckSchema]) {
        try {
          parseJsonAnswer(body, schema as z.ZodMiniType<unknown>, 'answer')
          expect.unreachable()
        } catch (error) {
          expect(isLanistaError(error)).toBe(true)
        }
      }
    }),
  )
})

it('refuses a page where JSON was asked for, and passes a refusal on', () => {
  expect(() => parseJsonAnswer(Uint8Array.of(1, 0, 0), storeSizesSchema, 'report')).toThrow(
    expect.objectContaining({ code: 'PAGE_INVALID' }),
  )
  const refusal = encodeRefusal(new LanistaError('BUSY', 'later'))
  expect(() => parseJsonAnswer(refusal, storeSizesSchema, 'report')).toThrow(expect.objectContaining({ code: 'BUSY' }))
})

it('adds sizes in any order to the same', () => {
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 5 }), (all) => {
      expect(addSizes([...all].reverse())).toEqual(addSizes(all))
      expect(addSizes(all).points).toBe(all.reduce((sum, { points }) => sum + points, 0))
    }),
  )
})
