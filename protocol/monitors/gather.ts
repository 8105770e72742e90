/** Values of many inputs made into results of groups, in steps that may happen on different machines: gather, merge, finish. */
import { formatAggregate } from '#protocol/aggregation/aggregate.ts'
import { compare } from '#protocol/aggregation/combine.ts'
import { type PartialAggregate, partialFor } from '#protocol/aggregation/partial.ts'
import type { SampleSpan } from '#protocol/aggregation/span.ts'
import type { MonitorResult, Quantifier, ResultTags, Scope } from './model.ts'
import type { PlannedMonitor } from './plan.ts'

/** Where something is computed; a cloud has no host, all clouds have neither. */
export interface Place {
  readonly application: string
  readonly cloud?: string | undefined
  readonly host?: string | undefined
}

/** One input and its value; null = unknown. */
export interface InputValue extends Partial<Coverage> {
  readonly tags: ResultTags
  readonly value: number | null
}

/** Of an input that is itself a result: inputs it was made of with a known value, and inputs there should be. */
export interface Coverage {
  readonly known: number
  readonly expected: number
  /** Of the known ones, those with a gap; absent = none. */
  readonly gaps?: number | undefined
}

/** One input and the samples a window cut out of it. */
export interface InputWindow extends Partial<Coverage> {
  readonly tags: ResultTags
  readonly span: SampleSpan
}

/** What is known of one group of inputs. */
export interface GroupPartial {
  /** Values of the tags the results are grouped by, without those that are empty. */
  readonly tags: ResultTags
  readonly partial: PartialAggregate
  /** Inputs there should be; at least those the partial has counted. */
  readonly expected: number
  /** Where inputs are results: what those that were counted were made of, all together. Absent = each is one. */
  readonly madeOf?: Coverage | undefined
}

/** A group's own text. */
export function keyOf(tags: ResultTags): string {
  const keys = Object.keys(tags)
  if (keys.length === 0) return ''
  return keys
    .sort()
    .map((key) => `${key}=${tags[key]}`)
    .join(';')
}

/** The inputs at one place as groups, in order of their keys. Of a monitor that pools, the inputs are windows. */
export function gather(
  planned: PlannedMonitor,
  inputs: readonly (InputValue | InputWindow)[],
  place: Place,
): GroupPartial[] {
  const { monitor } = planned
  if (monitor.kind === 'constant') return []
  const groups = new Map<string, { tags: ResultTags; partial: PartialAggregate; madeOf: Coverage }>()
  for (const input of inputs) {
    const tags = groupOf(monitor.by, input.tags, place)
    const key = keyOf(tags)
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { tags, partial: emptyPartial(planned), madeOf: nothing }))
    const named = placed(input.tags, monitor.scope, place)
    if ('span' in input) group.partial.addPooled(valuesOf(input.span), named)
    else if (input.value === null) group.partial.addUnknown()
    else group.partial.add(input.value, named)
    group.madeOf = sumOf(group.madeOf, coverageOfInput(input))
  }
  return inOrder(groups).map(({ tags, partial, madeOf }) => {
    const expected = countOf(partial)
    const isPlain = madeOf.known === partial.known && madeOf.expected === expected && madeOf.gaps === undefined
    return isPlain ? { tags, partial, expected } : { tags, partial, expected, madeOf }
  })
}

const nothing: Coverage = { known: 0, expected: 0 }

/** Both together. */
export function sumOf(a: Coverage, b: Coverage): Coverage {
  const gaps = (a.gaps ?? 0) + (b.gaps ?? 0)
  return { known: a.known + b.known, expected: a.expected + b.expected, ...(gaps > 0 ? { gaps } : {}) }
}

/** What an input was made of; one whose value is unknown lacks something, whatever it was made of. */
export function coverageOfInput(input: InputValue | InputWindow): Coverage {
  const isKnown = 'span' in input ? input.span.end > input.span.start : input.value !== null
  const expected = Math.max(1, input.expected ?? 1)
  const known = Math.min(input.known ?? expected, isKnown ? expected : expected - 1)
  return { known, expected, ...(input.gaps === undefined ? {} : { gaps: Math.min(input.gaps, known) }) }
}

/** What the counted inputs of a group were made of. */
export function madeOfGroup({ partial, madeOf }: Pick<GroupPartial, 'partial' | 'madeOf'>): Coverage {
  return madeOf ?? { known: partial.known, expected: countOf(partial) }
}

/** What the results of a group say of it: those inputs, and one for each that should be there and was not counted. */
export function coverageOfGroup(group: GroupPartial): Coverage {
  const missing = Math.max(0, group.expected - countOf(group.partial))
  return sumOf(madeOfGroup(group), { known: 0, expected: missing })
}

