import { PassThrough } from 'node:stream'
import type Docker from 'dockerode'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { DockerWatch } from './docker-watch.ts'
import type { FoundInstance, RuntimeEvent } from './instance-runtime.ts'
import { dockerOptions } from './stage-options.ts'

const listIntervalMs = 5000
const options = dockerOptions({ folder: '/', socketPath: '/nowhere', tenant: 't', listIntervalMs })
const found = (state: FoundInstance['state'], id = 'shop-web-1'): FoundInstance => ({
  id,
  generation: 1,
  state,
  hostPorts: {},
  processes: [],
  detail: {},
})

let clock: FakeClock
let events: PassThrough
let isThere: boolean
let lists: number
let finds: number
let away: (readonly [number, number])[]
let containers: Map<string, FoundInstance>
let heard: RuntimeEvent[]
let watch: DockerWatch

beforeEach(async () => {
  clock = new FakeClock()
  ;[isThere, lists, finds, away, containers, heard] = [true, 0, 0, [], new Map(), []]
  const getEvents = async (): Promise<PassThrough> => {
    if (!isThere) throw new Error('nobody listens')
    events = new PassThrough()
    return events
  }
  const lookout = {
    list: async (): Promise<ReadonlyMap<string, boolean>> => {
      lists++
      if (!isThere) throw new Error('nobody listens')
      return new Map([...containers].map(([id, { state }]) => [id, state === 'running']))
    },
    find: async (id: string): Promise<FoundInstance | undefined> => {
      finds++
      return containers.get(id)
    },
    wasAway: (...time: readonly [number, number]) => void away.push(time),
  }
  watch = new DockerWatch({ getEvents } as unknown as Docker, options, { clock, logger: silentLogger }, lookout)
  watch.onEvent((event) => heard.push(event))
  await watch.look()
  await clock.advance(0)
  lists = 0
})
afterEach(async () => {
  events.destroy()
  await watch.close()
})

it('an engine with nothing of ours is listed once a minute', async () => {
  await clock.advance(600_000)
  expect(lists).toBe(10)
})

it('what runs is listed every interval, and looked at one by one only when it does not run any more', async () => {
  containers.set('shop-web-1', found('running'))
  watch.addFound(found('running'))
  await clock.advance(60_000)
  expect([lists, finds]).toEqual([12, 0])
  containers.set('shop-web-1', { ...found('exited'), exit: { code: 3, signal: null, isOutOfMemory: false } })
  await clock.advance(listIntervalMs)
  expect(heard).toMatchObject([{ kind: 'exited', id: 'shop-web-1', exit: { code: 3 } }])
})

it('an engine that goes away is missed at once, and its return is noticed within an interval', async () => {
  isThere = false
  events.destroy(new Error('closed'))
  await clock.advance(0)
  expect(watch.isAvailable).toBe(false)
  await clock.advance(600_000)
  isThere = true
  await clock.advance(listIntervalMs)
  expect(heard).toMatchObject([{ isAvailable: false }, { isAvailable: true }])
})

it('an engine whose events broke off was away since it answered last; one whose socket alone was gone was not', async () => {
  const fromMs = clock.now()
  isThere = false
  await clock.advance(60_000)
  isThere = true
  await clock.advance(listIntervalMs)
  expect([watch.isAvailable, away]).toEqual([true, []])
  const brokenMs = clock.now()
  events.destroy(new Error('closed'))
  await clock.advance(listIntervalMs)
  const [sinceMs, untilMs] = away[0] ?? [0, 0]
  expect(sinceMs).toBeGreaterThan(fromMs)
  expect(sinceMs).toBeLessThanOrEqual(brokenMs)
  expect(untilMs).toBeGreaterThanOrEqual(brokenMs)
})

it('what an earlier agent left running is watched; what only waits for its start is not', async () => {
  containers.set('shop-web-1', found('running')).set('shop-web-2', found('prepared', 'shop-web-2'))
  await watch.look()
  containers.clear()
  await watch.look()
  expect(heard).toMatchObject([{ kind: 'exited', id: 'shop-web-1' }])
})
