/** The figures of the store, each taken on a store of its own below `folder`: called by `npm run bench -- store`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { openStore } from './open-store.ts'
import type { StoreOptions } from './options.ts'
import type { StoreReport } from './report.ts'
import type { HistoryStore } from './store.ts'

const deps = { clock: systemClock, logger: silentLogger }
const stepMs = 10_000

/** Runs with a fresh store, which is closed and removed afterwards. */
async function withStore<T>(
  folder: string,
  options: Partial<StoreOptions>,
  run: (store: HistoryStore, folder: string) => Promise<T>,
): Promise<T> {
  const own = await mkdtemp(join(folder, 'store-'))
  // the store's timers do not keep a process alive
  const alive = setInterval(() => {}, 60_000)
  const store = await openStore({ folder: own, ...options }, deps)
  try {
    return await run(store, own)
  } finally {
    clearInterval(alive)
    await store.close()
    await rm(own, { recursive: true, force: true })
  }
}

/** The load of `shared/bench/carbon-gen.c`: 30 % counters, 20 % noisy and 20 % slow gauges, 30 % near-constants, time-major. */
export async function appendLoad(store: HistoryStore, series: number, steps: number, fromMs: number): Promise<void> {
  const ids = Array.from({ length: series }, (_, i) =>
    store.seriesId(`agents.host${String(i).padStart(6, '0')}.cpu.0.percent`),
  )
  const values = Float64Array.from(ids, (id) => (id * 7919) % 10_000)
  let random = 1
  for (let step = 0; step < steps; step++) {
    const timeMs = fromMs + step * stepMs
    for (let i = 0; i < series; i++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff
      const kind = i % 10
      if (kind < 3) values[i] = (values[i] as number) + (random % 1000)
      else if (kind < 5) values[i] = (random % 10_000) / 100
      else if (kind < 7) values[i] = Math.round(((values[i] as number) + ((random % 21) - 10) / 100) * 100) / 100
      else if (random % 200 === 0) values[i] = random % 100
      store.append(ids[i] as number, timeMs, values[i] as number)
      if ((i & 1023) === 0 && store.isFull) await store.drained()
    }
    if (step % 8 === 0) await turn()
  }
}

export interface AppendFigures {
  readonly series: number
  readonly samples: number
  readonly samplesASecond: number
  readonly cpuMicrosASample: number
  readonly peakRssMiB: number
}

/** Samples a second appended, journaled and sealed, generator included. */
export function measureAppend(folder: string, series: number, steps: number): Promise<AppendFigures> {
  return withStore(folder, {}, async (store) => {
    const start = performance.now()
    const cpu = process.cpuUsage()
    await appendLoad(store, series, steps, Date.now() - steps * stepMs)
    await store.flush()
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const samples = series * steps
    const lost = Object.values(store.stats().dropped).reduce((a, b) => a + b)
    if (lost > 0) throw new Error(`${lost} samples were dropped: ${JSON.stringify(store.stats().dropped)}`)
    return {
      series,
      samples,
      samplesASecond: Math.round(samples / seconds),
      cpuMicrosASample: (user + system) / samples,
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }
  })
}

/** Size of a trace of carbon lines on disk after a flush; every `everyMs` of its time is kept. */
export function measureTrace(folder: string, lines: Iterable<string>, everyMs: number): Promise<StoreReport> {
  return withStore(folder, {}, async (store) => {
    let firstMs: number | undefined
    for (const line of lines) {
      const [name, value, seconds] = line.split(' ')
      if (name === undefined || seconds === undefined) continue
      const timeMs = Number(seconds) * 1000
      firstMs ??= timeMs
      if ((timeMs - firstMs) % everyMs !== 0) continue
      store.append(store.seriesId(name), timeMs, Number(value))
      if (store.isFull) await store.drained()
    }
    await store.flush()
    await store.compact()
    return store.report()
  })
}

export interface ReadFigures {
  readonly series: number
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Reading 24 h of 1 and of 100 series at 10 s out of 1,000. */
export function measureRead(folder: string, repetitions: number): Promise<ReadFigures[]> {
  return withStore(folder, {}, async (store) => {
    const steps = 8640
    const fromMs = Date.now() - steps * stepMs
    await appendLoad(store, 1000, steps, fromMs)
    await store.flush()
    const figures: ReadFigures[] = []
    for (const count of [1, 100]) {
      const times: number[] = []
      let samples = 0
      for (let i = 0; i < repetitions; i++) {
        const first = (i * 97) % (1000 - count)
        const wanted = new Set(
          Array.from({ length: count }, (_, k) => `agents.host${String(first + k).padStart(6, '0')}.cpu.0.percent`),
        )
        const start = performance.now()
        samples = 0
        const request = {
          matches: ({ name }: { name: string }) => wanted.has(name),
          fromMs,
          untilMs: fromMs + steps * stepMs,
        }
        for await (const piece of store.read(request)) samples += piece.values.length
        times.push(performance.now() - start)
      }
      times.sort((a, b) => a - b)
      figures.push({ series: count, samples, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) })
    }
    return figures
  })
}

function quantile(sorted: readonly number[], q: number): number {
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0) * 100) / 100
}

export interface MemoryFigures {
  readonly series: number
  readonly samples: number
  /** Resident before the store was opened, and with these samples in memory. */
  readonly rssBeforeMiB: number
  readonly rssMiB: number
  readonly bytesASeries: number
}

/** Resident memory with `series` series and so many samples that are not sealed. Leaves the store open: the process is meant to be killed. */
export async function fillMemory(folder: string, series: number, steps: number): Promise<MemoryFigures> {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const store = await openStore({ folder, sealAgeMs: 86_400_000 }, deps)
  await appendLoad(store, series, steps, Date.now() - steps * stepMs)
  await store.commit()
  globalThis.gc?.()
  const rss = process.memoryUsage().rss
  const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)
  const bytesASeries = Math.round((rss - before) / series)
  return { series, samples: series * steps, rssBeforeMiB: mib(before), rssMiB: mib(rss), bytesASeries }
}

export interface OpenFigures {
  readonly series: number
  readonly openMs: number
  /** Samples that a reader finds, each timestamp of a series once. */
  readonly samples: number
}

/** Opens a store whose process was killed and counts what it holds, of the series that `matches` takes. */
export async function measureOpen(folder: string, matches: SeriesMatcher): Promise<OpenFigures> {
  const alive = setInterval(() => {}, 60_000)
  const start = performance.now()
  const store = await openStore({ folder }, deps)
  const openMs = Math.round(performance.now() - start)
  let samples = 0
  for await (const { windows } of store.windows({ matches, fromMs: 0, untilMs: 2 ** 45, function: 'count' })) {
    for (const [, count] of windows) samples += count as number
  }
  const series = store.seriesCount
  await store.close()
  clearInterval(alive)
  return { series, openMs, samples }
}
