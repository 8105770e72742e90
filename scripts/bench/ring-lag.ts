/** From committed here to held by both holders: three agents, as far as store and ring go, in one process over the bus in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRing } from '#agent/ring/open-ring.ts'
import type { Ring } from '#agent/ring/ring.ts'
import { ringDefaults } from '#agent/ring/ring-options.ts'
import { openStore } from '#agent/store/open-store.ts'
import type { HistoryStore } from '#agent/store/store.ts'
import type { CountedBus } from '#broker/bus.ts'
import { MemoryBroker } from '#broker/memory.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { printTable, quantile, type Row } from './report.ts'

const deps = { clock: systemClock, logger: silentLogger }
const settings = { ...ringDefaults, bytesMax: 2 ** 29, zone: '', heartbeatIntervalMs: 2000 }
const seriesCount = 1000
const tickMs = 20
const warmUpMs = 5000
const measureMs = 20_000

export async function benchRingLag(): Promise<void> {
  const rows: Row[] = []
  for (const rate of [1000, 10_000]) {
    const lags = await measure(rate)
    const seconds = (q: number): string => (quantile(lags, q) / 1000).toFixed(2)
    rows.push({ 'samples/s an agent': rate, commits: lags.length, 'p50 s': seconds(0.5), 'p99 s': seconds(0.99) })
  }
  printTable('Ring: from committed to held by both holders, R = 3, synced every second', rows)
}

async function measure(samplesASecond: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lanista-bench-lag-'))
  const broker = new MemoryBroker(deps)
  const agents: Lagging[] = []
  try {
    for (const host of ['a', 'b', 'c']) agents.push(await Lagging.open(host, broker, join(folder, host)))
    const beganAt = performance.now()
    for (let tick = 0; performance.now() - beganAt < warmUpMs + measureMs; tick++) {
      const isWarm = performance.now() - beganAt > warmUpMs
      for (const agent of agents) agent.tick(tick, (samplesASecond * tickMs) / 1000, isWarm)
      await sleep(Math.max(0, beganAt + tickMs * (tick + 1) - performance.now()))
    }
    return agents.flatMap(({ lagsMs }) => lagsMs)
  } finally {
    for (const agent of agents) await agent.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** An agent's store and ring, and how late its commits were with both holders. */
class Lagging {
  readonly lagsMs: number[] = []
  readonly #host: string
  readonly #bus: CountedBus
  readonly #store: HistoryStore
  readonly #ring: Ring
  readonly #waiting: { readonly to: number; readonly atMs: number }[] = []

  private constructor(host: string, bus: CountedBus, store: HistoryStore, ring: Ring) {
    this.#host = host
    this.#bus = bus
    this.#store = store
    this.#ring = ring
    let committed = 0
    store.onCommit(() => {
      const to = store.nextPosition - 1
      if (to > committed) this.#waiting.push({ to, atMs: performance.now() })
      committed = to
    })
  }

  static async open(host: string, broker: MemoryBroker, folder: string): Promise<Lagging> {
    const address = { tenant: 'bench', cloud: 'home', host }
    const bus = broker.connect({ kind: 'agent', address })
    const store = await openStore({ folder, commitIntervalMs: 200, sync: 'everySecond' }, deps)
    const own = { ...deps, bus, store, session: () => 1, renewSession: () => {} }
    const ring = await openRing({ address, settings, storeFolder: folder }, own)
    await bus.up(AbortSignal.timeout(5000))
    return new Lagging(host, bus, store, ring)
  }

  /** Accepts samples, says now and then that it is there, and looks what has arrived. */
  tick(tick: number, samples: number, isWarm: boolean): void {
    if (tick % 50 === 0) this.#say(tick === 0 ? 'birth' : 'heartbeat')
    for (let i = 0; i < samples; i++) {
      const id = this.#store.seriesId(`s${(tick * samples + i) % seriesCount}`)
      this.#store.append(id, Date.now(), Math.random())
    }
    const { settledTo } = this.#ring
    while (this.#waiting[0] && this.#waiting[0].to <= settledTo) {
      const lagMs = performance.now() - this.#waiting[0].atMs
      this.#waiting.shift()
      if (isWarm) this.lagsMs.push(lagMs)
    }
  }

  async close(): Promise<void> {
    await this.#ring.close()
    await this.#bus.close()
    await this.#store.close()
  }

  #say(kind: 'birth' | 'heartbeat'): void {
    const { storeId } = this.#store
    const birth = { session: 1, version: '1', pid: 1, labels: {}, inventory: {}, storeId, startedAtMs: 0 }
    const beat = { session: 1, nowMs: 0, load: 0, lagSamples: 0, dropped: 0 }
    this.#bus.publish(`lanista.bench.home.${this.#host}.${kind}`, encodeJson(kind === 'birth' ? birth : beat))
  }
}
