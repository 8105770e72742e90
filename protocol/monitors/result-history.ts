import { type SampleSpan, spanBetween } from '#protocol/aggregation/span.ts'
import { type Coverage, coverageOfInput, keyOf, sumOf } from './gather.ts'
import type { MonitorResult, ResultTags } from './model.ts'
import type { BoundInput } from './window-evaluation.ts'

/** Series of results that one history keeps; beyond it the one written longest ago goes. */
export const historySeriesMax = 100_000

interface Series {
  readonly tags: ResultTags
  /** Window ends, ascending, and known values. */
  readonly windowEndsMs: number[]
  readonly values: number[]
  /** What each result was made of, unknown ones included, by window end. */
  readonly coverage: Map<number, Coverage>
  /** Window ends of the oldest and the newest result, known or not. */
  firstMs: number
  newestMs: number
  span: SampleSpan | undefined
}

/**
 * Results as series, for monitors that look back on them. A series is an input from its first result on, until none has come for a
 * time; a window without results in it is unknown. A result of a window that is there already takes its place.
 */
export class ResultHistory {
  readonly #byMonitor: Map<string, Map<string, Series>> = new Map()
  readonly #keepMs: number
  readonly #seriesMax: number
  #size = 0
  #evicted = 0

  /**
   * @param keepMs results are dropped, and series without any are forgotten, when they are this much older than the newest
   * @param before a history whose results this one takes over
   */
  constructor(keepMs: number, before?: ResultHistory, seriesMax: number = historySeriesMax) {
    this.#keepMs = keepMs
    this.#seriesMax = seriesMax
    if (before === undefined) return
    this.#byMonitor = before.#byMonitor
    this.#size = before.#size
  }

  get keepMs(): number {
    return this.#keepMs
  }

  /** Series dropped at the bound, ever. */
  get evicted(): number {
    return this.#evicted
  }

  add({ monitor, tags, windowEndMs, value, known, expected, gaps }: MonitorResult): void {
    let series = this.#byMonitor.get(monitor)
    if (series === undefined) this.#byMonitor.set(monitor, (series = new Map()))
    const key = keyOf(tags)
    let own = series.get(key)
    if (own === undefined) {
      if (this.#size >= this.#seriesMax) this.#evict()
      own = {
        tags,
        windowEndsMs: [],
        values: [],
        coverage: new Map(),
        firstMs: windowEndMs,
        newestMs: windowEndMs,
        span: undefined,
      }
      series.set(key, own)
      this.#size++
    }
    write(own, windowEndMs, value)
    own.coverage.set(windowEndMs, coverageOfInput({ tags, value, known, expected, gaps }))
    const firstKept = own.windowEndsMs.findIndex((endMs) => endMs >= own.newestMs - this.#keepMs)
    if (firstKept > 64) {
      own.windowEndsMs.splice(0, firstKept)
      own.values.splice(0, firstKept)
      for (const endMs of own.coverage.keys()) if (endMs < own.newestMs - this.#keepMs) own.coverage.delete(endMs)
      own.span = undefined
    }
  }

  /** The results of a monitor as inputs at a window end; see `InputReader.results`. */
  inputs(monitor: string, windowEndMs: number): BoundInput[] {
    const series = this.#byMonitor.get(monitor)
    if (series === undefined) return []
    const bound: BoundInput[] = []
    for (const [key, own] of series) {
      if (own.newestMs < windowEndMs - this.#keepMs) {
        series.delete(key)
        this.#size--
      } else if (own.firstMs <= windowEndMs) {
        bound.push({
          tags: own.tags,
          read: (fromMs, beforeMs) => spanBetween(spanOfSeries(own), fromMs, beforeMs),
          coverage: (fromMs, beforeMs) => coverageBetween(own, fromMs, beforeMs),
        })
      }
    }
    return bound
  }

  /** Forgets a monitor. */
  drop(monitor: string): void {
    this.#size -= this.#byMonitor.get(monitor)?.size ?? 0
    this.#byMonitor.delete(monitor)
  }

  #evict(): void {
    let oldest: { series: Map<string, Series>; key: string; newestMs: number } | undefined
    for (const series of this.#byMonitor.values()) {
      for (const [key, { newestMs }] of series) {
        if (oldest === undefined || newestMs < oldest.newestMs) oldest = { series, key, newestMs }
      }
    }
    if (oldest === undefined) return
    oldest.series.delete(oldest.key)
    this.#size--
    this.#evicted++
  }
}

function write(series: Series, windowEndMs: number, value: number | null): void {
  const { windowEndsMs, values } = series
  series.newestMs = Math.max(series.newestMs, windowEndMs)
  series.firstMs = Math.min(series.firstMs, windowEndMs)
  series.span = undefined
  let at = windowEndsMs.length
  while (at > 0 && (windowEndsMs[at - 1] as number) >= windowEndMs) at--
  const isThere = windowEndsMs[at] === windowEndMs ? 1 : 0
  windowEndsMs.splice(at, isThere, ...(value === null ? [] : [windowEndMs]))
  values.splice(at, isThere, ...(value === null ? [] : [value]))
}

function spanOfSeries(series: Series): SampleSpan {
  series.span ??= {
    timestampsMs: Float64Array.from(series.windowEndsMs),
    values: Float64Array.from(series.values),
    start: 0,
    end: series.values.length,
  }
  return series.span
}

function coverageBetween({ coverage }: Series, fromMs: number, beforeMs: number): Coverage & { windows: number } {
  let sum: Coverage = { known: 0, expected: 0 }
  let windows = 0
  for (const [endMs, own] of coverage) {
    if (endMs < fromMs || endMs >= beforeMs) continue
    sum = sumOf(sum, own)
    windows++
  }
  return { ...sum, windows }
}
