/**
 * What a host that is gone would say of its windows, from the copies of its samples that are held here. Copies lie in the order of arrival,
 * so one reading of an owner goes through all of them: what was read is kept for the questions that follow.
 */
import type { SampleSpan } from '#protocol/aggregation/span.ts'
import { parseCanonical } from '#protocol/metrics/series.ts'
import { forgetMsDefault, SeriesBinding } from '#protocol/monitors/binding.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { HistorySource } from '../ring/copies-history.ts'
import { HostContext } from './host-context.ts'
import type { PartialName } from './peer-messages.ts'
import { restoredResults } from './restored-results.ts'
import { inputIndexOf } from './selector-index.ts'
import { readSpans } from './stored-spans.ts'

export interface CopiesWordsDeps {
  readonly cloud: string
  readonly copiesOf: (owner: string) => Promise<HistorySource | undefined>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Samples of all owners that are kept in memory, 16 bytes each; the owner that was read first gives way. */
const samplesMax = 1_000_000
/** What was read counts for so long, ms: copies may have come since. */
const readMsMax = 60_000

interface Reading {
  readonly plans: readonly ContextPlan[]
  readonly fromMs: number
  readonly atMs: number
  readonly binding: SeriesBinding
  readonly spans: ReadonlyMap<string, SampleSpan>
  readonly contexts: ReadonlyMap<string, HostContext>
}

export class CopiesWords {
  readonly #deps: CopiesWordsDeps
  readonly #readings = new Map<string, Reading>()

  constructor(deps: CopiesWordsDeps) {
    this.#deps = deps
  }

  /**
   * What the owner would say of these windows; undefined when nothing of it is held here. Rejects with QUERY_TOO_LARGE, and with the
   * signal's reason.
   */
  async partials(
    owner: string,
    plans: readonly ContextPlan[],
    windows: readonly PartialName[],
    signal: AbortSignal,
  ): Promise<MonitorPartial[] | undefined> {
    const firstMs = Math.min(...windows.map(({ windowEndMs }) => windowEndMs))
    const reading = await this.#reading(owner, plans, firstMs, signal)
    if (reading === undefined) return undefined
    return windows.flatMap(({ application, monitor, windowEndMs }) => {
      const context = reading.contexts.get(application)
      const bound: SeriesBinding['bound'] = (...of) => reading.binding.bound(...of)
      return context?.evaluate(new Set([monitor]), windowEndMs, bound, reading.spans).partials ?? []
    })
  }

  async #reading(
    owner: string,
    plans: readonly ContextPlan[],
    firstMs: number,
    signal: AbortSignal,
  ): Promise<Reading | undefined> {
    const known = this.#readings.get(owner)
    const nowMs = this.#deps.clock.monotonic()
    const contexts = new Map(
      plans.map((plan) => [plan.application, new HostContext(plan, { cloud: this.#deps.cloud, host: owner })]),
    )
    const fromMs = firstMs - Math.max(0, ...[...contexts.values()].map(({ reachMs }) => reachMs))
    if (known?.plans === plans && known.fromMs <= fromMs && nowMs - known.atMs < readMsMax) return known
    const source = await this.#deps.copiesOf(owner)
    if (source === undefined) return undefined
    const reading = {
      plans,
      fromMs,
      atMs: nowMs,
      contexts,
      ...(await this.#read(owner, source, contexts, fromMs, signal)),
    }
    this.#readings.delete(owner)
    this.#readings.set(owner, reading)
    this.#makeRoom()
    return reading
  }

  #makeRoom(): void {
    let samples = 0
    for (const [owner, { spans }] of [...this.#readings].reverse()) {
      for (const { start, end } of spans.values()) samples += end - start
      if (samples > samplesMax) this.#readings.delete(owner)
    }
  }

  async #read(
    owner: string,
    source: HistorySource,
    contexts: ReadonlyMap<string, HostContext>,
    fromMs: number,
    signal: AbortSignal,
  ): Promise<Pick<Reading, 'binding' | 'spans'>> {
    const plans = [...contexts.values()].map(({ plan }) => plan)
    const binding = new SeriesBinding({ cloud: this.#deps.cloud, host: owner })
    binding.select(plans)
    const seriesIds = inputsOf(source, plans)
    // what was silent for longer than a window sees is unknown, as the host would say, and not gone
    const earlier = { fromMs: fromMs - forgetMsDefault, untilMs: fromMs - 1, newest: true, matches: () => true }
    for await (const { name: text, timestampsMs } of source.read({ ...earlier, seriesIds, signal })) {
      const newestMs = timestampsMs[0] as number
      binding.seriesSeen({ ...parseCanonical(text), text, firstMs: Number.NEGATIVE_INFINITY, newestMs })
    }
    const spans = await readSpans(source, { seriesIds, fromMs, beforeMs: 2 ** 45 }, signal)
    for (const [text, { timestampsMs, start, end }] of spans) {
      const [firstMs, newestMs] = [timestampsMs[start] as number, timestampsMs[end - 1] as number]
      binding.seriesSeen({ ...parseCanonical(text), text, firstMs, newestMs })
    }
    for (const context of contexts.values()) {
      for await (const results of restoredResults(source, context.plan, fromMs, signal)) context.remember(results)
    }
    return { binding, spans }
  }
}

function inputsOf(source: HistorySource, plans: readonly ContextPlan[]): number[] {
  const index = inputIndexOf(plans)
  const ids: number[] = []
  for (let id = 0; id < source.seriesCount; id++) {
    if (index.takes(parseCanonical(source.seriesEntry(id).name))) ids.push(id)
  }
  return ids
}
