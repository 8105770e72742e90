/** Hosts with monitors for tests: real stores in a folder that goes away, time and bus in memory. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeMonitorSet } from '#protocol/messages/monitor-set.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { Intake } from '../intake/intake.ts'
import { openStore } from '../store/open-store.ts'
import type { HistoryStore } from '../store/store.ts'
import { Aggregate } from './aggregate.ts'

/** A multiple of every usual `every`. */
export const startMs = 1_700_000_100_000

export class StageHost {
  readonly address: { readonly tenant: string; readonly cloud: string; readonly host: string }
  readonly clock: FakeClock
  readonly data: string
  store!: HistoryStore
  intake!: Intake
  aggregate!: Aggregate

  constructor(host: string, root: string, clock: FakeClock) {
    this.address = { tenant: 'acme', cloud: 'c1', host }
    this.clock = clock
    this.data = join(root, host)
  }

  async open(): Promise<this> {
    const deps = { clock: this.clock, logger: silentLogger }
    this.store = await openStore({ folder: join(this.data, 'store'), commitIntervalMs: 0, freeBytesMin: 0 }, deps)
    this.intake = new Intake({ seriesMax: 100_000 }, { store: this.store, logger: silentLogger })
    this.aggregate = new Aggregate(
      { address: this.address, data: this.data },
      { store: this.store, intake: this.intake, ...deps },
    )
    return this
  }

  append(name: string, timestampMs: number, value: number, tags: Readonly<Record<string, string>> = {}): void {
    this.intake.append(this.intake.seriesId(formatSeries({ name, tags })), timestampMs, value)
  }

  /** Samples of one series, `[timestampMs, value]`. */
  async samples(match: (name: string) => boolean): Promise<Record<string, [number, number][]>> {
    const found: Record<string, [number, number][]> = {}
    const request = { fromMs: 0, untilMs: 2 ** 45, matches: () => true }
    for await (const { name, timestampsMs, values } of this.store.read(request)) {
      if (!match(name)) continue
      found[name] = Array.from(values, (value, i) => [(timestampsMs[i] as number) - startMs, value])
    }
    return found
  }

  /** Results recorded here, with times since `startMs`. */
  results(): Promise<Record<string, [number, number][]>> {
    return this.samples((name) => name.startsWith('monitor.'))
  }

  async close(): Promise<void> {
    await this.aggregate.close()
    await this.store.close()
  }
}

/** Bodies of a set with these sections of one application. */
export function monitorBodies(generation: number, monitors: unknown, application = 'shop'): Uint8Array[] {
  const parsed = parseAxe({ monitors }, { application, components: ['web'] })
  if (parsed.issues.length > 0) throw new Error(JSON.stringify(parsed.issues))
  return encodeMonitorSet({ generation, contexts: [{ application, monitors: parsed.monitors }], uplink: ['cpu.*'] })
}

export class Stage implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock(startMs)
  readonly #root = mkdtempSync(join(tmpdir(), 'aggregate-'))
  readonly #hosts: StageHost[] = []

  async host(name: string): Promise<StageHost> {
    const host = await new StageHost(name, this.#root, this.clock).open()
    this.#hosts.push(host)
    return host
  }

  /** Moves time on in steps, so that what waits for a disk is done before the next timer. */
  async advance(ms: number, stepMs = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await this.clock.advance(Math.min(stepMs, left))
      await settled()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.close()
    rmSync(this.#root, { recursive: true, force: true })
  }
}

/** Lets what waits for a disk go on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}
