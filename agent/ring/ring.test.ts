import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CountedBus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from '../store/open-store.ts'
import type { HistoryStore } from '../store/store.ts'
import { encodeMessage } from './message-encoder.ts'
import { openRing } from './open-ring.ts'
import type { Ring } from './ring.ts'
import { ringDefaults } from './ring-options.ts'
import { StandingRing } from './standing-ring.ts'

const deps = { clock: systemClock, logger: silentLogger }
const settings = { ...ringDefaults, bytesMax: 2 ** 29, zone: '', heartbeatIntervalMs: 300, graceMs: 1500, waitMs: 20 }

/** One agent, as far as the ring goes. */
class Machine {
  readonly host: string
  readonly folder: string
  readonly #broker: MemoryBroker
  session = 0
  bus!: CountedBus
  store!: HistoryStore
  rings!: StandingRing
  #isRunning = false

  constructor(host: string, broker: MemoryBroker, root: string) {
    this.host = host
    this.folder = join(root, host)
    this.#broker = broker
  }

  async start(): Promise<this> {
    const address = { tenant: 'acme', cloud: 'c1', host: this.host }
    this.session = Math.max(this.session + 1, Math.floor(Date.now() / 1000))
    this.bus = this.#broker.connect({ kind: 'agent', address })
    this.store = await openStore({ folder: this.folder, commitIntervalMs: 5, sync: 'always', freeBytesMin: 0 }, deps)
    const renewSession = (above: number): void => {
      this.session = above + 1
      this.#say('birth')
    }
    const { bus, store } = this
    this.rings = await StandingRing.open({
      ...deps,
      open: () =>
        openRing(
          { address, settings, storeFolder: this.folder },
          { ...deps, bus, store, session: () => this.session, renewSession },
        ),
      renewSession: () => renewSession(this.session),
    })
    await this.bus.up(AbortSignal.timeout(5000))
    this.#isRunning = true
    this.#say('birth')
    this.#beat()
    return this
  }

  get ring(): Ring {
    return this.rings.current
  }

  #beat(): void {
    if (!this.#isRunning) return
    this.#say('heartbeat')
    systemClock.after(300, () => this.#beat())
  }

  #say(kind: 'birth' | 'heartbeat'): void {
    const { session, host } = this
    const birth = {
      session,
      version: '1',
      pid: 1,
      labels: {},
      inventory: {},
      storeId: this.store.storeId,
      startedAtMs: 0,
    }
    const beat = { session, nowMs: 0, load: 0, lagSamples: 0, dropped: 0 }
    if (this.bus.state === 'up')
      this.bus.publish(`lanista.acme.c1.${host}.${kind}`, encodeJson(kind === 'birth' ? birth : beat))
  }

  append(from: number, count: number, series = 's'): void {
    for (let i = from; i < from + count; i++) this.store.append(this.store.seriesId(`${series}${i % 5}`), 1e12 + i, i)
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return
    this.#isRunning = false
    await this.rings.close()
    await this.bus.close()
    await this.store.close()
  }

  /** The machine and its disk are no more. */
  async vanish(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

let root: string
let broker: MemoryBroker
let machines: Machine[]

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ring-'))
  broker = new MemoryBroker(deps)
  machines = []
  for (const host of ['a', 'b', 'c', 'd']) machines.push(await new Machine(host, broker, root).start())
})

afterEach(async () => {
  for (const machine of machines) await machine.stop()
  rmSync(root, { recursive: true, force: true })
})

async function until(what: string, holds: () => boolean): Promise<void> {
  const endAt = systemClock.monotonic() + 15_000
  while (!holds()) {
    if (systemClock.monotonic() > endAt)
      throw new Error(`waited for ${what}: ${JSON.stringify(machines.map(({ ring }) => ring.status()))}`)
    await systemClock.sleep(20)
  }
}

