import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VmSpec } from '#controller/clouds/cloud-driver.ts'
import {
  type CloudOperation,
  type CloudStage,
  conformanceSpec,
  driverConformance,
} from '#controller/clouds/driver-conformance.ts'
import { Ec2Driver, type Ec2Options } from '#controller/clouds/ec2/ec2-driver.ts'
import { type Clock, systemClock } from '#protocol/runtime/clock.ts'
import { Ec2Server } from '../ec2-server/ec2-server.ts'
import { MemoryVmHost } from '../ec2-server/vm-host.ts'

const spec: VmSpec = {
  ...conformanceSpec,
  location: 'eu-west-1/eu-west-1a',
  hardware: 't3.micro',
  image: 'ami-0123456789abcdef0',
}
const actions: Readonly<Record<CloudOperation, string>> = {
  make: 'RunInstances',
  list: 'DescribeInstances',
  terminate: 'TerminateInstances',
}
const credentials = {
  right: { accessKeyId: 'AKIARIGHT', secretAccessKey: 'right-secret' },
  wrong: { accessKeyId: 'AKIARIGHT', secretAccessKey: 'wrong-secret' },
  expired: { accessKeyId: 'AKIAEXPIRED', secretAccessKey: 'old-secret' },
}
const lagMs = 60_000

interface Ec2Stage extends CloudStage {
  readonly server: Ec2Server
  readonly host: MemoryVmHost
  readonly options: Ec2Options
}

