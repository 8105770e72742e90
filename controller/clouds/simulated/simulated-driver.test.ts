import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '#protocol/runtime/clock.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { cloudError } from '../cloud-error.ts'
import { type CloudOperation, type CloudStage, conformanceSpec, driverConformance } from '../driver-conformance.ts'
import { SimulatedCloud } from './simulated-cloud.ts'
import { SimulatedDriver } from './simulated-driver.ts'
import type { SimulatedCloudOptions } from './simulated-options.ts'

const quick = { ratePerSecond: 100_000, burst: 1000, backoffBaseMs: 1, backoffCapMs: 5 }
const spec = { ...conformanceSpec, location: 'north/a', hardware: 'size-1', image: 'debian-12' }
const operations: Readonly<Record<string, CloudOperation>> = { run: 'make', list: 'list', terminate: 'terminate' }

async function openStage(): Promise<CloudStage> {
  const options: { -readonly [K in keyof SimulatedCloudOptions]: SimulatedCloudOptions[K] } = {
    visibilityMs: 60_000,
    pageSize: 3,
  }
  const cloud = new SimulatedCloud(options)
  let passedMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + passedMs }
  const lost = { request: new Map<string, number>(), answer: new Map<string, number>() }
  let throttled = 0
  let requests = 0

  function gate(operation: string, stage: 'request' | 'answer', credential: string): void {
    if (stage === 'request') {
      requests++
      if (credential !== 'right')
        throw cloudError(`CLOUD_CREDENTIALS_${credential === 'wrong' ? 'WRONG' : 'EXPIRED'}`, '')
      if (throttled-- > 0) throw cloudError('CLOUD_THROTTLED', 'too fast')
      throttled = 0
    }
    const times = lost[stage].get(operations[operation] ?? '') ?? 0
    if (times === 0) return
    lost[stage].set(operations[operation] ?? '', times - 1)
    throw cloudError('CLOUD_TRANSIENT', `${stage} lost`)
  }

  return {
    spec,
    open: async (credential = 'right') =>
      new SimulatedDriver(quick, { cloud, clock, gate: (operation, stage) => gate(operation, stage, credential) }),
    plantForeign: async () => [
      cloud.runForeign(spec, clock.now()),
      cloud.run({ ...spec, owner: 'somebody' }, 'token-1', clock.now()).id,
    ],
    settle: async () => void (passedMs += 120_000),
    alive: () => cloud.alive(clock.now()),
    requests: () => requests,
    loseAnswers: (operation, times) => void lost.answer.set(operation, times),
    loseRequests: (operation, times) => void lost.request.set(operation, times),
    throttle: (times) => void (throttled = times),
    fillUp: () => void (options.capacity = { [spec.location]: 0 }),
    exhaustQuota: () => void (options.vmsMax = 0),
    stopBooting: () => void (options.neverBoots = 1),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

driverConformance('the simulated cloud', openStage, { runs: 50 })

describe('the simulated cloud', () => {
  const signal = new AbortController().signal

  it('boots thousands of VMs within their times, some never, and the same ones for the same seed', () => {
    const fates = [1, 1, 2].map((seed) => {
      const cloud = new SimulatedCloud({ seed, neverBoots: 0.05, bootMs: [20_000, 60_000], pageSize: 5000 })
      for (let i = 0; i < 3000; i++) cloud.run(spec, `t-${i}`, 0)
      expect(cloud.page(spec.owner, 0, 19_999).vms.every(({ state }) => state === 'pending')).toBe(true)
      return cloud.page(spec.owner, 0, 60_001).vms.map(({ state }) => state)
    })
    expect(fates[0]).toEqual(fates[1])
    expect(fates[0]).not.toEqual(fates[2])
    const pending = fates[0]?.filter((state) => state === 'pending').length ?? 0
    expect(pending).toBeGreaterThan(100)
    expect(pending).toBeLessThan(200)
  })

  it('charges begun units from the request to the end', () => {
    const hardware = [1000, 3_600_000].map((unitMs) => ({
      id: `by-${unitMs}`,
      name: '',
      cores: 1,
      memoryBytes: 1,
      architectures: [],
      locations: ['north'],
      price: { amount: 36, currency: 'EUR', unitMs },
    }))
    const cloud = new SimulatedCloud({ hardware, stopMs: 0 })
    const second = cloud.run({ ...spec, hardware: 'by-1000' }, 'a', 0)
    expect(cloud.cost(1500)).toBeCloseTo(0.02)
    cloud.terminate(second.id, spec.owner, 9500)
    cloud.run({ ...spec, hardware: 'by-3600000' }, 'b', 10_000)
    expect(cloud.cost(20_000)).toBeCloseTo(0.1 + 36)
    expect(cloud.cost(20_000 + 3_600_000)).toBeCloseTo(0.1 + 72)
  })

  it('throttles by its own pace, and the driver finds that pace', async () => {
    const clock = new FakeClock()
    const cloud = new SimulatedCloud({ requestsPerSecond: 2 }, clock.monotonic())
    await using driver = new SimulatedDriver({ ratePerSecond: 50, burst: 50 }, { cloud, clock })
    const asked = Promise.all(
      Array.from({ length: 20 }, (_, i) => driver.ensure(spec, `t-${i}`, { signal, withinMs: 600_000 })),
    )
    await clock.advance(0)
    await clock.advance(600_000)
    expect(await asked).toHaveLength(20)
    expect(cloud.alive(clock.now())).toHaveLength(20)
  })

  it('keeps its promises while answers are lost at random', async () => {
    const cloud = new SimulatedCloud({ seed: 7, lostAnswers: 0.4 })
    await using driver = new SimulatedDriver(quick, { cloud, clock: systemClock })
    for (let i = 0; i < 50; i++) await driver.ensure(spec, `t-${i}`, { signal, withinMs: 10_000 })
    expect(new Set(cloud.alive(systemClock.now())).size).toBe(50)
    expect(cloud.alive(systemClock.now())).toHaveLength(50)
  })
})
