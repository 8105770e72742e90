import { describe, expect, it } from 'vitest'
import type { BrokerUser } from './credentials.ts'
import { type LeafLogin, type NatsPlace, placedConfig } from './leaf-config.ts'
import { generateNkey } from './nkey.ts'

const base = { host: '127.0.0.1', port: 4222, pidFile: '/tmp/pid' }
const agentOf = (cloud: string): BrokerUser => ({
  kind: 'agent',
  address: { tenant: 'acme', cloud, host: 'a1' },
  publicKey: generateNkey().publicKey,
})
const controller: BrokerUser = { kind: 'controller', publicKey: generateNkey().publicKey }
const operator: BrokerUser = { kind: 'operator', tenant: 'acme', user: 'olga', password: 'olga-secret-1' }
const login = (cloud: string): LeafLogin => ({ cloud, password: `secret-of-${cloud}-0123456789` })
const hubOf = (...clouds: readonly string[]): NatsPlace => ({ kind: 'hub', leafPort: 0, leaves: clouds.map(login) })
const leafOf = (cloud: string, host = '10.0.0.1'): NatsPlace => ({
  kind: 'leaf',
  login: login(cloud),
  hub: { host, port: 7422 },
})
const linesOf = (text: string, part: RegExp): string[] => text.split('\n').filter((line) => part.test(line))

describe('the configuration of a hub', () => {
  const text = placedConfig({ ...base, users: [controller, operator, agentOf('home')] }, hubOf('c1', 'c2'))

  it('has one account for home and one for each cloud', () => {
    expect(linesOf(text.split('leafnodes')[0] ?? '', /^ {2}\S+ \{$/)).toEqual([
      '  HOME {',
      '  "LINK_c1" {',
      '  "LINK_c2" {',
    ])
  })

  it('exports once to all clouds what all may hear, and to one what names it', () => {
    expect(linesOf(text, /_controller\.state", accounts/)).toEqual([
      '      { stream: "lanista.*._home._controller.state", accounts: [ "LINK_c1", "LINK_c2" ] }',
    ])
    expect(linesOf(text, /stream: "lanista\.\*\.c2\.\*\.order\.>"/)).toEqual([
      '      { stream: "lanista.*.c2.*.order.>", accounts: [ "LINK_c2" ] }',
    ])
  })

  it('joins the accounts for nothing of the ring, no partial and no answer to a peer', () => {
    expect(linesOf(text, /stream/).join()).not.toMatch(/ring|partial|reply\.[^_]/)
  })

  it('knows leaves by the listener for leaves alone, each in its cloud’s account, and clients by HOME alone', () => {
    const [home = '', listener = ''] = text.split('leafnodes {')
    expect(linesOf(listener, /user: /)).toEqual(
      ['c1', 'c2'].map(
        (cloud) =>
          `      { user: "_leaf.${cloud}", password: "secret-of-${cloud}-0123456789", account: "LINK_${cloud}" }`,
      ),
    )
    const clients = linesOf(home, /\{ (?:user|nkey): /)
    expect(clients).toHaveLength(3)
    for (const client of clients) expect(client).toContain('allowed_connection_types: [ "STANDARD", "WEBSOCKET" ]')
  })

  it('listens for leaves on the host of the clients, and tells them the address given', () => {
    expect(text).toContain('leafnodes {\n  listen: "127.0.0.1:-1"\n')
    const place: NatsPlace = {
      kind: 'hub',
      leafPort: 1,
      advertise: { host: '10.0.0.9', port: 7422 },
      leaves: [login('c1')],
    }
    const told = placedConfig({ ...base, users: [controller] }, place)
    expect(told).toContain('leafnodes {\n  listen: "127.0.0.1:1", advertise: "10.0.0.9:7422"\n')
  })
})

describe('the configuration of a leaf', () => {
  const text = placedConfig({ ...base, users: [agentOf('c1')] }, leafOf('c1'))

  it('has one account with the cloud’s agents, and dials the hub', () => {
    expect(linesOf(text, /^ {2}\S+ \{$/)).toEqual(['  CLOUD {'])
    expect(text).toContain('url: "nats-leaf://_leaf.c1:secret-of-c1-0123456789@10.0.0.1:7422", account: CLOUD')
    expect(text).toContain('{ publish: { allow: [ "lanista.acme.c1.a1.birth"')
    expect(text).not.toMatch(/exports|imports|listen: .*7422/)
  })

  it('puts an IPv6 address of the hub in brackets', () => {
    expect(placedConfig({ ...base, users: [agentOf('c1')] }, leafOf('c1', '::1'))).toContain('@[::1]:7422')
  })
})

describe('what would cut a cloud in two or open it is refused', () => {
  it.each<[string, readonly BrokerUser[], NatsPlace, string]>([
    ['an agent of a leaf’s cloud at the hub', [agentOf('c1')], hubOf('c1'), 'acme.c1.a1'],
    ['an agent of another cloud at a leaf', [agentOf('c1'), agentOf('c2')], leafOf('c1'), 'acme.c2.a1'],
    ['the controller at a leaf', [controller], leafOf('c1'), '_controller'],
    ['a leaf that lets anybody in', [], leafOf('c1'), 'no user'],
    ['a hub that lets anybody in', [], hubOf('c1'), 'no user'],
    ['a hub that lets any leaf in', [controller], hubOf(), 'found none'],
    ['two leaves of one cloud', [controller], hubOf('c1', 'c1'), 'found c1, c1'],
  ])('%s', (_what, users, place, word) => {
    const refusal = expect.objectContaining({ code: 'USER_INVALID', message: expect.stringContaining(word) })
    expect(() => placedConfig({ ...base, users }, place)).toThrow(refusal)
  })

  it.each(['short', 'with"quote-0123456789', 'with@host-0123456789', 'a'.repeat(129)])('password %j', (password) => {
    const place: NatsPlace = { kind: 'hub', leafPort: 0, leaves: [{ cloud: 'c1', password }] }
    expect(() => placedConfig({ ...base, users: [controller] }, place)).toThrow(
      expect.objectContaining({ code: 'USER_INVALID' }),
    )
  })

  it('a cloud outside the alphabet', () => {
    expect(() => placedConfig({ ...base, users: [controller] }, hubOf('a*'))).toThrow(
      expect.objectContaining({ code: 'TOKEN_INVALID' }),
    )
  })
})
