/** The `when` of a rule: Kleene logic over leaves. A leaf over a monitor becomes a monitor of its own. */
import { isId } from '#protocol/subjects/token.ts'
import type { Mistakes } from './mistakes.ts'
import { type Comparison, type ComposedMonitor, comparisons, type Quantifier } from './model.ts'
import { atLeast } from './parse-monitor.ts'
import type { Condition, EventPattern } from './rule.ts'
import type { Traits } from './traits.ts'

const depthMax = 16
const partsMax = 64
const sequenceMax = 16
const weekMs = 604_800_000

/** What the conditions of one rule refer to, and where the monitors made for them go. */
export interface ConditionSurroundings {
  readonly components: readonly string[]
  /** Monitors of the application without mistakes. */
  readonly monitors: ReadonlyMap<string, Traits>
  /** Names of all monitors written down, with mistakes or without. */
  readonly written: readonly string[]
  /** Takes a monitor made for a leaf, without its name, and gives the name. */
  readonly add: (leaf: Omit<ComposedMonitor, 'name'>) => string
}

type Entry = Readonly<Record<string, unknown>>

const groups = ['all', 'any', 'xor'] as const
const leafKeys = ['every', 'some', 'atLeast', 'monitor', 'instances', 'events'] as const

/** The condition; undefined when it has mistakes. */
export function parseCondition(
  entry: unknown,
  surroundings: ConditionSurroundings,
  mistakes: Mistakes,
  depth = 0,
): Condition | undefined {
  if (!isMap(entry)) {
    mistakes.expected('', 'a condition like {every: MONITOR, above: 60}', entry)
    return undefined
  }
  if (depth > depthMax) {
    mistakes.says('', `found conditions nested deeper than ${depthMax}`)
    return undefined
  }
  const found = [...groups, 'not' as const, ...leafKeys].filter((key) => entry[key] !== undefined)
  const [key] = found
  if (key === undefined || found.length > 1) {
    const expected = 'one of all, any, xor, not, every, some, atLeast, monitor, instances, events'
    mistakes.says(
      '',
      `found ${found.length === 0 ? Object.keys(entry).join(', ') || 'nothing' : found.join(' and ')}, expected ${expected}`,
    )
    return undefined
  }
  switch (key) {
    case 'all':
    case 'any':
    case 'xor':
      return parseGroup(key, entry, surroundings, mistakes, depth)
    case 'not': {
      refuseOthers(entry, ['not'], mistakes)
      const of = parseCondition(entry['not'], surroundings, mistakes.below('not'), depth + 1)
      return of && { kind: 'not', of }
    }
    case 'instances':
      return parseInstances(entry, surroundings, mistakes)
    case 'events':
      return parseEvents(entry, mistakes)
    case 'every':
    case 'some':
    case 'atLeast':
    case 'monitor':
      return parseLeaf(key, entry, surroundings, mistakes)
  }
}

function parseGroup(
  kind: 'all' | 'any' | 'xor',
  entry: Entry,
  surroundings: ConditionSurroundings,
  mistakes: Mistakes,
  depth: number,
): Condition | undefined {
  refuseOthers(entry, [kind], mistakes)
  const parts = entry[kind]
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > partsMax) {
    mistakes.expected(kind, `a list of 1 to ${partsMax} conditions`, parts)
    return undefined
  }
  const of = parts.map((part, i) => parseCondition(part, surroundings, mistakes.below(kind).below(i), depth + 1))
  return of.every((part) => part !== undefined) ? { kind, of } : undefined
}

function parseLeaf(
  key: 'every' | 'some' | 'atLeast' | 'monitor',
  entry: Entry,
  surroundings: ConditionSurroundings,
  mistakes: Mistakes,
): Condition | undefined {
  const nameKey = key === 'atLeast' ? 'of' : key
  refuseOthers(entry, [key, nameKey, ...comparisons], mistakes)
  const quantifier = quantifierOf(key, entry['atLeast'], mistakes)
  const name = entry[nameKey]
  if (typeof name !== 'string') {
    mistakes.expected(nameKey, 'the name of a monitor', name)
    return undefined
  }
  const traits = surroundings.monitors.get(name)
  const comparison = comparisonOf(entry, mistakes)
  if (traits === undefined) {
    if (!surroundings.written.includes(name)) mistakes.unknownName(nameKey, 'monitor', name, surroundings.written)
    return undefined
  }
  if (comparison === undefined && !traits.isTruth) {
    mistakes.says('', `compare ${name}: found numbers and no comparison, expected above, below, … beside ${key}`)
    return undefined
  }
  const isOne = traits.isSingle && traits.monitor.scope === 'cross-cloud'
  if (key === 'monitor' && !isOne) {
    mistakes.says(
      'monitor',
      `say for how many it must hold: found ${name}, which may have several values, expected every, some or atLeast`,
    )
    return undefined
  }
  const text = [textOf(key, entry), name, comparison && `${comparison.with} ${comparison.limit}`]
    .filter((part) => part !== undefined)
    .join(' ')
  if (key === 'monitor' && comparison === undefined) return { kind: 'monitor', monitor: name, text }
  return { kind: 'monitor', monitor: surroundings.add(leafOf(traits, comparison, quantifier)), text }
}

