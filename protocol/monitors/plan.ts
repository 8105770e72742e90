/**
 * What is computed where for the monitors of one application: a graph of expressions, each once however many monitors need it, and for
 * every monitor which of them it takes at which scope. Host, cloud and controller make the same plan from the same context.
 */
import { createHash } from 'node:crypto'
import type {
  Comparison,
  ComposedMonitor,
  Monitor,
  MonitorContext,
  MonitorFilter,
  RawMonitor,
  Scope,
  WindowSpec,
} from './model.ts'
import { inputOrder } from './monitor-order.ts'
import { placementGroups } from './placement-group.ts'
import { type Gathering, gatheringOf, widthOf } from './traits.ts'

/** A node of the graph; numbers are places in `ContextPlan.expressions`, always of earlier ones. */
export type Expression =
  /** Series with their samples. */
  | { readonly kind: 'series'; readonly of: string; readonly filter: MonitorFilter }
  /** Results of a monitor of this scope, as series. */
  | { readonly kind: 'results'; readonly monitor: string }
  /** What a window cuts out of each series. */
  | { readonly kind: 'window'; readonly source: number; readonly window: WindowSpec; readonly lookBackMs: number }
  /** One value for each window. */
  | { readonly kind: 'fold'; readonly input: number; readonly function: string }
  /** The results of a monitor of this scope at the same window end. */
  | { readonly kind: 'current'; readonly monitor: string }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'compare'; readonly input: number; readonly with: Comparison; readonly limit: number }
  | {
      readonly kind: 'combine'
      readonly inputs: readonly number[]
      readonly combine: string
      readonly operand?: number | undefined
    }
  /** All values of several. */
  | { readonly kind: 'union'; readonly inputs: readonly number[] }

/** One monitor of a plan. */
export interface PlannedMonitor {
  readonly monitor: Monitor
  /** 12 hexadecimal digits of what it computes, inputs included; names, units and references aside. Partials of another hash do not count. */
  readonly hash: string
  readonly gathering: Gathering
  /** The expression of its own inputs at each scope that has any: of values, or of windows where they are pooled. */
  readonly inputs: Readonly<Partial<Record<Scope, number>>>
  /** How long after a window's end it is closed at each scope up to its own, ms: lateness, and a hop for each scope wider. */
  readonly closesMs: Readonly<Record<Scope, number>>
  /** The component all its inputs belong to, where it is one. */
  readonly component?: string | undefined
  /** Monitors of one group depend on each other's results in the cloud and are computed by one aggregator: the first name of them. */
  readonly group: string
}

export interface ContextPlan {
  readonly application: string
  readonly expressions: readonly Expression[]
  /** Of each expression, how often it is valued: the smallest `everyMs` of the monitors that need it. */
  readonly everyMs: readonly number[]
  /** Inputs before what takes them. */
  readonly monitors: readonly PlannedMonitor[]
}

/** Before its place is known. */
type Ungrouped = Omit<PlannedMonitor, 'group'>

/** How long after its scope a wider one waits for what is on its way, ms. */
export const hopMsDefault = 2_000

/** Windows by count look back this far at least and at most, and four times as far as that many windows take in between. */
const countLookBackMsMin = 600_000
const countLookBackMsMax = 86_400_000

/**
 * The plan of a context as `parseAxe` checked it.
 * @param hopMs how long each wider scope waits for what is on its way
 */
export function planContext({ application, monitors }: MonitorContext, hopMs: number = hopMsDefault): ContextPlan {
  const graph = new Graph()
  const byName = new Map(monitors.map((monitor) => [monitor.name, monitor]))
  const inputsOf = (name: string): readonly string[] => {
    const monitor = byName.get(name)
    return monitor?.kind === 'composed' ? monitor.from : []
  }
  const planned = new Map<string, Ungrouped>()
  for (const name of inputOrder([...byName.keys()], inputsOf).order) {
    const inputs = inputsOf(name).flatMap((input) => planned.get(input) ?? [])
    if (inputs.length === inputsOf(name).length) {
      planned.set(name, planMonitor(byName.get(name) as Monitor, inputs, graph, hopMs))
    }
  }
  const groups = placementGroups([...planned.values()], graph.expressions)
  const ordered = [...planned.values()].map((each) => ({ ...each, group: groups.get(each.monitor.name) as string }))
  return {
    application,
    expressions: graph.expressions,
    everyMs: periodsOf(graph.expressions, ordered),
    monitors: ordered,
  }
}

