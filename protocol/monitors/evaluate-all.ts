/**
 * Everything in one place: all monitors of an application at every scope, from samples alone. What rules replay, and what the tests hold
 * the distributed evaluation to: it calls the same functions in the same order, without time passing in between.
 */
import { type SampleSpan, spanBetween } from '#protocol/aggregation/span.ts'
import { formatSeries, type SeriesName } from '#protocol/metrics/series.ts'
import { type KnownInstance, SeriesBinding } from './binding.ts'
import type { GroupPartial } from './gather.ts'
import { evaluateHost } from './host-evaluation.ts'
import type { MonitorResult } from './model.ts'
import { type ContextPlan, type PlannedMonitor, reachMs } from './plan.ts'
import { ResultHistory } from './result-history.ts'
import { expectWanted, type WantedOf } from './wanted.ts'
import { type WideEvaluation, WideWindow } from './wide-evaluation.ts'
import type { InputReader } from './window-evaluation.ts'

/** All samples of one host that matter, in time order within each series. */
export interface HostSamples {
  readonly cloud: string
  readonly host: string
  readonly series: readonly { readonly series: SeriesName; readonly span: SampleSpan }[]
  /** Instances that ran on it; without any, only tagged series belong to a component. */
  readonly instances?: readonly KnownInstance[] | undefined
}

/** Which windows; their inputs are evaluated from as far back as the plan sees, where there are samples. */
export interface EvaluationRange {
  /** Window ends from here to there, both inclusive, epoch ms. */
  readonly fromMs: number
  readonly untilMs: number
}

export interface EvaluateAllOptions {
  /** Instances a component should have at a window's end: that many inputs are expected at least. */
  readonly wantedOf?: WantedOf | undefined
}

/** One host's part. */
interface Host {
  readonly cloud: string
  readonly host: string
  readonly history: ResultHistory
  readonly reader: InputReader
}

/**
 * Results of all monitors by window end, then by scope, then in the plan's order; unknown ones included. Those of host and cloud scope carry the tags
 * `host` and `cloud` of where they are from.
 */
export function* evaluateAll(
  plan: ContextPlan,
  samples: readonly HostSamples[],
  { fromMs, untilMs }: EvaluationRange,
  { wantedOf }: EvaluateAllOptions = {},
): Generator<MonitorResult> {
  const reach = Math.max(0, ...plan.monitors.map((planned) => reachMs(plan, planned)))
  const hosts = samples.map((each) => openHost(plan, each, reach))
  const clouds = [...new Set(hosts.map(({ cloud }) => cloud))].sort()
  const histories = new Map([...clouds, ''].map((cloud) => [cloud, new ResultHistory(reach + historySlackMs)]))
  for (const windowEndMs of windowEnds(plan, fromMs - reach, untilMs)) {
    for (const result of evaluateWindow(plan, windowEndMs, hosts, histories, wantedOf)) {
      if (windowEndMs >= fromMs) yield result
    }
  }
}

const historySlackMs = 86_400_000

function* evaluateWindow(
  plan: ContextPlan,
  windowEndMs: number,
  hosts: readonly Host[],
  histories: ReadonlyMap<string, ResultHistory>,
  wantedOf: WantedOf | undefined,
): Generator<MonitorResult> {
  const partials = new Map<string, (readonly GroupPartial[])[]>()
  for (const { cloud, host, reader, history } of hosts) {
    const evaluated = evaluateHost(plan, windowEndMs, reader, { cloud, host })
    for (const result of evaluated.results) {
      history.add(result)
      yield { ...result, tags: { ...result.tags, cloud, host } }
    }
    for (const { monitor, groups } of evaluated.partials) push(partials, `${cloud} ${monitor}`, groups)
  }
  const merged = new Map<string, (readonly GroupPartial[])[]>()
  for (const [cloud, history] of histories) {
    if (cloud === '') continue
    const place = { application: plan.application, cloud }
    const below = (name: string): (readonly GroupPartial[])[] => partials.get(`${cloud} ${name}`) ?? []
    for (const [planned, { results, groups }] of evaluateScope(plan, 'cloud', place, windowEndMs, history, below)) {
      if (planned.monitor.scope === 'cross-cloud') push(merged, planned.monitor.name, groups)
      for (const result of results) yield { ...result, tags: { ...result.tags, cloud } }
    }
  }
  const place = { application: plan.application }
  const history = histories.get('') as ResultHistory
  const below = (name: string): (readonly GroupPartial[])[] => merged.get(name) ?? []
  const all = evaluateScope(plan, 'cross-cloud', place, windowEndMs, history, below, (planned, groups) =>
    expectWanted(plan.application, planned, groups, windowEndMs, wantedOf),
  )
  for (const [, { results }] of all) yield* results
}

