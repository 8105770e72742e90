import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VmSpec } from '#controller/clouds/cloud-driver.ts'
import {
  type CloudOperation,
  type CloudStage,
  conformanceSpec,
  driverConformance,
} from '#controller/clouds/driver-conformance.ts'
import { OpenstackDriver, type OpenstackOptions } from '#controller/clouds/openstack/openstack-driver.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { flavorId, imageId } from '../openstack-server/openstack-cloud.ts'
import { OpenstackServer } from '../openstack-server/openstack-server.ts'

const spec: VmSpec = { ...conformanceSpec, location: 'RegionOne/nova', hardware: flavorId, image: imageId }
const names: Readonly<Record<CloudOperation, string>> = {
  make: 'POST servers',
  list: 'GET servers',
  terminate: 'DELETE server',
}
const secrets = { right: 'right-secret', wrong: 'no-secret', expired: 'old-secret' }
const limits = { signal: new AbortController().signal, withinMs: 10_000 }

function optionsOf(server: OpenstackServer, secret: string = secrets.right): OpenstackOptions {
  return {
    authUrl: `${server.url}/identity/v3`,
    credential: { user: 'lanista', password: secret, project: 'shop' },
    regions: ['RegionOne'],
    ratePerSecond: 100_000,
    burst: 1000,
    backoffBaseMs: 1,
    backoffCapMs: 5,
  }
}

async function openStage(): Promise<CloudStage> {
  const server = await OpenstackServer.open()
  const { cloud } = server
  cloud.faults.pageSize = 3
  return {
    spec,
    open: async (credential = 'right') =>
      new OpenstackDriver(optionsOf(server, secrets[credential]), { clock: systemClock }),
    plantForeign: async () => {
      await using theirs = new OpenstackDriver(optionsOf(server), { clock: systemClock })
      const other = await theirs.ensure({ ...spec, owner: 'somebody' }, 'token-f', limits)
      const bare = await theirs.ensure({ ...spec, owner: 'nobody' }, 'token-g', limits)
      const id = bare.id.split('/')[1] ?? ''
      cloud.servers.set(id, { ...cloud.server(id), metadata: {}, tags: [] })
      return [other.id, bare.id]
    },
    settle: async () => cloud.settle(),
    alive: () => [...cloud.servers.values()].map(({ metadata }) => metadata['lanista:token'] ?? ''),
    requests: () => server.requests.length,
    loseAnswers: (operation, times) => void cloud.faults.lostAnswers.set(names[operation], times),
    loseRequests: (operation, times) => void cloud.faults.lostRequests.set(names[operation], times),
    throttle: (times) => void (cloud.faults.throttled = times),
    fillUp: () => void (cloud.faults.isFull = true),
    exhaustQuota: () => void (cloud.faults.isOverQuota = true),
    stopBooting: () => void (cloud.faults.isStuck = true),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

driverConformance('OpenStack', openStage, { runs: 5 })

describe('a VM of OpenStack', () => {
  let server: OpenstackServer
  let driver: OpenstackDriver
  beforeEach(async () => {
    server = await OpenstackServer.open()
    driver = new OpenstackDriver(optionsOf(server), { clock: systemClock })
  })
  afterEach(async () => {
    await driver.close()
    await server.close()
  })

  it('has no twin, even when a request that was given up for lost takes effect late', async () => {
    server.cloud.faults.lateMakes = 1
    const vm = await driver.ensure(spec, 'token-1', limits)
    expect(server.cloud.servers.size).toBe(2)
    server.cloud.settle()
    expect([...server.cloud.servers.keys()]).toEqual([vm.id.split('/')[1]])
    expect(await driver.ensure(spec, 'token-1', limits)).toMatchObject({ id: vm.id, state: 'running' })
  })

  it('is given its user data, its ports, its key and its marks', async () => {
    const ports = [{ protocol: 'tcp', from: 80, to: 81, source: '0.0.0.0/0' }] as const
    const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGgU me@here'
    server.cloud.faults.lostAnswers.set('POST security-groups', 1)
    for (const token of ['token-1', 'token-2']) await driver.ensure({ ...spec, ports, publicKey }, token, limits)
    const [made] = server.cloud.servers.values()
    expect(made).toMatchObject({ name: 'shop-web', userData: spec.userData, zone: 'nova' })
    expect([...server.cloud.keys]).toEqual([[made?.keyName, publicKey]])
    const group = server.cloud.groups.get(made?.groups[0] ?? '')
    expect(server.cloud.groups.size).toBe(1)
    expect(group?.rules.slice(1)).toMatchObject([{ protocol: 'tcp', port_range_min: 80, port_range_max: 81 }])
  })

  it('is asked for with one log-in, and with a new one when the token is revoked or about to expire', async () => {
    await driver.ensure(spec, 'token-1', limits)
    await driver.discover(limits)
    expect(server.logIns).toBe(1)
    server.revokeTokens()
    await driver.ensure(spec, 'token-1', limits)
    expect(server.logIns).toBe(2)
    server.revokeTokens()
    server.tokenMs = 30_000
    for (const logIns of [3, 4]) {
      await driver.terminate('RegionOne/0', spec.owner, limits)
      expect(server.logIns).toBe(logIns)
    }
  })

  it('is refused in a region that is not there', async () => {
    await using other = new OpenstackDriver({ ...optionsOf(server), regions: ['Elsewhere'] }, { clock: systemClock })
    await expect(other.ensure({ ...spec, location: 'Elsewhere' }, 'token-1', limits)).rejects.toMatchObject({
      code: 'CLOUD_INVALID',
      message: expect.stringContaining('Elsewhere'),
    })
    await expect(driver.ensure({ ...spec, isPublic: true }, 'token-1', limits)).rejects.toMatchObject({
      code: 'CLOUD_INVALID',
    })
  })

  it('tells the quotas of the account that have a limit', async () => {
    const { quotas } = await driver.discover(limits)
    expect(quotas).toEqual([{ name: 'vms', location: 'RegionOne', limit: 10, used: 0 }])
  })
})