/** The values of each series whose name begins so, in order. */
async function valuesOf(source: Pick<HistoryStore, 'read'> | undefined, series: string): Promise<readonly number[]> {
  const values: number[] = []
  for await (const piece of source?.read({ matches: () => true, fromMs: 0, untilMs: 2e12 }) ?? [])
    if (piece.name.startsWith(series)) values.push(...piece.values)
  return values.sort((x, y) => x - y)
}

/** Those that hold so many samples of an owner. */
function holdersOf(owner: Machine, samples: number): Machine[] {
  return machines.filter(({ ring }) =>
    ring.status().held.some((held) => held.owner === owner.host && held.samples >= samples),
  )
}

describe('the ring on a bus', () => {
  test('copies every synced sample to two others, and says so', async () => {
    const [a] = machines as [Machine]
    a.append(0, 500)
    await until('two copies', () => holdersOf(a, 500).length === 2)
    await until('degree 3', () => a.ring.status().degree === 3)
    expect(a.ring.status()).toMatchObject({ isUnderReplicated: false, holders: [{ lagSamples: 0 }, { lagSamples: 0 }] })
    expect(a.ring.counters.bytesOut / 1000).toBeLessThan(6)
  })

  test('rebuilds what a lost machine held and owned, from those that are left', async () => {
    const [a] = machines as [Machine]
    a.append(0, 300)
    await until('two copies', () => holdersOf(a, 300).length === 2)
    machines.shift()
    await a.vanish()
    await until('three copies among three', () => holdersOf(a, 300).length === 3)
    const history = await machines[0]?.ring.historyOf('a')
    const values: number[] = []
    for await (const piece of history?.read({ matches: () => true, fromMs: 0, untilMs: 2e12 }) ?? [])
      values.push(...piece.values)
    expect(values.sort((x, y) => x - y)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('gives a machine that comes back with an empty disk its history again', async () => {
    const [a] = machines as [Machine]
    a.append(0, 300)
    await until('two copies', () => holdersOf(a, 300).length === 2)
    await a.vanish()
    await a.start()
    await until('its own history', () => a.store.stats().accepted >= 300)
    const values: number[] = []
    for await (const piece of a.store.read({ matches: () => true, fromMs: 0, untilMs: 2e12 }))
      values.push(...piece.values)
    expect(values.sort((x, y) => x - y)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  test('keeps apart what a copy of the disk and the original call their series, also once the original has taken back all of it', async () => {
    const [a, b, c, d] = machines as [Machine, Machine, Machine, Machine]
    a.append(0, 100)
    await until('two copies', () => holdersOf(a, 100).length === 2)
    await a.stop()
    const clone = new Machine('a', broker, join(root, 'copy'))
    cpSync(a.folder, clone.folder, { recursive: true })
    machines.push(await clone.start())
    clone.append(1000, 100, 'theirs')
    await until('two copies of the clone’s', () => holdersOf(a, 200).length === 2)
    machines.pop()
    await clone.stop()
    a.session = clone.session
    await a.start()
    a.append(2000, 100, 'ours')
    await until('two copies of all', () => holdersOf(a, 300).filter((machine) => machine !== a).length === 2)
    await until('its own history', () => a.store.stats().accepted >= 200)
    await a.store.commit()
    const holders = [b, c, d].filter(({ ring }) => ring.holds('a'))
    for (const source of [a.store, ...(await Promise.all(holders.map(({ ring }) => ring.historyOf('a'))))]) {
      for (const [series, from] of [
        ['s', 0],
        ['theirs', 1000],
        ['ours', 2000],
      ] as const)
        expect(await valuesOf(source, series)).toEqual(Array.from({ length: 100 }, (_, i) => from + i))
    }
  })

  test('begins anew when the disk is taken away under it: what it held and what it measures are copied again', async () => {
    const [a, b] = machines as [Machine, Machine]
    a.append(0, 300)
    b.append(0, 300)
    await until('two copies', () => holdersOf(a, 300).length === 2 && holdersOf(b, 300).length === 2)
    const { storeId, session } = { storeId: a.store.storeId, session: a.session }
    rmSync(a.folder, { recursive: true })
    let next = 300
    await until('another store', () => {
      a.append(next++, 1)
      return a.store.storeId !== storeId
    })
    await until('a ring of its own', () => a.session > session)
    a.append(10_000, 200)
    await a.store.commit()
    await until('copies of what came since', () => {
      const { holders } = a.ring.status()
      return holders.length === 2 && holders.every(({ lagSamples }) => lagSamples === 0)
    })
    const holder = machines.find(({ host }) => host === a.ring.status().holders[0]?.host)
    const values: number[] = []
    const history = await holder?.ring.historyOf('a')
    for await (const piece of history?.read({ matches: () => true, fromMs: 0, untilMs: 2e12 }) ?? [])
      values.push(...piece.values)
    expect(values.filter((value) => value >= 10_000)).toHaveLength(200)
    await until('whole copies of the others', () => holdersOf(b, 300).length === 2)
  })

  test('hands over when a machine leaves', async () => {
    const [a] = machines as [Machine]
    a.append(0, 300)
    await until('two copies', () => holdersOf(a, 300).length === 2)
    await a.ring.leave(AbortSignal.timeout(15_000))
    expect(holdersOf(a, 300).filter((machine) => machine !== a)).toHaveLength(3)
  })

  test('refuses by reason what is no message, or not the sender’s to say, and keeps nothing of it', async () => {
    const [a, , c] = machines as [Machine, Machine, Machine]
    // greeted by it, c knows the newest start of a
    await until('all greeted', () => a.ring.status().degree === 3)
    expect(a.ring.status().holders.map(({ host }) => host)).toContain('c')
    const start = a.ring.status().start
    const sound = { verb: 'append', storeId: 's', zone: '', from: 1, to: 1, idsTo: 0, rows: new Uint8Array(3) } as const
    const append = (owner: string, lane: number, ownerStart: number): Uint8Array =>
      encodeMessage({ ...sound, owner, start: lane, ownerStart })
    const broken = append('a', start, start)
    broken[20] = 255 - (broken[20] as number)
    const rows = { id: 7, owner: 'd', firstId: 0, count: 0, entries: new Uint8Array(0) }
    const messages: Readonly<Record<string, Uint8Array>> = {
      shape: Uint8Array.of(9, 9, 9),
      version: new Uint8Array(1_048_576),
      checksum: broken,
      owner: append('d', start, start),
      old_start: append('a', 1, 1),
      future: append('a', start + 2 ** 20, start),
      unasked: encodeMessage({ ...sound, ...rows, verb: 'rows', start }),
    }
    for (const [reason, body] of Object.entries(messages))
      a.bus.publish(`lanista.acme.c1.c.ring.a.append.${reason.replace('_', '-')}`, body)
    expect(() => a.bus.publish('lanista.acme.c1.c.ring.a.append.x9', new Uint8Array(100 * 1_048_576))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
    const expected = Object.fromEntries(Object.keys(messages).map((reason) => [reason, 1]))
    await until('a refusal of each', () => Object.keys(c.ring.counters.refused).length === Object.keys(expected).length)
    expect(c.ring.counters.refused).toEqual(expected)
    expect(c.ring.status().heldBytes).toBe(0)
  })

  test('tells the controller what it sees', async () => {
    const controller = broker.connect({ kind: 'controller' })
    await controller.up(AbortSignal.timeout(5000))
    const answer = await controller.request('lanista.acme.c1.a.control.ring.q1', new Uint8Array(0), {
      signal: AbortSignal.timeout(5000),
      deadlineMs: 5000,
    })
    expect(Buffer.from(answer.subarray(2)).toString()).toContain('"host":"a"')
    await controller.close()
  })
})
