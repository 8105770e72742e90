/** What can be said of a monitor's results before there are any: how its inputs become results, and what these look like. */
import { isId } from '#protocol/subjects/token.ts'
import { type ComposedMonitor, comparisons, type Monitor, type RawMonitor, type Scope } from './model.ts'

const scopes: readonly Scope[] = ['host', 'cloud', 'cross-cloud']

/** 0 for a host, 1 for a cloud, 2 for all clouds. */
export function widthOf(scope: Scope): number {
  return scopes.indexOf(scope)
}

/** The widest of some scopes, `host` of none. */
export function widest(some: readonly Scope[]): Scope {
  return scopes[Math.max(0, ...some.map(widthOf))] as Scope
}

/**
 * How inputs become results: each by itself; several combined value by value; the samples of all pooled; the values of all reduced, or
 * quantified.
 */
export type Gathering = 'map' | 'combine' | 'pool' | 'reduce' | 'quantify'

/** @param inputScopes of the monitors it takes; a raw one takes from hosts */
export function gatheringOf(monitor: RawMonitor | ComposedMonitor, inputScopes: readonly Scope[]): Gathering {
  if (monitor.quantifier !== undefined) return 'quantify'
  if (monitor.reduce !== undefined) return 'reduce'
  if (monitor.kind === 'composed' && monitor.combine !== undefined) return 'combine'
  const narrowest = monitor.kind === 'raw' ? ['host' as const] : inputScopes
  return narrowest.some((scope) => widthOf(scope) < widthOf(monitor.scope)) ? 'pool' : 'map'
}

/** What is known of a monitor's results. */
export interface Traits {
  readonly monitor: Monitor
  /** All values are 0, 1 or unknown. */
  readonly isTruth: boolean
  /** One result a window in the whole of its scope, without tags. */
  readonly isSingle: boolean
  /** The tags its results can have; undefined when it is the series that say. */
  readonly tags: readonly string[] | undefined
}

/** Functions that give one of the values they are given. */
const choosing: readonly string[] = ['min', 'max', 'first', 'last', 'mode']
const logic: readonly string[] = ['and', 'or', 'xor', 'not', ...comparisons]

/** True when what goes into the reduction, or comes out where there is none, is 0 or 1. */
export function areTruths(monitor: RawMonitor | ComposedMonitor, inputs: readonly Traits[]): boolean {
  if (monitor.compare !== undefined) return true
  if (monitor.kind === 'raw') return false
  if (monitor.combine !== undefined) return logic.includes(monitor.combine)
  const isKept = monitor.function === undefined || choosing.includes(monitor.function)
  return isKept && inputs.length > 0 && inputs.every(({ isTruth }) => isTruth)
}

/** The traits of a monitor from those of its inputs, in any order. */
export function traitsOf(monitor: Monitor, inputs: readonly Traits[]): Traits {
  if (monitor.kind === 'constant') {
    return { monitor, isTruth: monitor.value === 0 || monitor.value === 1, isSingle: true, tags: [] }
  }
  const gathering = gatheringOf(
    monitor,
    inputs.map((input) => input.monitor.scope),
  )
  const truths = areTruths(monitor, inputs)
  if (gathering === 'map' || gathering === 'combine') {
    const isSingle = monitor.kind === 'composed' && inputs.length > 0 && inputs.every((input) => input.isSingle)
    return { monitor, isTruth: truths, isSingle, tags: isSingle ? [] : tagsOf(monitor, inputs) }
  }
  const last = gathering === 'pool' ? monitor.function : monitor.reduce
  const isListed = last !== undefined && /^(?:top|bottom|histogram)/.test(last)
  const isTruth = gathering === 'quantify' || (truths && (gathering === 'pool' || choosing.includes(last ?? '')))
  return { monitor, isTruth, isSingle: monitor.by.length === 0 && !isListed, tags: isListed ? undefined : monitor.by }
}

/** Tags by which the inputs of a monitor can be told apart; undefined when it is the series that say. */
export function tagsOf(
  monitor: RawMonitor | ComposedMonitor,
  inputs: readonly Traits[],
): readonly string[] | undefined {
  if (monitor.kind === 'raw' || inputs.some(({ tags }) => tags === undefined)) return undefined
  const ofPlaces = inputs.flatMap((input) => (['cloud', 'host'] as const).slice(0, 2 - widthOf(input.monitor.scope)))
  return [...new Set([...inputs.flatMap(({ tags }) => tags ?? []), ...ofPlaces, 'application'])]
}

/** True for a tag that can group results: those of places and of applications among them. */
export function isGroupTag(tag: string): boolean {
  return isId(tag) || /^[^;!^=~\s]{1,64}$/.test(tag)
}
