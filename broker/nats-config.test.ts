import { describe, expect, it } from 'vitest'
import type { BrokerUser } from './credentials.ts'
import { natsConfig } from './nats-config.ts'
import { generateNkey } from './nkey.ts'

const publicKey = generateNkey().publicKey
const agent: BrokerUser = { kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'a1' }, publicKey }
const base = { host: '127.0.0.1', port: 4222, serverName: 'lanista', pidFile: '/tmp/pid' }

describe('the configuration of a nats-server', () => {
  it('gives each user its key and its lists, and opens nothing else', () => {
    const text = natsConfig({ ...base, users: [agent] })
    expect(text).toContain('listen: "127.0.0.1:4222"')
    expect(text).toContain('max_payload: 1048576')
    expect(text).toContain(`{ nkey: "${publicKey}", permissions: { publish: { allow: [ "lanista.acme.c1.a1.birth"`)
    expect(text).not.toMatch(/http|jetstream|cluster|leafnodes|allow_responses|_INBOX/)
  })

  it('asks for any port as nats-server wants it', () => {
    expect(natsConfig({ ...base, port: 0, users: [agent] })).toContain('listen: "127.0.0.1:-1"')
  })

  it('puts an IPv6 address in brackets', () => {
    expect(natsConfig({ ...base, host: '::1', users: [agent] })).toContain('listen: "[::1]:4222"')
  })

  it.each<[string, readonly BrokerUser[]]>([
    ['nobody, which would let anybody in', []],
    ['a password that ends its own quotes', [{ kind: 'operator', tenant: 'acme', user: 'o', password: 'abcdefgh" }' }]],
  ])('refuses %s', (_what, users) => {
    expect(() => natsConfig({ ...base, users })).toThrow(expect.objectContaining({ code: 'USER_INVALID' }))
  })

  it('ends no subscribe entry in *: old servers would deliver everything below', () => {
    const users: readonly BrokerUser[] = [
      agent,
      { kind: 'controller', publicKey },
      { kind: 'operator', tenant: 'acme', user: 'o', password: 'abcdefgh' },
    ]
    for (const list of natsConfig({ ...base, users }).matchAll(/subscribe: \{ allow: \[([^\]]*)\]/g)) {
      for (const [entry] of (list[1] ?? '').matchAll(/"[^"]+"/g)) expect(entry).not.toMatch(/\*"$/)
    }
  })
})
