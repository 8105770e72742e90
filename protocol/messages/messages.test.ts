import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLanistaError } from '#protocol/errors.ts'
import { parseAck } from './control.ts'
import { encodeJson, jsonBytesMax } from './json.ts'
import { parseMetric } from './metric.ts'
import { parseBirth, parseDeath, parseHeartbeat, parseState } from './presence.ts'

const birth = {
  session: 1_700_000_000,
  version: '0.1.0',
  pid: 42,
  carbon: '127.0.0.1:2003',
  labels: { zone: 'a' },
  inventory: { os: 'linux', cores: 2 },
  storeId: 'Zk3x9',
  startedAtMs: 1_700_000_000_000,
}

const parsers = {
  birth: [parseBirth, birth],
  heartbeat: [parseHeartbeat, { session: 3, nowMs: 5, load: 0.5, lagSamples: 0, dropped: 0 }],
  death: [parseDeath, { session: 3, reason: 'stopped' }],
  state: [parseState, { session: 3, nowMs: 5, heartbeatIntervalMs: 10_000 }],
  metric: [parseMetric, { t: 1, v: -0.5, unit: 'percent', tags: { k: 'v' } }],
  ack: [parseAck, { storeId: 's', ranges: [{ from: 1, to: 9 }], dictionary: 3 }],
} as const

describe.each(Object.entries(parsers))('a %s', (_, [parse, message]) => {
  it('comes back as it was said', () => expect(parse(encodeJson(message))).toEqual(message))

  it('may say more than we know', () => expect(parse(encodeJson({ ...message, later: 1 }))).toEqual(message))

  it('is refused when anything needed is missing or of another kind', () => {
    for (const key of Object.keys(message)) {
      if (['carbon', 'unit', 'tags'].includes(key)) continue
      for (const value of [undefined, null, {}, [{}], true]) {
        if (JSON.stringify(value) === '{}' && ['labels', 'inventory'].includes(key)) continue
        if (value === null && key === 'v') continue // unknown
        const body = encodeJson({ ...message, [key]: value })
        expect(() => parse(body), `${key}: ${JSON.stringify(value)}`).toThrow(
          expect.objectContaining({ code: 'MESSAGE_INVALID' }),
        )
      }
    }
  })

  it('gives MESSAGE_INVALID or a value for any bytes and any JSON', () => {
    const body = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(body, (body) => {
        try {
          parse(body)
        } catch (error) {
          if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
        }
      }),
    )
  })
})

describe('a JSON body', () => {
  it('names the path of the mistake', () => {
    expect(() => parseBirth(encodeJson({ ...birth, labels: { zone: 5 } }))).toThrow(
      'refuse the birth: labels.zone: found 5, expected text',
    )
  })

  it('is not read above its bound', () => {
    const body = encodeJson({ ...birth, version: 'x'.repeat(jsonBytesMax) })
    expect(() => parseBirth(body)).toThrow(/expected at most 262144/)
  })

  it('has a session of 1 or more, and a heartbeat interval of 100 ms or more', () => {
    expect(() => parseDeath(encodeJson({ session: 0, reason: '' }))).toThrow(/session/)
    expect(() => parseState(encodeJson({ session: 1, nowMs: 1, heartbeatIntervalMs: 99 }))).toThrow(
      /heartbeatIntervalMs/,
    )
  })
})