function periodsOf(expressions: readonly Expression[], monitors: readonly PlannedMonitor[]): number[] {
  const periods = expressions.map(() => Number.POSITIVE_INFINITY)
  for (const { monitor, inputs } of monitors) {
    for (const index of Object.values(inputs)) periods[index] = Math.min(periods[index] as number, monitor.everyMs)
  }
  for (let index = expressions.length - 1; index >= 0; index--) {
    for (const input of below(expressions[index] as Expression)) {
      periods[input] = Math.min(periods[input] as number, periods[index] as number)
    }
  }
  return periods
}

/** The expressions that one takes. */
function below(expression: Expression): readonly number[] {
  switch (expression.kind) {
    case 'series':
    case 'results':
    case 'current':
    case 'constant':
      return []
    case 'window':
      return [expression.source]
    case 'fold':
    case 'compare':
      return [expression.input]
    case 'combine':
    case 'union':
      return expression.inputs
  }
}

/** What must start and stop so that a new plan holds; the rest goes on undisturbed. */
export interface PlanDifference {
  readonly starts: readonly PlannedMonitor[]
  readonly stops: readonly PlannedMonitor[]
  readonly stays: readonly PlannedMonitor[]
}

/** Compares monitors by name and by what they compute; one that computes something else stops and starts. */
export function difference(before: ContextPlan | undefined, after: ContextPlan | undefined): PlanDifference {
  const old = new Map(before?.monitors.map((planned) => [planned.monitor.name, planned]))
  const stays: PlannedMonitor[] = []
  const starts: PlannedMonitor[] = []
  for (const planned of after?.monitors ?? []) {
    const isSame = old.get(planned.monitor.name)?.hash === planned.hash
    if (isSame) old.delete(planned.monitor.name)
    ;(isSame ? stays : starts).push(planned)
  }
  return { starts, stops: [...old.values()], stays }
}

/** How far back from a window's end a monitor sees samples, ms; through its inputs where `plan` is given. */
export function reachMs(plan: ContextPlan, planned: PlannedMonitor): number {
  const reachOf = (index: number): number => {
    const expression = plan.expressions[index] as Expression
    switch (expression.kind) {
      case 'series':
      case 'constant':
        return 0
      case 'results':
      case 'current': {
        const input = plan.monitors.find(({ monitor }) => monitor.name === expression.monitor)
        return input === undefined ? 0 : reachMs(plan, input)
      }
      case 'window':
        return expression.lookBackMs + reachOf(expression.source)
      case 'fold':
      case 'compare':
        return reachOf(expression.input)
      case 'combine':
      case 'union':
        return Math.max(...expression.inputs.map(reachOf))
    }
  }
  return Math.max(0, ...Object.values(planned.inputs).map(reachOf))
}

/** Expressions, each once. */
class Graph {
  readonly expressions: Expression[] = []
  readonly #places = new Map<string, number>()

  add(expression: Expression): number {
    const key = JSON.stringify(expression)
    const known = this.#places.get(key)
    if (known !== undefined) return known
    this.#places.set(key, this.expressions.length)
    return this.expressions.push(expression) - 1
  }

  /** The expression with all below it and the hashes of the monitors it reads, as text. */
  describe(index: number, hashOf: (monitor: string) => string): unknown {
    const expression = this.expressions[index] as Expression
    switch (expression.kind) {
      case 'series':
      case 'constant':
        return expression
      case 'results':
      case 'current':
        return [expression.kind, hashOf(expression.monitor)]
      case 'window':
        return [expression, this.describe(expression.source, hashOf)]
      case 'fold':
      case 'compare':
        return [{ ...expression, input: 0 }, this.describe(expression.input, hashOf)]
      case 'combine':
      case 'union':
        return [{ ...expression, inputs: [] }, ...expression.inputs.map((input) => this.describe(input, hashOf))]
    }
  }
}

function planMonitor(monitor: Monitor, inputs: readonly Ungrouped[], graph: Graph, hopMs: number): Ungrouped {
  const gathering = gatheringFor(monitor, inputs)
  const own = inputsOf(monitor, gathering, inputs, graph)
  const hashes = new Map(inputs.map(({ monitor: { name }, hash }) => [name, hash]))
  const described = Object.entries(own).map(([scope, index]) => [
    scope,
    graph.describe(index, (name) => hashes.get(name) as string),
  ])
  const components = monitor.kind === 'raw' ? [monitor.filter.component] : inputs.map(({ component }) => component)
  const [component] = components
  return {
    monitor,
    gathering,
    inputs: own,
    hash: hashOf([essenceOf(monitor), gathering, described]),
    closesMs: closingOf(monitor, own, inputs, hopMs),
    ...(component !== undefined && components.every((other) => other === component) ? { component } : {}),
  }
}

