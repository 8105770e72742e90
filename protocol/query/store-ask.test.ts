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
  storeRepairSchema,
  storeSizesSchema,
} from './store-ask.ts'
import { dumpPageSchema } from './store-dump.ts'
import { formatPlace, isBehind, parsePlace, placeSchema } from './store-place.ts'
import { dumpLine, dumpTitles, repairText } from './store-text.ts'

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
      for (const schema of [storeSizesSchema, storeCheckSchema, storeRepairSchema, dumpPageSchema]) {
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

it('reads places back, and orders them by part, then key', () => {
  const place = fc.record({ part: fc.nat(9), key: fc.uint8Array({ minLength: 4, maxLength: 4 }) })
  fc.assert(
    fc.property(place, place, (a, b) => {
      const [left, right] = [formatPlace(a), formatPlace(b)]
      expect(placeSchema.parse(left)).toBe(left)
      expect(formatPlace(parsePlace(left))).toBe(left)
      expect(isBehind(left, right)).toBe(left > right)
    }),
  )
})

it('prints dumps and repairs in columns that no name can break out of', () => {
  const line = dumpLine({ kind: 'block', database: 'local', series: 'a\u001b[2J', firstMs: 0, samples: 3, bytes: 40 })
  expect(line).toContain('a?[2J')
  expect(line.indexOf('1970')).toBe(dumpTitles.indexOf('FIRST'))
  expect(line.indexOf('a?')).toBe(dumpTitles.indexOf('SERIES'))
  const repair = { rows: 1, blocks: 2, pages: 3, tierBlocks: 4, damaged: 2, put_aside: 1 }
  const damages = [{ kind: 'row', where: 'store/journal position 5', reason: 'checksum' }]
  expect(repairText({ cloud: 'home', host: 'web' }, { ...repair, damages }, false)).toBe(
    [
      'host: web',
      'cloud: home',
      'rows: 1',
      'blocks: 2',
      'pages: 3',
      'tierBlocks: 4',
      'damaged: 2',
      'put_aside: 1',
      'is_done: false',
      'damage: row store/journal position 5: checksum',
      'damage: 1 more',
      '',
    ].join('\n'),
  )
})
