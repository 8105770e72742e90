import { expect, test } from 'vitest'
import { loadConfig } from '#protocol/runtime/config.ts'
import { controllerConfigSchema, defaultControllerConfig, planController } from './controller-config.ts'
import type { FleetPlan } from './plan.ts'

const nkey = `U${'A'.repeat(55)}`

function planOf(text: string, flags: Readonly<Record<string, unknown>> = {}): FleetPlan {
  const defaults = defaultControllerConfig()
  return planController(
    loadConfig(controllerConfigSchema, { defaults, file: { name: 'c.yaml', text }, flags }).value,
    'box',
  )
}

test('an empty file means an embedded broker on loopback and the home agent beside it', () => {
  const plan = planOf('{}')
  expect(plan.broker).toEqual({ kind: 'embedded', listen: { host: '127.0.0.1', port: 1883 } })
  expect(plan.hosts.map((host) => [host.address, host.carbon.port])).toEqual([
    [{ tenant: 'default', cloud: 'home', host: 'box' }, 2003],
  ])
})

test('a file names the broker, the agents that may connect, and leaves out the home agent', () => {
  const plan = planOf(`
    data: /srv/lanista
    broker: nats
    brokerListen: { host: 0.0.0.0 }
    agents: [ { id: default.ec2.a, nkey: ${nkey} } ]
    homeAgent: false
  `)
  expect(plan).toMatchObject({
    dataDir: '/srv/lanista',
    broker: { kind: 'nats-server', listen: { host: '0.0.0.0', port: 4222 } },
    hostAddressing: { kind: 'shared' },
    knownAgents: [{ address: { tenant: 'default', cloud: 'ec2', host: 'a' }, publicKey: nkey }],
    hosts: [],
  })
})

test('flags win over the file', () => {
  const plan = planOf('http: { port: 1 }', { 'http.port': 0, 'homeAgent.carbon.port': 0 })
  expect([plan.http.port, plan.hosts[0]?.carbon.port]).toEqual([0, 0])
})

test('the home agent keeps as many copies as it is told, and waits as long for the silent', () => {
  expect(planOf('{}').hosts[0]?.ring).toEqual({ copies: 3 })
  expect(planOf('homeAgent: { copies: 2, graceMs: 60000 }').hosts[0]?.ring).toEqual({ copies: 2, graceMs: 60_000 })
})

test.each([
  ['homeAgent: { copies: 0 }', 'homeAgent.copies'],
  ['homeAgent: { graceMs: 5 }', 'homeAgent.graceMs'],
  ['broker: mqtt', 'broker'],
  ['agents: [ { id: "a.*.b", nkey: U } ]', 'agents.0.id'],
  ['agents: [ { id: a.b.c, nkey: SUAB } ]', 'agents.0.nkey'],
  ['htp: {}', 'http'],
  ['http: { port: 65536 }', 'http.port'],
])('%s is refused naming %s', (text, path) => {
  expect(() => planOf(text)).toThrow(path)
})
