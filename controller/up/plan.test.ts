import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isToken } from '#protocol/subjects/token.ts'
import { addressAfter, hostNameOf, planUp, type UpFlags } from './plan.ts'

const flags: UpFlags = { data: '/d', restart: 'always', httpPort: 4400, carbonPort: 2003, broker: 'embedded' }

test('without flags: one host of the machine’s name in the cloud home, everything on loopback', () => {
  expect(planUp(flags, 'box')).toEqual({
    tenant: 'default',
    dataDir: '/d',
    http: { host: '127.0.0.1', port: 4400 },
    broker: { kind: 'embedded', listen: { host: '127.0.0.1', port: 1883 } },
    hostAddressing: { kind: 'auto' },
    restart: 'always',
    knownAgents: [],
    hosts: [
      {
        address: { tenant: 'default', cloud: 'home', host: 'box' },
        folder: '/d/agents/home.box',
        carbon: { host: '127.0.0.1', port: 2003 },
        ring: { copies: 3 },
      },
    ],
  })
})

test('hosts go round the clouds, each with the next carbon port', () => {
  const plan = planUp({ ...flags, hosts: 5, clouds: 3 }, 'box')
  expect(plan.hosts.map((host) => [host.address.cloud, host.address.host, host.carbon.port])).toEqual([
    ['home', 'box', 2003],
    ['local-1', 'box-2', 2004],
    ['local-2', 'box-3', 2005],
    ['home', 'box-4', 2006],
    ['local-1', 'box-5', 2007],
  ])
})

test.each<[string, Partial<UpFlags>, number[]]>([
  ['home alone on the embedded broker, where the copies of other clouds would leave them', {}, [3, 1]],
  ['every cloud on a nats-server', { broker: 'nats' }, [3, 3]],
  ['every cloud on somebody’s nats-server', { broker: 'nats://10.0.0.1:4222' }, [3, 3]],
  ['every cloud when told so', { copies: 2 }, [2, 2]],
  ['no cloud when told so', { broker: 'nats', copies: 1 }, [1, 1]],
])('there are copies in %s', (_, more, copies) => {
  expect(planUp({ ...flags, clouds: 2, ...more }, 'box').hosts.map((host) => host.ring.copies)).toEqual(copies)
})

test('every agent is told after how long a silence to rebuild', () => {
  expect(planUp({ ...flags, hosts: 2, grace: 5000 }, 'box').hosts.map((host) => host.ring.graceMs)).toEqual([
    5000, 5000,
  ])
})

test('any free port stays any free port for each host, and clouds alone mean one host each', () => {
  const plan = planUp({ ...flags, clouds: 2, carbonPort: 0 }, 'box')
  expect(plan.hosts.map((host) => host.carbon.port)).toEqual([0, 0])
})

test.each([
  ['embedded', 7000, { kind: 'embedded', listen: { host: '127.0.0.1', port: 7000 } }],
  ['nats', undefined, { kind: 'nats-server', listen: { host: '127.0.0.1', port: 4222 } }],
  ['nats://10.0.0.1:4222', undefined, { kind: 'nats-url', url: 'nats://10.0.0.1:4222' }],
] as const)('--broker %s', (broker, brokerPort, expected) => {
  expect(planUp({ ...flags, broker, brokerPort }, 'box').broker).toEqual(expected)
})

test('with --leaves every cloud but home has a leaf server, and the hub is where the broker would be', () => {
  const plan = planUp({ ...flags, broker: 'nats', brokerPort: 7000, hosts: 6, clouds: 3, leaves: true }, 'box')
  const clouds = ['local-1', 'local-2']
  expect(plan.broker).toEqual({ kind: 'nats-leaves', listen: { host: '127.0.0.1', port: 7000 }, clouds })
  expect(new Set(plan.hosts.map((host) => host.address.cloud))).toEqual(new Set(['home', ...clouds]))
})

test.each([
  [{ leaves: true, hosts: 2, clouds: 2 }, '--broker nats'],
  [{ leaves: true, hosts: 2, clouds: 2, broker: 'nats://x' }, '--broker nats'],
  [{ leaves: true, hosts: 2, broker: 'nats' }, '--clouds'],
  [{ copies: 0 }, '--copies'],
  [{ copies: 9 }, '--copies'],
  [{ grace: 999 }, '--grace'],
  [{ hosts: 201 }, '--hosts'],
  [{ hosts: 1, clouds: 2 }, '--clouds'],
  [{ hosts: 3, carbonPort: 65_534 }, '--carbon-port'],
  [{ hostAddresses: 'none' }, '--host-addresses'],
  [{ hosts: 2, hostAddresses: '255.255.255.255' }, '--host-addresses'],
  [{ broker: 'mqtt://x' }, '--broker'],
  [{ broker: 'nats://user:secret@x' }, '--broker'],
  [{ broker: 'nats://x', brokerPort: 1 }, '--broker-port'],
])('%j is refused naming %s', (wrong, flag) => {
  expect(() => planUp({ ...flags, ...wrong }, 'box')).toThrow(flag)
})

test.each([
  ['shared', { kind: 'shared' }],
  ['198.18.0.2', { kind: 'from', first: '198.18.0.2' }],
] as const)('--host-addresses %s', (hostAddresses, expected) => {
  expect(planUp({ ...flags, hostAddresses }, 'box').hostAddressing).toEqual(expected)
})

test('the engine is the one of DOCKER_HOST where that is on this machine', () => {
  expect(planUp({ ...flags, dockerHost: 'unix:///run/d.sock' }, 'box').dockerSocket).toBe('/run/d.sock')
  expect(planUp({ ...flags, dockerHost: 'tcp://10.0.0.1:2375' }, 'box').dockerSocket).toBeUndefined()
})

test.each([
  ['127.0.0.2', 0, '127.0.0.2'],
  ['127.0.0.255', 1, '127.0.1.0'],
  ['198.18.255.255', 1, '198.19.0.0'],
  ['255.255.255.255', 1, undefined],
])('%s and %i more is %s', (first, count, expected) => {
  expect(addressAfter(first, count)).toBe(expected)
})

test('whatever the machine is called, its name and a number behind it are tokens of ours', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (machine) => {
      const name = hostNameOf(machine)
      expect(isToken(name) && isToken(`${name}-200`) && !name.startsWith('_')).toBe(true)
    }),
  )
})
