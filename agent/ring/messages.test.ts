import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { crc32c } from '../store/block/crc32c.ts'
import { decodeMessage } from './message-decoder.ts'
import { encodeMessage } from './message-encoder.ts'
import { messageBytesMax } from './message-format.ts'
import { type RingMessage, refusals } from './ring-message.ts'

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const zone = fc.string({ maxLength: 20 })
const storeId = fc.stringMatching(/^[!-~]{1,64}$/)
const bytes = fc.uint8Array({ maxLength: 200 })
const ranges = fc.array(fc.tuple(fc.nat(1e9), fc.nat(1e6)), { maxLength: 8 }).map((pairs) => {
  let next = 0
  return pairs.map(([gap, more]) => {
    const from = next + gap + 1
    next = from + more + 1
    return { from, to: from + more }
  })
})
const lane = fc.record({ storeId, start: count, ranges, floor: count })
const lanes = fc
  .uniqueArray(lane, { maxLength: 4, selector: ({ start }) => start })
  .map((list) => list.sort((a, b) => b.start - a.start))
const age = fc.oneof(fc.constant(-1), fc.nat())
const row = fc.record({ host: token, session: count, zone, heardAgoMs: age, silentAgoMs: age, hasLeft: fc.boolean() })
const span = { storeId, start: count, from: count, to: count }
const position = fc.integer({ min: 1, max: 1000 })
const run = { storeId, start: count, from: position, to: fc.integer({ min: 1000, max: 60_000 }) }

const message: fc.Arbitrary<RingMessage> = fc.oneof(
  fc.record({ verb: fc.constant('hello' as const), id: count, storeId, start: count, zone }),
  fc.record({
    verb: fc.constant('welcome' as const),
    id: count,
    start: count,
    knownStart: count,
    knownAgoMs: age,
    lanes,
    names: count,
    version: count,
  }),
  fc.record({ verb: fc.constant('names' as const), storeId, start: count, firstId: count, count, entries: bytes }),
  fc.record({
    verb: fc.constant('append' as const),
    ...run,
    owner: token,
    zone,
    ownerStart: count,
    idsTo: count,
    rows: bytes,
  }),
  fc.record({
    verb: fc.constant('ack' as const),
    storeId,
    start: count,
    ranges,
    floor: count,
    names: count,
    version: count,
  }),
  fc.record({
    verb: fc.constant('refuse' as const),
    ...span,
    reason: fc.constantFrom(...refusals),
    knownStart: count,
    knownAgoMs: age,
    names: count,
  }),
  fc.record({
    verb: fc.constant('withdraw' as const),
    storeId,
    start: count,
    ranges,
    floor: count,
    id: count,
    version: count,
  }),
  fc.record({ verb: fc.constant('withdrawn' as const), id: count }),
  fc.record({
    verb: fc.constant('offer' as const),
    owner: token,
    zone,
    ownerStart: count,
    lanes,
    keeps: fc.boolean(),
    isReply: fc.boolean(),
  }),
  fc.record({ verb: fc.constant('fetch' as const), id: count, owner: token, ...span, names: count }),
  fc.record({
    verb: fc.constant('rows' as const),
    id: count,
    owner: token,
    ...run,
    idsTo: count,
    rows: bytes,
    firstId: count,
    count,
    entries: bytes,
  }),
  fc.record({ verb: fc.constant('gossip' as const), asks: fc.boolean(), rows: fc.array(row, { maxLength: 5 }) }),
)

function reasonFor(body: Uint8Array): unknown {
  try {
    return decodeMessage(body).verb
  } catch (error) {
    return isLanistaError(error, 'RING_MESSAGE_INVALID') ? error.data['reason'] : error
  }
}

/** Makes the checksum right again after a change. */
function sealed(body: Uint8Array): Uint8Array {
  const copy = body.slice()
  new DataView(copy.buffer).setUint32(2, crc32c(copy, 6, copy.length, crc32c(copy, 0, 2)), true)
  return copy
}

describe('ring messages', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  test('are refused by reason when a bit is wrong', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(7), (sent, at, bit) => {
        const body = encodeMessage(sent).slice()
        body[at % body.length] = (body[at % body.length] as number) ^ (1 << bit)
        expect(['checksum', 'version']).toContain(reasonFor(body))
      }),
    )
  })

  test('are refused when they are too big, of another version, or no message at all', () => {
    expect(reasonFor(new Uint8Array(messageBytesMax + 1))).toBe('size')
    expect(reasonFor(new Uint8Array(0))).toBe('shape')
    const body = encodeMessage({ verb: 'withdrawn', id: 1 })
    expect(reasonFor(sealed(Uint8Array.of(2, ...body.subarray(1))))).toBe('version')
    expect(reasonFor(sealed(Uint8Array.of(1, 99, ...body.subarray(2))))).toBe('shape')
    expect(reasonFor(sealed(Uint8Array.of(1, 0, ...body.subarray(2))))).toBe('shape')
  })

  test('are a message or refused, whatever the bytes, with a right checksum too', () => {
    const verbs = new Set(['shape', 'checksum', 'version'])
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 7, maxLength: 60 }), message, fc.nat(), (bytes, sent, cut) => {
        bytes[0] = 1
        bytes[1] = (bytes[1] as number) % 12
        const body = encodeMessage(sent)
        for (const hostile of [sealed(bytes), sealed(body.slice(0, 7 + (cut % body.length)))]) {
          const outcome = reasonFor(hostile)
          expect(typeof outcome).toBe('string')
          if (!verbs.has(outcome as string)) expect(decodeMessage(hostile).verb).toBe(outcome)
        }
      }),
    )
  })

  test('are refused when rows claim no positions, or more than a batch can have', () => {
    const rows = { storeId: 's', start: 1, owner: 'o', zone: '', ownerStart: 1, idsTo: 0, rows: new Uint8Array(1) }
    for (const [from, to] of [
      [0, 5],
      [6, 5],
      [1, 65_537],
    ] as const) {
      expect(reasonFor(encodeMessage({ verb: 'append', ...rows, from, to }))).toBe('shape')
    }
    expect(reasonFor(encodeMessage({ verb: 'append', ...rows, from: 1, to: 65_536 }))).toBe('append')
  })

  test('leave the oldest ranges out when there are too many', () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ from: i * 2 + 1, to: i * 2 + 1 }))
    const held = decodeMessage(
      encodeMessage({ verb: 'ack', storeId: 's', start: 1, ranges: many, floor: 0, names: 0, version: 1 }),
    )
    expect(held.verb === 'ack' && held.ranges).toEqual(many.slice(-4096))
  })
})
