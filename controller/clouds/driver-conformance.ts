/**
 * What every cloud driver promises, shown against a cloud that loses, delays and refuses. A driver's test brings a `CloudStage`:
 * the cloud, its faults, and the truth of what runs there.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CallLimits, CloudDriver, Vm, VmSpec } from './cloud-driver.ts'

/** Requests that a stage can disturb: those that make a VM, list VMs, end one. */
export type CloudOperation = 'make' | 'list' | 'terminate'

export interface CloudStage extends AsyncDisposable {
  /** Its driver, as a controller that has just started opens it; it waits milliseconds where a real one waits seconds. */
  open(credential?: 'right' | 'wrong' | 'expired' | undefined): Promise<CloudDriver>
  /** A spec that this cloud can serve. */
  readonly spec: VmSpec
  /** Same name, same owner tag of somebody else, and no tags at all. Ids as the driver would say them. */
  plantForeign(): Promise<readonly string[]>
  /** Lets the cloud catch up: what was made is shown, what was ended is gone. Until then it lags. */
  settle(): Promise<void>
  /** Tokens of all VMs that really take room, '' for those of others. */
  alive(): readonly string[]
  /** Requests that reached the cloud so far. */
  requests(): number
  /** The next `times` such requests are done, and their answers lost; or never arrive. */
  loseAnswers(operation: CloudOperation, times: number): void
  loseRequests(operation: CloudOperation, times: number): void
  /** The next `times` requests of any kind are refused for their pace. */
  throttle(times: number): void
  /** From now on nothing more fits into the cloud; into the account. */
  fillUp(): void
  exhaustQuota(): void
  /** From now on VMs are made and never run. */
  stopBooting(): void
}

export interface ConformanceOptions {
  /** Random histories to play. */
  readonly runs: number
}

const owner = 'acme-controller'
const ever = Number.POSITIVE_INFINITY

