/** One entry below `monitors:` as a Monitor, with every mistake that shows in the entry itself or beside its inputs. */
import { parseAggregate } from '#protocol/aggregation/aggregate.ts'
import { parseCombine } from '#protocol/aggregation/combine.ts'
import { parseFunction } from '#protocol/aggregation/functions.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import { formatDuration } from '#protocol/runtime/time.ts'
import type { MonitorEntry } from './axe-schema.ts'
import { checkBesideInputs } from './check-inputs.ts'
import type { Mistakes } from './mistakes.ts'
import {
  type Comparison,
  type ComposedMonitor,
  type Computation,
  type ConstantMonitor,
  comparisons,
  type Monitor,
  type Quantifier,
  type RawMonitor,
  type WindowSpec,
} from './model.ts'
import { gatheringOf, isGroupTag, type Traits, widest } from './traits.ts'

const secondMs = 1_000
const dayMs = 86_400_000
const everyMsDefault = 15_000
const latenessMsDefault = 5_000

/** What an entry may refer to. */
export interface MonitorSurroundings {
  /** Components of the application. */
  readonly components: readonly string[]
  /** Its inputs as parsed before; one that has mistakes itself is missing, and nothing is said of what depends on it. */
  readonly inputs: readonly Traits[]
}

const filterKeys = ['component', 'instance', 'cloud', 'host', 'tags'] as const
const combineKeys = ['combine', 'operand'] as const
const computationKeys = ['function', 'window', 'reduce', 'by', 'quantifier', 'exact', 'coverage', 'lateness'] as const

/** The monitor, as far as it can be made; it counts only when no mistake was found. */
export function parseMonitor(
  name: string,
  entry: MonitorEntry,
  { components, inputs }: MonitorSurroundings,
  mistakes: Mistakes,
): Monitor | undefined {
  const kinds = (['of', 'from', 'value'] as const).filter((key) => entry[key] !== undefined)
  if (kinds.length !== 1) {
    mistakes.says(
      '',
      `found ${kinds.length === 0 ? 'no' : kinds.join(' and ')} input, expected one of: of, from, value`,
    )
    return undefined
  }
  const base = {
    name,
    ...(entry.unit === undefined ? {} : { unit: entry.unit }),
    ...(entry.externalReferences === undefined ? {} : { externalReferences: entry.externalReferences }),
  }
  if (entry.value !== undefined) return parseConstant(base, entry, entry.value, mistakes)
  if (entry.of !== undefined) return parseRaw(base, entry, entry.of, components, mistakes)
  const monitor = parseComposed(base, entry, inputs, mistakes)
  if (monitor.from.length === inputs.length) checkBesideInputs(monitor, inputs, mistakes)
  return monitor
}

type Named = Pick<Monitor, 'name' | 'unit' | 'externalReferences'>

function parseConstant(base: Named, entry: MonitorEntry, value: number, mistakes: Mistakes): ConstantMonitor {
  refuseKeys(entry, [...filterKeys, ...combineKeys, ...computationKeys, ...comparisons], 'a value', mistakes)
  const everyMs = mistakes.duration('every', entry.every, everyMsDefault, secondMs, dayMs)
  return { ...base, kind: 'constant', value, scope: entry.scope ?? 'cross-cloud', everyMs, latenessMs: 0, coverage: 0 }
}

function parseRaw(
  base: Named,
  entry: MonitorEntry,
  of: string,
  components: readonly string[],
  mistakes: Mistakes,
): RawMonitor {
  refuseKeys(entry, combineKeys, 'of', mistakes)
  mistakes.attempt('of', () => compileSelector(of))
  const { component, instance, cloud, host, tags } = entry
  if (component !== undefined && !components.includes(component)) {
    mistakes.unknownName('component', 'component', component, components)
  }
  const everyMs = mistakes.duration('every', entry.every, everyMsDefault, secondMs, dayMs)
  const read = parseComputation(entry, everyMs, mistakes)
  const isBare = read.function === undefined && read.window === undefined
  const monitor: RawMonitor = {
    ...base,
    kind: 'raw',
    of,
    filter: defined({ component, instance, cloud, host, tags }),
    scope: entry.scope ?? 'host',
    everyMs,
    latenessMs: mistakes.duration('lateness', entry.lateness, latenessMsDefault, 0, 10 * 60_000),
    coverage: coverageOf(entry, mistakes),
    ...read,
    ...(isBare ? { function: 'last', window: { kind: 'time' as const, ms: everyMs } } : {}),
  }
  const gathering = gatheringOf(monitor, [])
  if (gathering === 'quantify' && monitor.compare === undefined) {
    mistakes.says(
      'quantifier',
      'compare the values first: found no comparison, expected above, below, … beside quantifier',
    )
  }
  checkFunctions(monitor, gathering === 'pool', mistakes)
  checkGroups(monitor, gathering, mistakes)
  return monitor
}

