/** Every monitor with what it says now: definitions from the applications, values from the stores that keep the results. */
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import { metricOf } from '#controller/query/metric-list.ts'
import type { Row } from '#controller/query/rows.ts'
import { type Merging, mergeWide, placeOfRow } from '#controller/query/wide-results.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { type Monitor, monitorMetric, type Scope, type WindowSpec } from '#protocol/monitors/model.ts'
import type { Condition, Rule } from '#protocol/monitors/rule.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { formatDuration } from '#protocol/runtime/time.ts'
import { cloudHost, controllerHost } from '#protocol/subjects/subject.ts'
import type { ApplicationFile } from './application-file.ts'
import type { ApplicationRegistry } from './application-registry.ts'

export interface MonitorListDeps {
  readonly applications: Pick<ApplicationRegistry, 'list'>
  readonly queries: Pick<FleetQueries, 'ask'>
  readonly clock: Pick<Clock, 'now'>
  /** What the operator may see. */
  readonly tenant: string
}

/** The newest result of one series. */
export interface MonitorValue {
  readonly host: string
  readonly cloud: string
  readonly tags: Readonly<Record<string, string>>
  readonly timestamp_ms: number
  readonly value: number
}

export interface MonitorView {
  readonly application: string
  readonly name: string
  readonly metric: string
  readonly kind: Monitor['kind']
  readonly scope: Scope
  /** Where, in words. */
  readonly computed: string
  readonly of: string
  readonly function: string | null
  readonly window: string | null
  readonly every_ms: number
  readonly coverage: number
  /** The rule whose condition it is. */
  readonly rule: string | null
  /** At most `valuesMax`, and how many more there are. */
  readonly values: readonly MonitorValue[]
  readonly more: number
}

/** Values listed of one monitor. */
const valuesMax = 100
/** Older results say nothing of now, ms. */
const newestMs = 86_400_000

const places: Readonly<Record<Scope, string>> = {
  host: 'on each host',
  cloud: 'on one agent of each cloud',
  'cross-cloud': 'in the controller',
}

/** The monitors of one application or of all, and whom of the hosts could be asked. Throws as `FleetQueries.ask`. */
export async function listMonitors(
  { applications, queries, clock, tenant }: MonitorListDeps,
  application: string | undefined,
  signal: AbortSignal,
): Promise<{ monitors: MonitorView[]; answered: number; unanswered: readonly string[] }> {
  const files = applications
    .list(tenant)
    .flatMap(({ file }) => (file && (application === undefined || file.name === application) ? [file] : []))
  if (files.length === 0) return { monitors: [], answered: 0, unanswered: [] }
  const match = monitorMetric(application ?? '*', '*')
  const range = { fromMs: clock.now() - newestMs, last: true }
  const question = { tenant, match, matches: compileSelector(match), ...range }
  const { rows, answered, unanswered } = await queries.ask(question, signal)
  const values = valuesByMetric(resultsOf(rows, question))
  return { monitors: files.flatMap((file) => viewsOf(file, values)), answered, unanswered }
}

function viewsOf(file: ApplicationFile, values: ReadonlyMap<string, readonly MonitorValue[]>): MonitorView[] {
  const rules = rulesByMonitor(file.rules)
  return file.monitors.map((monitor) => {
    const metric = monitorMetric(file.name, monitor.name)
    const own = values.get(metric) ?? []
    const { name, kind, scope, everyMs, coverage } = monitor
    return {
      application: file.name,
      name,
      metric,
      kind,
      scope,
      computed: places[scope],
      of: inputsOf(monitor),
      function: monitor.kind === 'constant' ? null : (monitor.reduce ?? monitor.function ?? null),
      window: monitor.kind === 'constant' ? null : windowText(monitor.window),
      every_ms: everyMs,
      coverage,
      rule: rules.get(name) ?? null,
      values: own.slice(0, valuesMax),
      more: Math.max(0, own.length - valuesMax),
    }
  })
}

function inputsOf(monitor: Monitor): string {
  switch (monitor.kind) {
    case 'raw':
      return monitor.of
    case 'composed':
      return monitor.from.join(', ')
    case 'constant':
      return `${monitor.value}`
  }
}

function windowText(window: WindowSpec | undefined): string | null {
  if (!window) return null
  return window.kind === 'time' ? formatDuration(window.ms) : `${window.samples} samples`
}

/** Results of hosts, and of whole clouds and all of them once, whichever agents recorded them: the newest. */
function resultsOf(rows: readonly Row[], question: Merging): Row[] {
  const weights = { coverageAt: () => 1, sessionOf: () => 0 }
  const wide = ([cloudHost, controllerHost] as const).flatMap((place) => mergeWide(rows, place, question, weights))
  return [...rows.filter((row) => placeOfRow(row) === undefined), ...wide]
}

function valuesByMetric(rows: readonly Row[]): Map<string, MonitorValue[]> {
  const values = new Map<string, MonitorValue[]>()
  for (const row of rows) {
    const { name, host, cloud, tags, last } = metricOf(row)
    if (!last) continue
    const own = values.get(name) ?? []
    own.push({ host, cloud, tags, timestamp_ms: last[0], value: last[1] })
    values.set(name, own)
  }
  return values
}

function rulesByMonitor(rules: readonly Rule[]): Map<string, string> {
  return new Map(rules.flatMap((rule) => monitorsOf(rule.when).map((monitor) => [monitor, rule.name])))
}

function monitorsOf(condition: Condition): string[] {
  switch (condition.kind) {
    case 'monitor':
      return [condition.monitor]
    case 'not':
      return monitorsOf(condition.of)
    case 'all':
    case 'any':
    case 'xor':
      return condition.of.flatMap(monitorsOf)
    case 'instances':
    case 'events':
      return []
  }
}
