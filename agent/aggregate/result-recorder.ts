import { coverageMetric } from '#protocol/messages/result.ts'
import { formatSeries, parseSeries } from '#protocol/metrics/series.ts'
import { type MonitorResult, monitorMetric } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { coverageOf } from '#protocol/monitors/published.ts'
import type { SampleSink } from '../intake/sink.ts'
import { ownClient } from '../store/cardinality.ts'
import type { AggregateCounts } from './counts.ts'
import type { PublishedWindow } from './successors.ts'

/** Series that the results of one monitor may make on one agent; further ones are not recorded and counted. */
export const resultSeriesMax = 1_000

/** The tag of results that are of the whole cloud. */
export const cloudTags: Readonly<Record<string, string>> = { scope: 'cloud' }

/** Puts results into the agent's own store, as series `monitor.<application>.<monitor>` with the tags of the result. */
export class ResultRecorder {
  readonly #sink: Pick<SampleSink, 'seriesId' | 'append'>
  readonly #counts: AggregateCounts
  /** Names of series by metric. */
  readonly #series = new Map<string, Set<string>>()
  /** By metric; undefined for those without. */
  #units: ReadonlyMap<string, string | undefined> = new Map()

  constructor(sink: Pick<SampleSink, 'seriesId' | 'append'>, counts: AggregateCounts) {
    this.#sink = sink
    this.#counts = counts
  }

  /** Takes the units of these plans' monitors. */
  select(plans: readonly ContextPlan[]): void {
    this.#units = new Map(
      plans.flatMap(({ application, monitors }) =>
        monitors.map(({ monitor: { name, unit } }) => [monitorMetric(application, name), unit] as const),
      ),
    )
    for (const metric of this.#series.keys()) if (!this.#units.has(metric)) this.#series.delete(metric)
  }

  unitOf(application: string, monitor: string): string | undefined {
    return this.#units.get(monitorMetric(application, monitor))
  }

  /** Records what is known; an unknown result is stored as nothing. */
  record(results: readonly MonitorResult[], more: Readonly<Record<string, string>> = {}): void {
    for (const { application, monitor, tags, windowEndMs, value } of results) {
      if (value === null) continue
      const id = this.#seriesId(monitorMetric(application, monitor), { ...tags, ...more })
      if (id === undefined) continue
      this.#sink.append(id, windowEndMs, value)
      this.#counts.results++
    }
  }

  /** Records a window of the cloud, and how much of it is known where that is, or was, not all. */
  recordCloud({ application, monitor, windowEndMs, results, revision }: PublishedWindow): void {
    this.record(results, cloudTags)
    const coverage = coverageOf(results)
    if (!results.some(({ expected }) => expected > 0) || (coverage === 1 && revision === 0)) return
    const id = this.#seriesId(coverageMetric(application, monitor), cloudTags)
    if (id !== undefined) this.#sink.append(id, windowEndMs, coverage)
  }

  #seriesId(metric: string, tags: Readonly<Record<string, string>>): number | undefined {
    const text = formatSeries({ name: metric, tags })
    if (typeof parseSeries(text) === 'string') {
      this.#counts.refuse('name')
      return undefined
    }
    const known = this.#series.get(metric) ?? new Set()
    this.#series.set(metric, known)
    const isOld = known.has(text)
    const id =
      isOld || known.size < resultSeriesMax ? this.#sink.seriesId(text, this.#units.get(metric), ownClient) : -1
    if (id < 0) {
      this.#counts.refuse('series')
      return undefined
    }
    known.add(text)
    return id
  }
}
