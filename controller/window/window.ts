/**
 * The recent samples of the whole fleet, in memory and bounded: what answers live tables and queries without asking an agent.
 * It is no history: samples live on agents (DESIGN §6). A sample stays for `windowMs` after it *arrived*, however old its
 * timestamp, so that what a client pushed late or an agent sent after an outage can be looked at too.
 */
import type { SampleSpan } from '#protocol/aggregation/span.ts'
import { formatSeries, parseCanonical } from '#protocol/metrics/series.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import { fairCap } from './fair-cap.ts'
import { bytesPerSample } from './series-columns.ts'
import { WindowSeries } from './window-series.ts'

export interface WindowOptions {
  /** Milliseconds a sample stays after its arrival. */
  readonly windowMs: number
  /** Samples held at most, all hosts; beyond it the biggest series of the biggest hosts lose their oldest (`budget`). */
  readonly samplesMax: number
  /** Series with samples at most, all hosts; beyond it new ones are refused (`series_limit`). At most half of `samplesMax`. */
  readonly seriesMax: number
}

/** Why the window let a sample go or did not take it. `expired` is the normal end. */
export type WindowDropReason = 'expired' | 'budget' | 'series_limit' | 'value'

export interface WindowStats {
  readonly series: number
  readonly samples: number
  readonly bytes: number
  readonly dropped: Readonly<Record<WindowDropReason, number>>
}

/** After an overrun the window is cut to this share of its budget, so that cutting is rare. */
const refillShare = 0.9

export class SampleWindow {
  readonly #options: WindowOptions
  readonly #hosts = new Map<string, Map<string, WindowSeries>>()
  readonly #dropped: Record<WindowDropReason, number> = { expired: 0, budget: 0, series_limit: 0, value: 0 }
  #series = 0
  #samples = 0

  constructor(options: WindowOptions) {
    this.#options = options
  }

  /** The series of a host, the same object for the same name while it has samples. Throws SERIES_INVALID. */
  series(address: Address, text: string, unit: string | undefined): WindowSeries {
    const name = parseCanonical(text)
    const canonical = formatSeries(name)
    return this.find(hostIdOf(address), canonical) ?? new WindowSeries(address, canonical, name, unit)
  }

  /** Takes a sample that arrived at `nowMs`. The last one written for a timestamp wins. */
  append(series: WindowSeries, timestampMs: number, value: number, nowMs: number): void {
    if (!Number.isFinite(timestampMs) || !Number.isFinite(value)) {
      this.#dropped.value++
      return
    }
    const kept = series.columns ? series : this.#enter(series)
    if (!kept) {
      this.#dropped.series_limit++
      return
    }
    this.#samples += kept.opened().append(timestampMs, value, Math.floor(nowMs / 1000))
    if (this.#samples > this.#options.samplesMax) this.#cut()
  }

  /** Drops what has been here for longer than the window. Call every few seconds. */
  sweep(nowMs: number): void {
    const cutS = Math.floor((nowMs - this.#options.windowMs) / 1000)
    for (const hostSeries of this.#hosts.values()) {
      for (const series of hostSeries.values()) this.#expire(series, cutS)
    }
  }

  /** Samples of a series with `fromMs <= timestamp <= untilMs`, in order of time; undefined when it has none at all. */
  read(series: WindowSeries, fromMs: number, untilMs: number): SampleSpan | undefined {
    const before = series.samples
    const slice = series.columns?.slice(fromMs, untilMs)
    this.#samples += series.samples - before
    return slice
  }

  /** Every series that has samples now; `host` is `T.C.H`. */
  *list(host?: string): Iterable<WindowSeries> {
    if (host !== undefined) {
      yield* this.#hosts.get(host)?.values() ?? []
      return
    }
    for (const hostSeries of this.#hosts.values()) yield* hostSeries.values()
  }

  /** Hosts `T.C.H` that have samples now. */
  hosts(): Iterable<string> {
    return this.#hosts.keys()
  }

  /** The series of a host by its canonical name, if it has samples. */
  find(host: string, canonical: string): WindowSeries | undefined {
    return this.#hosts.get(host)?.get(canonical)
  }

  stats(): WindowStats {
    let capacity = 0
    for (const series of this.list()) capacity += series.capacity
    return {
      series: this.#series,
      samples: this.#samples,
      bytes: capacity * bytesPerSample,
      dropped: { ...this.#dropped },
    }
  }

  #enter(series: WindowSeries): WindowSeries | undefined {
    const host = hostIdOf(series.address)
    const known = this.#hosts.get(host)?.get(series.canonical)
    if (known) return known
    if (this.#series >= this.#options.seriesMax) return undefined
    const hostSeries = this.#hosts.get(host) ?? new Map<string, WindowSeries>()
    this.#hosts.set(host, hostSeries.set(series.canonical, series))
    this.#series++
    return series
  }

  #leave(series: WindowSeries): void {
    const host = hostIdOf(series.address)
    const hostSeries = this.#hosts.get(host)
    hostSeries?.delete(series.canonical)
    if (hostSeries?.size === 0) this.#hosts.delete(host)
    series.columns = undefined
    this.#series--
  }

  #expire(series: WindowSeries, cutS: number): void {
    this.#shrink(series, 'expired', () => series.columns?.expire(cutS) ?? 0)
    if (series.samples === 0) this.#leave(series)
  }

  /** Merging a tail drops repeats of a timestamp, which are no loss: only what `drop` reports is counted. */
  #shrink(series: WindowSeries, reason: WindowDropReason, drop: () => number): void {
    const before = series.samples
    this.#dropped[reason] += drop()
    this.#samples += series.samples - before
  }

  /** The biggest hosts give first, and of each its biggest series. */
  #cut(): void {
    const sizes = [...this.#hosts.values()].map((hostSeries) =>
      [...hostSeries.values()].map((series) => series.samples),
    )
    const totals = sizes.map((counts) => counts.reduce((sum, count) => sum + count, 0))
    const hostCap = fairCap(totals, Math.floor(this.#options.samplesMax * refillShare))
    for (const [i, hostSeries] of [...this.#hosts.values()].entries()) {
      if ((totals[i] as number) <= hostCap) continue
      const seriesCap = fairCap(sizes[i] as number[], hostCap)
      for (const series of hostSeries.values()) {
        this.#shrink(series, 'budget', () => series.columns?.trim(seriesCap) ?? 0)
      }
    }
  }
}