function gatheringFor(monitor: Monitor, inputs: readonly Ungrouped[]): Gathering {
  if (monitor.kind === 'constant') return 'map'
  return gatheringOf(
    monitor,
    inputs.filter(({ monitor: { kind } }) => kind !== 'constant').map(({ monitor: { scope } }) => scope),
  )
}

function inputsOf(
  monitor: Monitor,
  gathering: Gathering,
  inputs: readonly Ungrouped[],
  graph: Graph,
): Partial<Record<Scope, number>> {
  if (monitor.kind === 'constant') return { [monitor.scope]: graph.add({ kind: 'constant', value: monitor.value }) }
  if (monitor.kind === 'raw') {
    const source = graph.add({ kind: 'series', of: monitor.of, filter: monitor.filter })
    return { host: valuesOf(monitor, gathering, [source], graph) }
  }
  if (gathering === 'combine') return { [monitor.scope]: combinedOf(monitor, inputs, graph) }
  const own: Partial<Record<Scope, number>> = {}
  for (const scope of ['host', 'cloud', 'cross-cloud'] as const) {
    const here = inputs.filter((input) => input.monitor.scope === scope).map((input) => input.monitor.name)
    const kind = monitor.window === undefined ? 'current' : 'results'
    const sources = here.map((name) => graph.add({ kind, monitor: name }))
    if (sources.length > 0) own[scope] = valuesOf(monitor, gathering, sources, graph)
  }
  return own
}

function combinedOf(monitor: ComposedMonitor, inputs: readonly Ungrouped[], graph: Graph): number {
  const { combine = '', operand } = monitor
  const sources = inputs.map(({ monitor: input }) =>
    graph.add(
      input.kind === 'constant' ? { kind: 'constant', value: input.value } : { kind: 'current', monitor: input.name },
    ),
  )
  return compared(monitor, graph.add({ kind: 'combine', inputs: sources, combine, operand }), graph)
}

/** Windows, functions, comparisons over some sources; pooled samples are compared once they are one value. */
function valuesOf(
  monitor: RawMonitor | ComposedMonitor,
  gathering: Gathering,
  sources: readonly number[],
  graph: Graph,
): number {
  const { window, function: name } = monitor
  const each = sources.map((source) => {
    if (window === undefined || name === undefined) return source
    const cut = graph.add({ kind: 'window', source, window, lookBackMs: lookBackMs(window, monitor.everyMs) })
    return gathering === 'pool' ? cut : graph.add({ kind: 'fold', input: cut, function: name })
  })
  const all = each.length === 1 ? (each[0] as number) : graph.add({ kind: 'union', inputs: each })
  return gathering === 'pool' ? all : compared(monitor, all, graph)
}

function compared({ compare }: RawMonitor | ComposedMonitor, input: number, graph: Graph): number {
  return compare === undefined ? input : graph.add({ kind: 'compare', input, with: compare.with, limit: compare.limit })
}

function lookBackMs(window: WindowSpec, everyMs: number): number {
  if (window.kind === 'time') return window.ms
  return Math.min(countLookBackMsMax, Math.max(countLookBackMsMin, 4 * window.samples * everyMs))
}

function closingOf(
  { kind, scope, latenessMs }: Monitor,
  own: Readonly<Partial<Record<Scope, number>>>,
  inputs: readonly Ungrouped[],
  hopMs: number,
): Record<Scope, number> {
  const at = (where: Scope, belowMs: number | undefined): number => {
    const here = inputs.filter((input) => input.monitor.scope === where).map(({ closesMs }) => closesMs[where])
    return Math.max(kind === 'constant' ? 0 : latenessMs, belowMs === undefined ? 0 : belowMs + hopMs, ...here)
  }
  const host = at('host', undefined)
  const cloud = at('cloud', own.host === undefined || scope === 'host' ? undefined : host)
  const isBelow = (own.host !== undefined || own.cloud !== undefined) && widthOf(scope) === 2
  return { host, cloud, 'cross-cloud': at('cross-cloud', isBelow ? cloud : undefined) }
}

/** What of a monitor decides its values, and when. */
function essenceOf(monitor: Monitor): unknown {
  const { scope, everyMs, latenessMs, coverage } = monitor
  if (monitor.kind === 'constant') return [scope, everyMs, monitor.value]
  const { function: name, window, compare, reduce, quantifier, by, exact } = monitor
  return [scope, everyMs, latenessMs, coverage, name, window, compare, reduce, quantifier, by, exact]
}

function hashOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12)
}
