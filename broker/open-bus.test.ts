import { describe, expect, it } from 'vitest'
import type { Role } from '#protocol/permissions.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { Credential } from './credentials.ts'
import { generateNkey } from './nkey.ts'
import { openBus } from './open-bus.ts'

const deps = { clock: systemClock, logger: silentLogger }
const agent: Role = { kind: 'agent', address: { tenant: 't', cloud: 'c', host: 'h' } }
const nkey: Credential = { kind: 'nkey', seed: generateNkey().seed, session: () => 1 }

describe('opening a bus', () => {
  it.each([
    'http://127.0.0.1:1',
    'mqtts://127.0.0.1:1',
    'nats://user:secret@127.0.0.1:1',
    'nats://',
    'nats://127.0.0.1:99999',
    '127.0.0.1:4222',
    '',
  ])('refuses the URL %j', (url) => {
    expect(() => openBus({ url, role: agent, credential: nkey, name: 'x' }, deps)).toThrow(
      expect.objectContaining({ code: 'URL_INVALID' }),
    )
  })

  it('refuses addresses of two kinds, and none', () => {
    for (const url of [['nats://a:1', 'mqtt://b:1'], []]) {
      expect(() => openBus({ url, role: agent, credential: nkey, name: 'x' }, deps)).toThrow(
        expect.objectContaining({ code: 'URL_INVALID' }),
      )
    }
  })

  it.each(['nats://127.0.0.1:1', 'mqtt://127.0.0.1:1'])('refuses a broken seed before the first dial to %s', (url) => {
    const credential: Credential = { kind: 'nkey', seed: 'SUBROKEN', session: () => 1 }
    expect(() => openBus({ url, role: agent, credential, name: 'x' }, deps)).toThrow(
      expect.objectContaining({ code: 'NKEY_INVALID' }),
    )
  })

  it('lets nobody be the controller over MQTT', () => {
    const options = { url: 'mqtt://127.0.0.1:1', role: { kind: 'controller' }, credential: nkey, name: 'x' } as const
    expect(() => openBus(options, deps)).toThrow(expect.objectContaining({ code: 'CREDENTIAL_INVALID' }))
  })

  it.each(['nats://127.0.0.1:1', 'mqtt://127.0.0.1:1'])(
    'goes on trying when nothing answers at %s, and closes at once',
    async (url) => {
      const bus = openBus({ url, role: agent, credential: nkey, name: 'x', backoff: { capMs: 10 } }, deps)
      await expect(bus.up(AbortSignal.timeout(100))).rejects.toThrow(/timeout/)
      expect(bus.state).toBe('connecting')
      expect(() => bus.publish('lanista.t.c.h.birth', new Uint8Array(1))).toThrow(
        expect.objectContaining({ code: 'NOT_UP' }),
      )
      await bus.close()
      expect(bus.state).toBe('closed')
    },
  )
})
