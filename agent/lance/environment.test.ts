import { expect, it } from 'vitest'
import { endpointsOf, environmentOf } from './environment.ts'
import { specForTests } from './machine-driver.ts'

const host = { publicIp: '192.0.2.1', cloudIp: '10.0.0.1', vmId: 'vm-1' }
const spec = specForTests({
  environment: { MODE: 'fast' },
  provides: [
    { name: 'http-api', port: 80, protocol: 'tcp', isPublic: true },
    { name: 'admin', port: 81, protocol: 'tcp', isPublic: false },
  ],
  requires: [
    {
      name: 'sql',
      min: 1,
      max: 2,
      peers: [
        { instance: 'db-1', public: '192.0.2.9:5432', cloud: '10.0.0.9:5432' },
        { instance: 'db-2', cloud: '10.0.0.8:5432', container: '172.17.0.2:5432' },
        { instance: 'db-3', cloud: '10.0.0.7:5432' },
      ],
    },
    { name: 'cache', min: 0, peers: [] },
  ],
})

it('has the names of the seed at three address levels, in a container', () => {
  const place = { hostPorts: { 'http-api': 80, admin: 32_768 }, address: '172.17.0.5', detail: {} }
  expect(environmentOf(spec, place, host, { carbon: '10.0.0.1:4000' })).toEqual({
    PUBLIC_IP: '192.0.2.1',
    CLOUD_IP: '10.0.0.1',
    CONTAINER_IP: '172.17.0.5',
    PUBLIC_HTTP_API: '80',
    CLOUD_HTTP_API: '80',
    CONTAINER_HTTP_API: '80',
    PUBLIC_ADMIN: '',
    CLOUD_ADMIN: '32768',
    CONTAINER_ADMIN: '81',
    PUBLIC_SQL: '192.0.2.9:5432',
    CLOUD_SQL: '10.0.0.9:5432,10.0.0.8:5432',
    CONTAINER_SQL: '172.17.0.2:5432',
    PUBLIC_CACHE: '',
    CLOUD_CACHE: '',
    CONTAINER_CACHE: '',
    VM_ID: 'vm-1',
    INSTANCE_ID: 'shop-web-1',
    TERM: 'DUMB',
    LANISTA_CARBON: '10.0.0.1:4000',
    MODE: 'fast',
  })
})

it('is the host itself in a directory, and names no number before there is a place', () => {
  const place = { hostPorts: { 'http-api': 80, admin: 81 }, detail: {} }
  expect(environmentOf(spec, place, host)).toMatchObject({ CONTAINER_IP: '10.0.0.1', CONTAINER_ADMIN: '81' })
  expect(environmentOf(spec, undefined, host)).toMatchObject({ CLOUD_ADMIN: '', CONTAINER_ADMIN: '81' })
})

it('tells peers where it is reached: only what is public from outside', () => {
  const place = { hostPorts: { 'http-api': 80, admin: 32_768 }, address: '172.17.0.5', detail: {} }
  expect(endpointsOf(spec, place, host)).toEqual({
    'http-api': { instance: 'shop-web-1', public: '192.0.2.1:80', cloud: '10.0.0.1:80', container: '172.17.0.5:80' },
    admin: { instance: 'shop-web-1', cloud: '10.0.0.1:32768', container: '172.17.0.5:81' },
  })
})

it('is reached at one address in a directory of a host that has its own', () => {
  const own = { publicIp: '127.0.0.2', cloudIp: '127.0.0.2', vmId: 'vm-1' }
  const place = { hostPorts: { 'http-api': 80, admin: 81 }, address: '127.0.0.2', detail: {} }
  expect(environmentOf(spec, place, own)).toMatchObject({
    PUBLIC_IP: '127.0.0.2',
    CLOUD_IP: '127.0.0.2',
    CONTAINER_IP: '127.0.0.2',
    PUBLIC_HTTP_API: '80',
    CLOUD_ADMIN: '81',
    CONTAINER_ADMIN: '81',
  })
  expect(endpointsOf(spec, place, own)['admin']).toEqual({
    instance: 'shop-web-1',
    cloud: '127.0.0.2:81',
    container: '127.0.0.2:81',
  })
})