/** A group with more inputs that should be there and are not, made of so many. */
export function withMissing(group: GroupPartial, inputs: number, madeOf: number): GroupPartial {
  const expected = group.expected + inputs
  if (madeOf === inputs) return { ...group, expected }
  const own = madeOfGroup(group)
  return { ...group, expected, madeOf: { ...own, expected: own.expected + madeOf - inputs } }
}

/** All groups of several places together; what was given is left alone. */
export function mergeGroups(planned: PlannedMonitor, parts: Iterable<readonly GroupPartial[]>): GroupPartial[] {
  const merged = new Map<string, { tags: ResultTags; partial: PartialAggregate; expected: number; madeOf?: Coverage }>()
  for (const groups of parts) {
    for (const part of groups) {
      const { tags, partial, expected } = part
      const key = keyOf(tags)
      let group = merged.get(key)
      if (group === undefined) merged.set(key, (group = { tags, partial: emptyPartial(planned), expected: 0 }))
      if (part.madeOf !== undefined || group.madeOf !== undefined)
        group.madeOf = sumOf(madeOfGroup(group), madeOfGroup(part))
      group.partial.merge(partial)
      group.expected += Math.max(expected, countOf(partial))
    }
  }
  return inOrder(merged)
}

/** What a window's results say beside their values. */
export interface ResultHeader {
  readonly application: string
  readonly windowEndMs: number
  readonly revision: number
}

/** The results of merged groups: one a group, or one for each entry of a list. Where nothing groups, there is always one. */
export function finishGroups(
  planned: PlannedMonitor,
  groups: readonly GroupPartial[],
  header: ResultHeader,
): MonitorResult[] {
  const { monitor } = planned
  if (monitor.kind === 'constant') return []
  const isWhole = monitor.by.length === 0
  const all = isWhole && groups.length === 0 ? [{ tags: {}, partial: emptyPartial(planned), expected: 0 }] : groups
  return all.flatMap((group) => finishGroup(planned, group, header))
}

function finishGroup(
  { monitor, gathering }: PlannedMonitor,
  group: GroupPartial,
  { application, windowEndMs, revision }: ResultHeader,
): MonitorResult[] {
  const { tags, partial } = group
  const expected = Math.max(group.expected, countOf(partial))
  const head = { application, monitor: monitor.name, windowEndMs, ...coverageOfGroup(group), revision }
  const isCovered = partial.known > 0 && partial.known >= monitor.coverage * expected - 1e-9
  const finished = isCovered ? partial.finish(expected) : { value: null }
  const limit = gathering === 'pool' && monitor.kind !== 'constant' ? monitor.compare : undefined
  const judged = (value: number | null): number | null =>
    limit === undefined ? value : compare(limit.with, value, limit.limit)
  if (finished.value === null || finished.entries === undefined)
    return [{ ...head, tags, value: judged(finished.value) }]
  return finished.entries.map((entry) => ({ ...head, tags: { ...tags, ...entry.tags }, value: judged(entry.value) }))
}

/** A partial aggregate of the monitor's function with nothing in it. */
export function emptyPartial({ monitor, gathering }: PlannedMonitor): PartialAggregate {
  if (monitor.kind === 'constant') return partialFor('count')
  const what = gathering === 'pool' ? monitor.function : (monitor.quantifier ?? monitor.reduce)
  return partialFor(what as string | Quantifier, { exact: monitor.exact })
}

/** True when partials of this shape are those of the monitor: whoever says its hash may send others. */
export function isPartialOf(planned: PlannedMonitor, { aggregate, exact }: PartialAggregate): boolean {
  if (planned.gathering === 'map' || planned.gathering === 'combine') return false
  const own = emptyPartial(planned)
  return own.exact === exact && formatAggregate(own.aggregate) === formatAggregate(aggregate)
}

/** Inputs a partial has counted, known or not. */
export function countOf({ known, unknown }: PartialAggregate): number {
  return known + unknown
}

function inOrder<T>(groups: ReadonlyMap<string, T>): T[] {
  if (groups.size < 2) return [...groups.values()]
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

function groupOf(by: readonly string[], tags: ResultTags, place: Place): ResultTags {
  const group: Record<string, string> = {}
  for (const tag of by) {
    const value = tags[tag] ?? (isPlaceTag(tag) ? place[tag] : undefined)
    if (value !== undefined && value !== '') group[tag] = value
  }
  return group
}

function isPlaceTag(tag: string): tag is 'application' | 'cloud' | 'host' {
  return tag === 'application' || tag === 'cloud' || tag === 'host'
}

/** The tags by which a list of inputs tells where they are, as seen from the monitor's scope. */
function placed(tags: ResultTags, scope: Scope, { cloud, host }: Place): ResultTags {
  if (scope === 'host') return tags
  return {
    ...tags,
    ...(host === undefined ? {} : { host }),
    ...(scope === 'cross-cloud' && cloud !== undefined ? { cloud } : {}),
  }
}

function valuesOf({ values, start, end }: SampleSpan): Float64Array {
  return values.subarray(start, end)
}