function* evaluateScope(
  plan: ContextPlan,
  scope: 'cloud' | 'cross-cloud',
  place: { readonly application: string; readonly cloud?: string },
  windowEndMs: number,
  history: ResultHistory,
  below: (monitor: string) => (readonly GroupPartial[])[],
  expect: (planned: PlannedMonitor, groups: GroupPartial[]) => readonly GroupPartial[] = (_, groups) => groups,
): Generator<readonly [PlannedMonitor, WideEvaluation]> {
  const window = new WideWindow(plan, windowEndMs, historyReader(history), place)
  for (const planned of plan.monitors) {
    const { monitor } = planned
    if (monitor.scope === 'host' || (scope === 'cross-cloud' && monitor.scope !== scope)) continue
    if (windowEndMs % monitor.everyMs !== 0) continue
    const evaluated = window.evaluate(planned, {
      scope,
      place,
      windowEndMs,
      revision: 0,
      below: below(monitor.name),
      expect: (groups) => expect(planned, groups),
    })
    if (monitor.scope === scope) window.record(monitor.name, evaluated.results)
    for (const result of evaluated.results) history.add(result)
    yield [planned, evaluated]
  }
}

/** Reads results only: wider scopes have no series of their own. */
export function historyReader(history: ResultHistory): InputReader {
  return { series: () => [], results: (monitor, windowEndMs) => history.inputs(monitor, windowEndMs) }
}

function openHost(plan: ContextPlan, { cloud, host, series, instances = [] }: HostSamples, reach: number): Host {
  const binding = new SeriesBinding({ cloud, host })
  const spans = new Map<string, SampleSpan>()
  binding.select([plan])
  for (const instance of instances) binding.instanceSeen(instance)
  for (const { series: name, span } of series) {
    if (span.end === span.start) continue
    const text = formatSeries(name)
    spans.set(text, span)
    const [firstMs, newestMs] = [span.timestampsMs[span.start] as number, span.timestampsMs[span.end - 1] as number]
    binding.seriesSeen({ ...name, text, firstMs, newestMs })
  }
  const history = new ResultHistory(reach + historySlackMs)
  const reader: InputReader = {
    series: (of, filter, windowEndMs) =>
      binding.bound(plan.application, of, filter, windowEndMs).map(({ text, tags }) => {
        const span = spans.get(text) as SampleSpan
        return { tags, read: (fromMs, beforeMs) => spanBetween(span, fromMs, beforeMs) }
      }),
    results: (monitor, windowEndMs) => history.inputs(monitor, windowEndMs),
  }
  return { cloud, host, history, reader }
}

/** Ends of windows of any monitor, ascending. */
function windowEnds(plan: ContextPlan, fromMs: number, untilMs: number): number[] {
  const ends = new Set<number>()
  for (const everyMs of new Set(plan.monitors.map(({ monitor }) => monitor.everyMs))) {
    for (let endMs = Math.ceil(fromMs / everyMs) * everyMs; endMs <= untilMs; endMs += everyMs) ends.add(endMs)
  }
  return [...ends].sort((a, b) => a - b)
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}