function leafOf(
  { monitor: { name, everyMs, latenessMs } }: Traits,
  compare: ComposedMonitor['compare'],
  quantifier: Quantifier | undefined,
): Omit<ComposedMonitor, 'name'> {
  return {
    kind: 'composed',
    from: [name],
    scope: 'cross-cloud',
    everyMs,
    latenessMs,
    coverage: 0,
    by: [],
    exact: false,
    ...(compare === undefined ? {} : { compare }),
    ...(quantifier === undefined ? {} : { quantifier }),
  }
}

function quantifierOf(key: string, amount: unknown, mistakes: Mistakes): Quantifier | undefined {
  if (key === 'every' || key === 'some') return { kind: key }
  if (key !== 'atLeast') return undefined
  if (typeof amount === 'string' || (Number.isSafeInteger(amount) && (amount as number) >= 1)) {
    return atLeast(amount as number | string, mistakes, 'atLeast')
  }
  mistakes.expected('atLeast', 'a whole number from 1 up, or a percentage like 50%', amount)
  return undefined
}

function textOf(key: string, entry: Entry): string | undefined {
  if (key === 'monitor') return undefined
  return key === 'atLeast' ? `at least ${String(entry['atLeast'])} of` : key
}

function comparisonOf(entry: Entry, mistakes: Mistakes): { with: Comparison; limit: number } | undefined {
  const found = comparisons.filter((key) => entry[key] !== undefined)
  const [key] = found
  if (key === undefined) return undefined
  if (found.length > 1) mistakes.says(found[1] as string, `found ${found.join(' and ')}, expected one comparison`)
  const limit = entry[key]
  if (typeof limit === 'number' && Number.isFinite(limit)) return { with: key, limit }
  mistakes.expected(key, 'a number', limit)
  return { with: key, limit: 0 }
}

function parseInstances(
  entry: Entry,
  { components }: ConditionSurroundings,
  mistakes: Mistakes,
): Condition | undefined {
  refuseOthers(entry, ['instances', ...comparisons], mistakes)
  const component = entry['instances']
  const comparison = comparisonOf(entry, mistakes)
  if (typeof component !== 'string' || !components.includes(component)) {
    if (typeof component === 'string') mistakes.unknownName('instances', 'component', component, components)
    else mistakes.expected('instances', 'the name of a component', component)
    return undefined
  }
  if (comparison === undefined) {
    mistakes.says('', `found no comparison, expected above, below, … beside instances`)
    return undefined
  }
  return { kind: 'instances', component, ...comparison }
}

function parseEvents(entry: Entry, mistakes: Mistakes): Condition | undefined {
  refuseOthers(entry, ['events', 'within', 'count'], mistakes)
  const listed = Array.isArray(entry['events']) ? entry['events'] : [entry['events']]
  if (listed.length === 0 || listed.length > sequenceMax) {
    mistakes.expected('events', `1 to ${sequenceMax} events like {kind: KIND}`, entry['events'])
    return undefined
  }
  const sequence = listed.map((event, i) => parseEvent(event, mistakes.below('events').below(i)))
  const within = entry['within']
  if (typeof within !== 'string') mistakes.expected('within', 'a duration like 5m', within)
  const withinMs = mistakes.duration('within', typeof within === 'string' ? within : undefined, 1_000, 1_000, weekMs)
  const count = entry['count'] ?? 1
  if (!Number.isSafeInteger(count) || (count as number) < 1 || (count as number) > 1_000) {
    mistakes.expected('count', 'a whole number of 1 to 1000', count)
    return undefined
  }
  if (!sequence.every((event) => event !== undefined)) return undefined
  return { kind: 'events', pattern: { sequence, withinMs, count: count as number } }
}

function parseEvent(event: unknown, mistakes: Mistakes): EventPattern['sequence'][number] | undefined {
  const entry: unknown = typeof event === 'string' ? { kind: event } : event
  if (!isMap(entry)) {
    mistakes.expected('', 'an event like {kind: KIND}', event)
    return undefined
  }
  refuseOthers(entry, ['kind', 'where'], mistakes)
  const { kind, where = {} } = entry
  if (typeof kind !== 'string' || !kind.split('.').every(isId)) mistakes.expected('kind', 'the kind of an event', kind)
  else if (!isMap(where) || !Object.values(where).every(isPlain)) {
    mistakes.expected('where', 'fields with texts, numbers or true and false', where)
  } else return { kind, where: where as Record<string, string | number | boolean> }
  return undefined
}

/** Keys that mean nothing at this place. */
export function refuseOthers(entry: Entry, known: readonly string[], mistakes: Mistakes): void {
  for (const key of Object.keys(entry).filter((name) => !known.includes(name))) {
    mistakes.unknownName(key, 'key', key, known)
  }
}

/** True for text, a finite number, true or false. */
export function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

/** True for a map of a parsed file. */
export function isMap(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
