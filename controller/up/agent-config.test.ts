import { expect, test } from 'vitest'
import { agentConfigOf, portOf } from './agent-config.ts'
import { planHost } from './plan.ts'

const host = planHost({ tenant: 't', cloud: 'home', host: 'box' }, '/d', { host: '127.0.0.1', port: 0 }, { copies: 3 })

test('a child keeps the carbon port that it got in an earlier run', () => {
  expect(agentConfigOf(host, { brokerUrl: 'mqtt://127.0.0.1:1', carbonPort: 7 })).toEqual({
    tenant: 't',
    cloud: 'home',
    host: 'box',
    data: '/d/agents/home.box',
    broker: ['mqtt://127.0.0.1:1'],
    carbon: { host: '127.0.0.1', port: 7 },
    ring: { copies: 3 },
    uplink: 'all',
    publish: 'all',
  })
})

test('a child is told how many copies there are to be, how long to wait for the silent, and the heartbeat interval that its ring counts by', () => {
  const alone = planHost(host.address, '/d', host.carbon, { copies: 1, graceMs: 5000 })
  expect(agentConfigOf(alone, { brokerUrl: 'mqtt://127.0.0.1:1', heartbeatIntervalMs: 500 })).toMatchObject({
    ring: { copies: 1, graceMs: 5000 },
    heartbeatIntervalMs: 500,
  })
})

test('a child takes orders of the controller beside it, and of no other', () => {
  expect(agentConfigOf(host, { brokerUrl: 'mqtt://127.0.0.1:1', orderKey: 'UKEY' })).toMatchObject({
    orders: { key: 'UKEY', allow: ['ping', 'sensors-configure', 'instance-*', 'agent-upgrade'] },
    instances: { allow: { images: ['*'], volumes: [] } },
  })
})

test.each([
  ['127.0.0.1:2003', 2003],
  ['[::1]:2003', 2003],
  ['nowhere', undefined],
  [undefined, undefined],
])('the port of %s is %s', (place, port) => {
  expect(portOf(place)).toBe(port)
})
