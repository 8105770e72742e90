import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { partialFor } from '#protocol/aggregation/partial.ts'
import type { GroupPartial } from './gather.ts'
import { decodePartialMessage } from './partial-message-decoder.ts'
import { encodePartialMessage } from './partial-message-encoder.ts'
import type { PartialMessage } from './partial-message-format.ts'

function messageOf(functionName: string, values: readonly number[], groups = 1): PartialMessage {
  return {
    hash: '0123456789ab',
    windowEndMs: 1_764_000_000_000,
    session: 1_764_000_001,
    by: 'a-1',
    revision: 2,
    counted: 3,
    wanted: 4,
    isQuiet: false,
    groups: Array.from({ length: groups }, (_, i) => {
      const partial = partialFor(functionName)
      for (const value of values) partial.add(value)
      return { tags: groups === 1 ? {} : { zone: `z${i}`, a: 'b=c' }, partial, expected: values.length + 1 }
    }),
  }
}

function brief(message: PartialMessage): unknown {
  const groups = message.groups.map(({ partial, ...group }) => ({ ...group, ...partial.finish() }))
  return { ...message, groups }
}

describe('a partial message', () => {
  it('is read as it was written', () => {
    for (const name of ['mean', 'p95', 'max', 'distinct', 'top3']) {
      const message = messageOf(name, [1, 2.5, -7], 3)
      const { body, leftOut } = encodePartialMessage(message)
      expect(leftOut).toBe(0)
      expect(brief(decodePartialMessage(body))).toEqual(brief(message))
    }
  })

  it('carries what its inputs were made of', () => {
    const [one, other] = messageOf('max', [1, 2], 2).groups as [GroupPartial, GroupPartial]
    const message = { ...messageOf('max', []), groups: [{ ...one, madeOf: { known: 7, expected: 9 } }, other] }
    const { groups } = decodePartialMessage(encodePartialMessage(message).body)
    expect(groups.map(({ madeOf }) => madeOf)).toEqual([
      { known: 7, expected: 9 },
      { known: 2, expected: 2 },
    ])
    const lie = encodePartialMessage({ ...message, groups: [{ ...one, madeOf: { known: 9, expected: 7 } }] })
    expect(() => decodePartialMessage(lie.body)).toThrow(/more inputs of inputs/)
  })

  it('of every version there ever was is read', () => {
    const fixtures = JSON.parse(readFileSync(new URL('fixtures/partial-messages.json', import.meta.url), 'utf8')) as {
      name: string
      body: string
      message: object
    }[]
    for (const { name, body, message } of fixtures) {
      expect(brief(decodePartialMessage(Buffer.from(body, 'base64'), 10)), name).toEqual(message)
    }
    expect(fixtures.length).toBeGreaterThanOrEqual(6)
  })

  it('with the mean of a host is short', () => {
    expect(encodePartialMessage(messageOf('mean', [12.5, 13.25])).body.length).toBeLessThan(64)
  })

  it('leaves out, and counts, groups beyond its bounds', () => {
    const { body, leftOut } = encodePartialMessage(messageOf('mean', [1], 10_100))
    expect(leftOut).toBe(100)
    expect(decodePartialMessage(body).groups).toHaveLength(10_000)
    const large = encodePartialMessage(
      messageOf(
        'p95',
        Array.from({ length: 900 }, (_, i) => i * 1.7),
        5_000,
      ),
    )
    expect(large.leftOut).toBeGreaterThan(0)
    expect(large.body.length).toBeLessThanOrEqual(1_000_000)
    expect(() => decodePartialMessage(new Uint8Array(1_000_001))).toThrow(
      expect.objectContaining({ data: { reason: 'size' } }),
    )
  })

  it('has no more values than the hosts in it can have', () => {
    let partial = partialFor('count')
    partial.add(1)
    for (let i = 0; i < 27; i++) {
      const twice = partialFor('count')
      twice.merge(partial)
      twice.merge(partial)
      partial = twice
    }
    const { body } = encodePartialMessage({
      ...messageOf('count', []),
      groups: [{ tags: {}, partial, expected: 2 ** 27 }],
    })
    expect(() => decodePartialMessage(body)).toThrow(expect.objectContaining({ code: 'MONITOR_PARTIAL_INVALID' }))
    expect(decodePartialMessage(body, 2).groups[0]?.partial.known).toBe(2 ** 27)
  })

  it('of any bytes is valid or refused by reason', () => {
    const { body } = encodePartialMessage(messageOf('mean', [1, 2], 2))
    const refused = expect.objectContaining({ code: 'MONITOR_PARTIAL_INVALID' })
    expect(() => decodePartialMessage(new Uint8Array([2]))).toThrow(
      expect.objectContaining({ data: { reason: 'version' } }),
    )
    for (let length = 0; length < body.length; length++)
      expect(() => decodePartialMessage(body.subarray(0, length))).toThrow(refused)
    const attempt = (bytes: Uint8Array): void => {
      try {
        brief(decodePartialMessage(bytes))
      } catch (error) {
        expect(error).toEqual(refused)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => attempt(Uint8Array.from([1, ...bytes]))))
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) =>
        attempt(body.map((old, i) => (i === at ? byte : old))),
      ),
    )
  })
})
