import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { ed25519ForTests } from './ed25519-for-tests.ts'
import { decodeOrder } from './envelope-decoder.ts'
import { encodeOrder } from './envelope-encoder.ts'
import {
  allowsVerb,
  isOrderId,
  lifetimeMsMax,
  newOrderId,
  type Order,
  orderBodyBytesMax,
  parseOrderKey,
} from './order.ts'

const { sign, verify } = ed25519ForTests(1)

const order: Order = {
  id: 'ord-AAAAAAAAAAAAAAAAAAAAAA',
  target: 'default.home.web-1',
  journal: 'journal-1',
  session: 1_790_000_000,
  verb: 'sensors-configure',
  key: 'sensors',
  generation: 1_790_000_000_001,
  issuedMs: 1_790_000_000_000,
  expiresMs: 1_790_000_060_000,
  keepUntilMs: 1_790_000_090_000,
  sentMs: 1_790_000_000_500,
  body: '{"sensors":[],"unit":"°C"}',
}

function codeOf(bytes: Uint8Array, check = verify): string | undefined {
  try {
    decodeOrder(bytes, check)
    return undefined
  } catch (error) {
    return isLanistaError(error) ? error.code : String(error)
  }
}

describe('an order as one message', () => {
  it('comes back as it was', () => {
    expect(decodeOrder(encodeOrder(order, sign), verify)).toEqual(order)
  })

  it('has the same bytes each time, and those of version 1 for ever', () => {
    const kept = readFileSync(new URL('./fixtures/order-1.txt', import.meta.url), 'utf8').trim()
    expect(Buffer.from(encodeOrder(order, sign)).toString('base64url')).toBe(kept)
    expect(decodeOrder(Buffer.from(kept, 'base64url'), verify)).toEqual(order)
  })

  it('is refused whatever single bit of it is changed', () => {
    const bytes = encodeOrder(order, sign)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(codeOf(changed)).toMatch(/^ORDER_(INVALID|UNSIGNED)$/)
    }
  })

  it('is refused when another key signed it', () => {
    expect(codeOf(encodeOrder(order, ed25519ForTests(2).sign))).toBe('ORDER_UNSIGNED')
  })

  it.each<[string, Partial<Order>]>([
    ['no lifetime', { expiresMs: order.issuedMs }],
    ['a longer lifetime than any order has', { expiresMs: order.issuedMs + lifetimeMsMax + 1 }],
    ['a journal that forgets before the end', { keepUntilMs: order.expiresMs - 1 }],
    ['no id of an order', { id: 'q1' }],
    ['a verb of two tokens', { verb: 'a.b' }],
    ['a key with spaces', { key: 'a b' }],
    ['no generation', { generation: 0 }],
  ])('is refused with %s', (_name, change) => {
    expect(codeOf(encodeOrder({ ...order, ...change }, sign))).toBe('ORDER_INVALID')
  })

  it('cannot be made with too large a body', () => {
    const body = 'x'.repeat(orderBodyBytesMax + 1)
    expect(() => encodeOrder({ ...order, body }, sign)).toThrow(expect.objectContaining({ code: 'ORDER_INVALID' }))
  })

  it('is an order or a clear error, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(codeOf(Uint8Array.of(1, ...bytes))).toMatch(/^ORDER_/)
        expect(codeOf(Uint8Array.of(1, ...bytes), () => true)).toMatch(/^ORDER_INVALID/)
      }),
    )
  })
})

describe('ids, keys and verbs', () => {
  it('knows the ids it makes', () => {
    expect(isOrderId(newOrderId())).toBe(true)
    expect(newOrderId()).not.toBe(newOrderId())
    expect(isOrderId('q12')).toBe(false)
  })

  it('refuses keys that cannot be shown', () => {
    expect(parseOrderKey('instance/shop.web.1')).toBe('instance/shop.web.1')
    expect(() => parseOrderKey('a\n')).toThrow(expect.objectContaining({ code: 'ORDER_INVALID' }))
  })

  it.each([
    [['ping'], 'ping', true],
    [['instance-*'], 'instance-start', true],
    [['instance-*'], 'instances', false],
    [['*'], 'leave', true],
    [[], 'ping', false],
  ])('%j allows %s: %s', (patterns, verb, isAllowed) => {
    expect(allowsVerb(patterns, verb)).toBe(isAllowed)
  })
})