export function driverConformance(
  name: string,
  openStage: () => Promise<CloudStage>,
  { runs }: ConformanceOptions,
): void {
  describe(`the driver of ${name}`, () => {
    let stage: CloudStage
    let driver: CloudDriver
    beforeEach(async () => {
      stage = await openStage()
      driver = await stage.open()
    })
    afterEach(async () => {
      await driver.close()
      await stage[Symbol.asyncDispose]()
    })

    function limits(withinMs = 15_000, signal: AbortSignal = new AbortController().signal): CallLimits {
      return { signal, withinMs }
    }

    async function listed(): Promise<Vm[]> {
      const vms: Vm[] = []
      for await (const vm of driver.list(owner, limits())) vms.push(vm)
      return vms
    }

    /** The controller was killed and started again. */
    async function restart(): Promise<void> {
      await driver.close()
      driver = await stage.open()
    }

    it('makes one VM for a token, however often it is asked', async () => {
      const first = await driver.ensure(stage.spec, 'token-1', limits())
      expect(first).toMatchObject({ owner, token: 'token-1', name: stage.spec.name, labels: stage.spec.labels })
      expect(await driver.ensure(stage.spec, 'token-1', limits())).toMatchObject({ id: first.id })
      await restart()
      expect(await driver.ensure(stage.spec, 'token-1', limits())).toMatchObject({ id: first.id })
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('makes one for each token', async () => {
      const first = await driver.ensure(stage.spec, 'token-1', limits())
      const second = await driver.ensure(stage.spec, 'token-2', limits())
      expect(second.id).not.toBe(first.id)
      expect(stage.alive().toSorted()).toEqual(['token-1', 'token-2'])
    })

    it('finds the VM whose answer was lost', async () => {
      stage.loseAnswers('make', 1)
      const vm = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      expect(stage.alive()).toEqual(['token-1'])
      expect(await listed()).toMatchObject([{ id: vm.id, token: 'token-1', location: stage.spec.location }])
    })

    it('makes the VM whose request was lost', async () => {
      stage.loseRequests('make', 1)
      await driver.ensure(stage.spec, 'token-1', limits())
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('says that it does not know when every answer is lost, and the next controller finds the VM by the token', async () => {
      // a driver may look as well as ask: it hears nothing either way
      for (const operation of ['make', 'list'] as const) stage.loseAnswers(operation, ever)
      await expect(driver.ensure(stage.spec, 'token-1', limits(150))).rejects.toMatchObject({ code: 'CLOUD_DEADLINE' })
      for (const operation of ['make', 'list'] as const) stage.loseAnswers(operation, 0)
      await restart()
      const vm = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      expect(stage.alive()).toEqual(['token-1'])
      expect(await listed()).toMatchObject([{ id: vm.id }])
    })

    it('gives up with the reason of the signal, and leaves nothing that the token does not find', async () => {
      const stop = new AbortController()
      const reason = new Error('the controller stops')
      stage.loseAnswers('make', ever)
      const asked = driver.ensure(stage.spec, 'token-1', limits(15_000, stop.signal))
      stop.abort(reason)
      await expect(asked).rejects.toBe(reason)
      stage.loseAnswers('make', 0)
      await driver.ensure(stage.spec, 'token-1', limits())
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('refuses another spec under a token that was used', async () => {
      await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      const other = { ...stage.spec, userData: '#!/bin/sh\necho other\n' }
      await expect(driver.ensure(other, 'token-1', limits())).rejects.toMatchObject({ code: 'CLOUD_TOKEN_MISMATCH' })
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('lists every VM of the owner once, over all pages', async () => {
      const tokens = Array.from({ length: 7 }, (_, i) => `token-${i}`)
      for (const token of tokens) await driver.ensure(stage.spec, token, limits())
      await stage.settle()
      stage.loseAnswers('list', 1)
      expect((await listed()).map(({ token }) => token).toSorted()).toEqual(tokens)
    })

    it('never lists, and never ends, what is not ours', async () => {
      const foreign = await stage.plantForeign()
      await stage.settle()
      expect(await listed()).toEqual([])
      for (const id of foreign) {
        await expect(driver.terminate(id, owner, limits())).rejects.toMatchObject({ code: 'CLOUD_FOREIGN' })
      }
      expect(stage.alive()).toHaveLength(foreign.length)
    })

    it('ends a VM once, however often it is asked', async () => {
      const { id } = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      stage.loseAnswers('terminate', 1)
      expect(['terminating', 'gone', 'unknown']).toContain(await driver.terminate(id, owner, limits()))
      await stage.settle()
      expect(['gone', 'unknown']).toContain(await driver.terminate(id, owner, limits()))
      expect(stage.alive()).toEqual([])
      expect((await listed()).filter(({ state }) => state !== 'terminated')).toEqual([])
    })

    it('does not take a token again whose VM is gone, where the cloud remembers it', async () => {
      const { id } = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      await driver.terminate(id, owner, limits())
      await stage.settle()
      const again = driver.ensure(stage.spec, 'token-1', limits())
      if (driver.capabilities.remembersSpentTokens) {
        await expect(again).rejects.toMatchObject({ code: 'CLOUD_TOKEN_SPENT' })
        expect(stage.alive()).toEqual([])
      } else {
        expect((await again).id).not.toBe(id)
        expect(stage.alive()).toEqual(['token-1'])
      }
    })

    it('says of an id that nobody knows that it is unknown', async () => {
      const { id } = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      expect(await driver.terminate(similarTo(id), owner, limits())).toBe('unknown')
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('slows down when it is told to, and gets its answer', async () => {
      stage.throttle(3)
      await driver.ensure(stage.spec, 'token-1', limits())
      expect(stage.alive()).toEqual(['token-1'])
    })

    it('names the throttling when it never ends', async () => {
      stage.throttle(ever)
      await expect(driver.ensure(stage.spec, 'token-1', limits(1000))).rejects.toMatchObject({
        code: 'CLOUD_DEADLINE',
        data: { last: 'CLOUD_THROTTLED' },
      })
    })

    it('says that there is no room, at once or of a VM that failed for it, and does not ask again', async () => {
      stage.fillUp()
      const before = stage.requests()
      let asked = driver.ensure(stage.spec, 'token-1', limits())
      if (driver.capabilities.isRoomToldLate) {
        await Promise.allSettled([asked])
        await stage.settle()
        asked = driver.ensure(stage.spec, 'token-1', limits())
      }
      await expect(asked).rejects.toMatchObject({ code: 'CLOUD_CAPACITY' })
      expect(stage.requests() - before).toBeLessThanOrEqual(requestsMax)
    })

    it('says at once that the quota is used up', async () => {
      stage.exhaustQuota()
      await expect(driver.ensure(stage.spec, 'token-1', limits())).rejects.toMatchObject({ code: 'CLOUD_QUOTA' })
    })

    it.each([
      ['wrong', 'CLOUD_CREDENTIALS_WRONG'],
      ['expired', 'CLOUD_CREDENTIALS_EXPIRED'],
    ] as const)('names a credential that is %s', async (credential, code) => {
      await using other = await stage.open(credential)
      await expect(other.ensure(stage.spec, 'token-1', limits())).rejects.toMatchObject({ code })
      await expect(other.discover(limits())).rejects.toMatchObject({ code })
      expect(stage.alive()).toEqual([])
    })

    it.each([
      ['hardware', { hardware: 'nothing-like-it' }],
      ['image', { image: 'ami-00000000000000000' }],
      ['name', { name: 'no such name' }],
      ['port', { ports: [{ protocol: 'tcp', from: 9, to: 1, source: '0.0.0.0/0' }] }],
      ['user data', { userData: 'x'.repeat(70_000) }],
    ] as const)('refuses a spec whose %s cannot be', async (_what, wrong) => {
      const asked = driver.ensure({ ...stage.spec, ...wrong }, 'token-1', limits())
      await expect(asked).rejects.toMatchObject({ code: 'CLOUD_INVALID' })
      expect(stage.alive()).toEqual([])
    })

    it('discovers what it then can use', async () => {
      const { locations, hardware, images } = await driver.discover(limits())
      expect(locations).toContainEqual(expect.objectContaining({ id: stage.spec.location, isAssignable: true }))
      expect(hardware).toContainEqual(expect.objectContaining({ id: stage.spec.hardware }))
      expect(images).toContainEqual(expect.objectContaining({ id: stage.spec.image }))
      expect(hardware.every(({ cores, memoryBytes }) => cores > 0 && memoryBytes > 0)).toBe(true)
    })

    it('shows a VM that never boots as pending, and ends it', async () => {
      stage.stopBooting()
      const { id } = await driver.ensure(stage.spec, 'token-1', limits())
      await stage.settle()
      expect(await listed()).toMatchObject([{ id, state: 'pending' }])
      await driver.terminate(id, owner, limits())
      await stage.settle()
      expect(stage.alive()).toEqual([])
    })

    it('fails once closed', async () => {
      await driver.close()
      await expect(driver.discover(limits())).rejects.toMatchObject({ code: 'CLOUD_TRANSIENT' })
    })

    it('makes at most one VM a token, in every history of faults, crashes and repetitions', async () => {
      for (let seed = 1; seed <= runs; seed++) await playHistory(seed)
    })

    async function playHistory(seed: number): Promise<void> {
      const pick = picker(seed)
      const tokens = [0, 1, 2].map((i) => `history-${seed}-${i}`)
      for (let step = 0; step < 8; step++) {
        const faults = [
          () => stage.loseAnswers('make', 1 + pick(2)),
          () => stage.loseRequests('make', 1),
          () => stage.throttle(1 + pick(3)),
          () => undefined,
        ]
        faults[pick(faults.length)]?.()
        // a call that is given up in its midst is a controller that was killed there
        const stop = new AbortController()
        const asked = driver.ensure(stage.spec, tokens[pick(3)] as string, limits(15_000, stop.signal))
        if (pick(3) === 0) setImmediate(() => stop.abort(new Error('killed')))
        await asked.catch((error: unknown) => {
          if (!stop.signal.aborted) throw error
        })
        if (pick(3) === 0) await restart()
      }
      for (const token of tokens) await driver.ensure(stage.spec, token, limits())
      await stage.settle()
      const alive = stage.alive().filter((token) => tokens.includes(token))
      expect(alive.toSorted(), `seed ${seed}`).toEqual(tokens)
      const ours = (await listed()).filter(({ token }) => tokens.includes(token))
      expect(ours.map(({ token }) => token).toSorted(), `seed ${seed}`).toEqual(tokens)
    }
  })
}

/** A refusal for want of room may cost so many requests: look-ups before it, and no repetition. */
const requestsMax = 8

/** An id of the same form that was never given. */
function similarTo(id: string): string {
  return id.replace(/[0-9a-f]{1,8}$/, (end) => '9'.repeat(end.length))
}

/** Whole numbers below a bound, the same for the same seed. */
function picker(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % below
  }
}

/** What every stage's spec shares. */
export const conformanceSpec: Omit<VmSpec, 'location' | 'hardware' | 'image'> = {
  name: 'shop-web',
  owner,
  userData: '#!/bin/sh\necho hello\n',
  ports: [],
  labels: { host: 'web-1', generation: '7' },
}
