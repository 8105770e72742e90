/** The permission table against the embedded broker itself, with a plain client that has no check of its own. */

import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { EmbeddedBroker } from '#broker/embedded.ts'
import { generateNkey } from '#broker/nkey.ts'
import { openBus } from '#broker/open-bus.ts'
import { matrixAgent, matrixOperator, type PermissionCase, permissionsMatrix } from '#protocol/permissions-matrix.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { agentLogin, publishes, rawMqtt, suback } from './bus-raw-mqtt.ts'

const deps = { clock: systemClock, logger: silentLogger }
const key = generateNkey()
const peerKey = generateNkey()
const peerAddress = { tenant: 'acme', cloud: 'c1', host: 'web-2' }
const operatorLogin = { user: 'olga', password: 'olga-secret-1' }
const topic = (subject: string): string => subject.replaceAll('.', '/').replaceAll('*', '+').replace(/>$/, '#')

/** The embedded broker carries no service protocol: `$SRV` is refused whatever the table says. */
const expected = (entry: PermissionCase): boolean => entry.allowed && !entry.subject.startsWith('$SRV')

describe('the embedded broker itself', () => {
  let broker: EmbeddedBroker
  let peer: CountedBus
  const login = (role: 'agent' | 'operator'): Promise<MqttClient> =>
    role === 'agent'
      ? rawMqtt(broker.url, agentLogin(key, 'acme.c1.web-1'))
      : rawMqtt(broker.url, { username: operatorLogin.user, password: operatorLogin.password })

  beforeAll(async () => {
    broker = await EmbeddedBroker.open({ host: '127.0.0.1', port: 0 }, deps)
    if (matrixAgent.kind !== 'agent') throw new Error('the matrix has another agent')
    await broker.addUser({ kind: 'agent', address: matrixAgent.address, publicKey: key.publicKey })
    await broker.addUser({ kind: 'agent', address: peerAddress, publicKey: peerKey.publicKey })
    await broker.addUser({ kind: 'operator', tenant: 'acme', ...operatorLogin })
    const credential = { kind: 'nkey', seed: peerKey.seed, session: () => 1 } as const
    peer = openBus({ url: broker.url, role: { kind: 'agent', address: peerAddress }, credential, name: 'peer' }, deps)
    await peer.up(AbortSignal.timeout(5_000))
  })
  afterAll(async () => {
    await peer.close()
    await broker.close()
  })

  it.each(['agent', 'operator'] as const)('refuses an %s every subscription outside the table', async (kind) => {
    const role = kind === 'agent' ? matrixAgent : matrixOperator
    const cases = permissionsMatrix.filter((entry) => entry.role === role && entry.action === 'subscribe')
    const client = await login(kind)
    const granted = await suback(
      client,
      cases.map(({ subject }) => topic(subject)),
    )
    expect(cases.map(({ subject }, i) => [subject, granted[i] === 0])).toEqual(
      cases.map((entry) => [entry.subject, expected(entry)]),
    )
    await client.endAsync()
  })

  it.each(['agent', 'operator'] as const)('hangs up on an %s that publishes outside the table', async (kind) => {
    const role = kind === 'agent' ? matrixAgent : matrixOperator
    const cases = permissionsMatrix.filter((entry) => entry.role === role && entry.action === 'publish')
    const outcome: (readonly [string, boolean])[] = []
    for (const { subject } of cases) {
      const client = await login(kind)
      outcome.push([subject, await publishes(client, topic(subject))])
      client.end(true)
    }
    expect(outcome).toEqual(cases.map((entry) => [entry.subject, expected(entry)]))
    expect(broker.counters.publishesRefused).toBe(cases.filter((entry) => !expected(entry)).length + countedBefore)
    countedBefore = broker.counters.publishesRefused
  })
  let countedBefore = 0

  it.each([
    'lanista/acme/c1/web-1/event/*',
    'lanista/acme/c1/web-1/event/>',
    'lanista/acme/c1/web-1/event/a.b',
    'lanista/acme/c1/web-1/event/ä',
    'lanista/acme/c1/web-1/event//x',
    'lanista/acme/c1/web-1/event/',
    '/lanista/acme/c1/web-1/event/x',
    'lanista.acme.c1.web-1.event.x',
    '$SYS/x',
    `lanista/acme/c1/web-1/event/${'x/'.repeat(100)}x`,
  ])('hangs up on a topic that smuggles: %s', async (smuggled) => {
    const client = await login('agent')
    expect(await publishes(client, smuggled)).toBe(false)
  })

  it.each([
    '#',
    '+/#',
    '$share/g/lanista/acme/c1/web-1/order/#',
    '$SYS/#',
    'lanista/acme/c1/*/order/#',
    'lanista/acme/c1/>',
  ])('refuses the filter %s', async (filter) => {
    const client = await login('agent')
    expect(await suback(client, [filter])).toEqual([128])
    await client.endAsync()
  })

  it.each([
    ['QoS 1', 'lanista/acme/c1/web-1/event/x', { qos: 1 }],
    ['anything but a birth retained', 'lanista/acme/c1/web-1/event/x', { retain: true }],
  ] as const)('hangs up on %s', async (_what, subject, options) => {
    const client = await login('agent')
    expect(await publishes(client, subject, options)).toBe(false)
  })

  it('has disturbed nobody else by all this', () => {
    expect(peer.state).toBe('up')
    expect(peer.counters.connections).toBe(1)
  })
})