async function openStage(): Promise<Ec2Stage> {
  let passedMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + passedMs }
  const host = new MemoryVmHost()
  const server = await Ec2Server.open({ host, clock })
  server.keys.set('AKIARIGHT', { secret: 'right-secret', isExpired: false })
  server.keys.set('AKIAEXPIRED', { secret: 'old-secret', isExpired: true })
  const { account } = server
  Object.assign(account.faults, { visibilityMs: lagMs, pageSize: 3 })
  const options: Ec2Options = {
    regions: ['eu-west-1', 'us-east-1'],
    endpoint: server.endpoint,
    credential: credentials.right,
    ratePerSecond: 100_000,
    burst: 1000,
    backoffBaseMs: 1,
    backoffCapMs: 5,
  }
  return {
    server,
    host,
    options,
    spec,
    open: (credential = 'right') =>
      Ec2Driver.open({ ...options, credential: credentials[credential] }, { clock: systemClock }),
    plantForeign: async () => {
      await using theirs = await Ec2Driver.open(options, { clock: systemClock })
      const limits = { signal: new AbortController().signal, withinMs: 10_000 }
      const other = await theirs.ensure({ ...spec, owner: 'somebody' }, 'token-f', limits)
      const bare = await theirs.ensure({ ...spec, owner: 'nobody' }, 'token-g', limits)
      account.instances.get(bare.id.split('/')[1] ?? '')?.tags.clear()
      return [other.id, bare.id]
    },
    settle: async () => {
      passedMs += lagMs * 2
      await account.settled()
    },
    alive: () =>
      [...account.instances.values()].filter(({ state }) => state !== 'terminated').map((one) => one.clientToken),
    requests: () => server.requests.length,
    loseAnswers: (operation, times) => void account.faults.lostAnswers.set(actions[operation], times),
    loseRequests: (operation, times) => void account.faults.lostRequests.set(actions[operation], times),
    throttle: (times) => void (account.faults.throttled = times),
    fillUp: () => void (account.faults.isFull = true),
    exhaustQuota: () => void (account.faults.isOverQuota = true),
    stopBooting: () => void (host.isStuck = true),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

driverConformance('EC2', openStage, { runs: 5 })

describe('a VM of EC2', () => {
  const limits = { signal: new AbortController().signal, withinMs: 10_000 }
  let stage: Ec2Stage
  let driver: Ec2Driver
  beforeEach(async () => {
    stage = await openStage()
    driver = await Ec2Driver.open(stage.options, { clock: systemClock })
  })
  afterEach(async () => {
    await driver.close()
    await stage[Symbol.asyncDispose]()
  })

  it('is launched with its tags, its user data, and a metadata service that asks for sessions one hop away', async () => {
    const { id } = await driver.ensure(spec, 'token-1', limits)
    await stage.settle()
    const instance = stage.server.account.instances.get(id.split('/')[1] ?? '')
    expect(instance).toMatchObject({ httpTokens: 'required', hopLimit: 1, state: 'running', isPublic: false })
    expect(Object.fromEntries(instance?.tags ?? [])).toMatchObject({
      Name: 'shop-web',
      'lanista:owner': spec.owner,
      'lanista:token': 'token-1',
      'lanista:label:host': 'web-1',
    })
    expect([...stage.host.booted.values()]).toEqual([{ id: instance?.id, userData: spec.userData }])
  })

  it('has a group with exactly its ports, shared by those of the same ports, whatever was lost when it was made', async () => {
    const ports = [
      { protocol: 'tcp', from: 80, to: 80, source: '0.0.0.0/0' },
      { protocol: 'udp', from: 5000, to: 5010, source: '10.0.0.0/8' },
    ] as const
    const { faults, groups } = stage.server.account
    for (const action of ['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress']) faults.lostAnswers.set(action, 1)
    await driver.ensure({ ...spec, ports }, 'token-1', limits)
    await driver.ensure({ ...spec, ports: ports.toReversed() }, 'token-2', limits)
    await driver.ensure(spec, 'token-3', limits)
    const rules = [...groups.values()].map((group) => [...group.rules])
    expect(rules).toEqual([['tcp 80-80 0.0.0.0/0', 'udp 5000-5010 10.0.0.0/8'], []])
  })

  it('lets a key in that is imported once', async () => {
    const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGgU me@here\n'
    await driver.ensure({ ...spec, publicKey }, 'token-1', limits)
    await driver.ensure({ ...spec, publicKey }, 'token-2', limits)
    expect([...stage.server.account.keys.values()]).toEqual([publicKey.trim()])
    const wrong = driver.ensure({ ...spec, publicKey: 'nonsense' }, 'token-3', limits)
    await expect(wrong).rejects.toMatchObject({ code: 'CLOUD_INVALID', data: { cloudCode: 'InvalidKey.Format' } })
  })

  it('has a public address when it asks for one', async () => {
    await driver.ensure({ ...spec, isPublic: true }, 'token-1', limits)
    await stage.settle()
    const vms = []
    for await (const vm of driver.list(spec.owner, limits)) vms.push(vm)
    expect(vms).toMatchObject([{ state: 'running', publicAddresses: [expect.stringMatching(/^198\.51\./)] }])
  })

  it('is found in each region that is used, and in no other', async () => {
    const far = await driver.ensure({ ...spec, location: 'us-east-1' }, 'token-1', limits)
    expect(far).toMatchObject({ id: expect.stringMatching(/^us-east-1\/i-/), location: 'us-east-1/us-east-1a' })
    await expect(driver.ensure({ ...spec, location: 'mars' }, 'token-2', limits)).rejects.toMatchObject({
      code: 'CLOUD_INVALID',
      message: expect.stringContaining('eu-west-1, us-east-1'),
    })
    expect(await driver.terminate('mars/i-00', spec.owner, limits)).toBe('unknown')
  })

  it('can be chosen from what is discovered: offers of all regions, each once, and images of those we trust', async () => {
    const offers = await driver.discover(limits)
    expect(offers.locations).toHaveLength(8)
    expect(offers.hardware.find(({ id }) => id === 'm5d.large')).toEqual({
      id: 'm5d.large',
      name: 'm5d.large',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      diskBytes: 75e9,
      architectures: ['x64'],
      locations: ['eu-west-1', 'us-east-1'],
    })
    expect(offers.images.map(({ name }) => name)).not.toContain('somebody-elses')
    expect(offers.images).toHaveLength(3)
    expect(offers.isCut).toBe(false)
  })
})