function parseComposed(
  base: Named,
  entry: MonitorEntry,
  inputs: readonly Traits[],
  mistakes: Mistakes,
): ComposedMonitor {
  refuseKeys(entry, filterKeys, 'from', mistakes)
  const from = typeof entry.from === 'string' ? [entry.from] : (entry.from ?? [])
  const moving = inputs.map((input) => input.monitor).filter(({ kind }) => kind !== 'constant')
  const everyInput = Math.max(0, ...moving.map(({ everyMs }) => everyMs)) || everyMsDefault
  const everyMs = mistakes.duration('every', entry.every, everyInput, secondMs, dayMs)
  const lateInput = Math.max(0, ...moving.map(({ latenessMs }) => latenessMs))
  const latenessMs = mistakes.duration('lateness', entry.lateness, lateInput, 0, 10 * 60_000)
  const monitor: ComposedMonitor = {
    ...base,
    kind: 'composed',
    from,
    scope: entry.scope ?? widest(moving.map(({ scope }) => scope)),
    everyMs,
    latenessMs: Math.max(latenessMs, lateInput),
    coverage: coverageOf(entry, mistakes),
    ...parseComputation(entry, everyMs, mistakes),
    ...defined({ combine: entry.combine, operand: entry.operand }),
  }
  if (monitor.combine !== undefined) checkCombine(monitor, entry, mistakes)
  else if (monitor.operand !== undefined) mistakes.says('operand', 'found an operand, expected combine beside it')
  const gathering = gatheringOf(
    monitor,
    moving.map(({ scope }) => scope),
  )
  checkFunctions(monitor, gathering === 'pool', mistakes)
  checkGroups(monitor, gathering, mistakes)
  return monitor
}

/** Combining stands alone: what comes before or after it is another monitor. */
function checkCombine(monitor: ComposedMonitor, entry: MonitorEntry, mistakes: Mistakes): void {
  const { combine = '', operand, from } = monitor
  refuseKeys(entry, ['function', 'window', 'reduce', 'by', 'quantifier'], 'combine', mistakes)
  if (operand !== undefined && from.length > 1) {
    mistakes.says('operand', `found an operand beside ${from.length} inputs, expected it where from names one monitor`)
    return
  }
  mistakes.attempt('combine', () => parseCombine(combine, from.length, operand))
}

function parseComputation(entry: MonitorEntry, everyMs: number, mistakes: Mistakes): Computation {
  const window = windowOf(entry, mistakes)
  if (entry.function !== undefined && window === undefined) {
    mistakes.says(
      'window',
      `say how far ${entry.function} looks: found no window, expected one like 5m or {samples: 10}`,
    )
  }
  if (entry.function === undefined && window !== undefined) {
    mistakes.says('function', 'say what is taken of the window: found no function, expected one like mean')
  }
  if (window?.kind === 'time' && window.ms < everyMs) {
    mistakes.says(
      'window',
      `make the window as long as the time between windows: found ${formatDuration(window.ms)} every ${formatDuration(everyMs)}, so that samples between them would count nowhere`,
    )
  }
  if (entry.reduce !== undefined && entry.quantifier !== undefined) {
    mistakes.says('quantifier', 'found reduce and quantifier, expected one of them')
  }
  const by = typeof entry.by === 'string' ? [entry.by] : (entry.by ?? [])
  for (const tag of by.filter((name) => !isGroupTag(name))) mistakes.expected('by', 'names of tags', tag)
  return {
    ...defined({ function: entry.function, window, compare: compareOf(entry, mistakes), reduce: entry.reduce }),
    ...defined({ quantifier: quantifierOf(entry, mistakes) }),
    by: [...new Set(by)].sort(),
    exact: entry.exact ?? false,
  }
}

function windowOf({ window }: MonitorEntry, mistakes: Mistakes): WindowSpec | undefined {
  if (window === undefined) return undefined
  if (typeof window === 'object') return { kind: 'count', samples: window.samples }
  return { kind: 'time', ms: mistakes.duration('window', window, dayMs, secondMs, 31 * dayMs) }
}

function compareOf(entry: MonitorEntry, mistakes: Mistakes): { with: Comparison; limit: number } | undefined {
  const found = comparisons.filter((key) => entry[key] !== undefined)
  if (found.length > 1) mistakes.says(found[1] as string, `found ${found.join(' and ')}, expected one comparison`)
  const [key] = found
  return key && { with: key, limit: entry[key] as number }
}

function quantifierOf({ quantifier }: MonitorEntry, mistakes: Mistakes): Quantifier | undefined {
  if (quantifier === undefined) return undefined
  return typeof quantifier === 'string' ? { kind: quantifier } : atLeast(quantifier.atLeast, mistakes, 'quantifier')
}

/** `3` or `50%`. */
export function atLeast(amount: number | string, mistakes: Mistakes, key: string): Quantifier {
  if (typeof amount === 'number') return { kind: 'atLeast', count: amount }
  const percent = mistakes.percent(key, amount, 100)
  if (percent === 0) mistakes.expected(key, 'a percentage above 0%', amount)
  return { kind: 'atLeastShare', percent }
}

function coverageOf(entry: MonitorEntry, mistakes: Mistakes): number {
  return mistakes.percent('coverage', entry.coverage, entry.quantifier === undefined ? 100 : 0) / 100
}

function checkFunctions(monitor: RawMonitor | ComposedMonitor, isPooled: boolean, mistakes: Mistakes): void {
  const { function: name, reduce } = monitor
  if (name !== undefined) mistakes.attempt('function', () => (isPooled ? parseAggregate(name) : parseFunction(name)))
  if (reduce !== undefined) mistakes.attempt('reduce', () => parseAggregate(reduce))
}

function checkGroups(monitor: RawMonitor | ComposedMonitor, gathering: string, mistakes: Mistakes): void {
  if (monitor.by.length === 0 || gathering !== 'map') return
  mistakes.says('by', 'found groups of results that are one for each input, expected reduce or quantifier beside by')
}

function refuseKeys(
  entry: MonitorEntry,
  keys: readonly (keyof MonitorEntry)[],
  beside: string,
  mistakes: Mistakes,
): void {
  for (const key of keys) {
    if (entry[key] !== undefined)
      mistakes.says(key, `found ${key} beside ${beside}, expected it elsewhere: it means nothing here`)
  }
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
