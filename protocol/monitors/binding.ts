/**
 * Which series of a host are inputs of which raw monitor, kept up by events: a series appeared, an instance came or went. A series is
 * bound to the windows that end after its first sample, until its instance is gone, or until it has been silent for `forgetMs`. In
 * between, a window without samples is an input whose value is unknown.
 */

import { compileSelector, type SeriesMatcher } from '#protocol/metrics/selector.ts'
import type { SeriesName } from '#protocol/metrics/series.ts'
import { keyOf } from './gather.ts'
import type { HostPlace } from './host-evaluation.ts'
import type { MonitorFilter, ResultTags } from './model.ts'
import type { ContextPlan } from './plan.ts'

/** A silent series is forgotten after a day. */
export const forgetMsDefault = 86_400_000

/** A series of the host's store. */
export interface KnownSeries extends SeriesName {
  /** Canonical text, its name in the store. */
  readonly text: string
  /** Timestamps of its oldest and newest samples, epoch ms. */
  readonly firstMs: number
  readonly newestMs: number
}

/** An instance that runs, or ran, on the host. */
export interface KnownInstance {
  readonly application: string
  readonly component: string
  readonly instance: string
  /** Epoch ms. */
  readonly sinceMs: number
  /** Absent while it is there. */
  readonly goneMs?: number | undefined
}

/** A series as an input of one monitor. */
export interface BoundSeries {
  readonly text: string
  /** Its own tags, `metric` where the selector names several, and the instance it stands for. */
  readonly tags: ResultTags
}

interface Selection {
  readonly application: string
  readonly filter: MonitorFilter
  readonly matches: SeriesMatcher
  /** Results of monitors are inputs only where they are named. */
  readonly takesResults: boolean
  readonly isGlob: boolean
  readonly series: Map<string, Known>
  /** Made anew after an event. */
  bound: readonly Candidate[] | undefined
}

interface Known extends SeriesName {
  readonly text: string
  firstMs: number
  newestMs: number
}

interface Candidate extends BoundSeries {
  readonly known: Known
  readonly instance: KnownInstance | undefined
}

/** Bounded by the store's own number of series, and by the monitors of the contexts. */
export class SeriesBinding {
  readonly #place: HostPlace
  readonly #forgetMs: number
  readonly #series = new Map<string, Known>()
  readonly #instances = new Map<string, KnownInstance>()
  #selections = new Map<string, Selection>()

  constructor(place: HostPlace, forgetMs: number = forgetMsDefault) {
    this.#place = place
    this.#forgetMs = forgetMs
  }

  /** Takes these contexts in place of those before; what both select is not looked for again. */
  select(plans: readonly ContextPlan[]): void {
    const next = new Map<string, Selection>()
    for (const { application, expressions } of plans) {
      for (const expression of expressions) {
        if (expression.kind !== 'series') continue
        const { of, filter } = expression
        const key = keyFor(application, of, filter)
        next.set(key, this.#selections.get(key) ?? this.#open(application, of, filter))
      }
    }
    this.#selections = next
  }

  /** A series appeared, or got samples further back or later than those known. */
  seriesSeen({ text, name, tags, firstMs, newestMs }: KnownSeries): void {
    const known = this.#series.get(text)
    if (known !== undefined) {
      known.firstMs = Math.min(known.firstMs, firstMs)
      known.newestMs = Math.max(known.newestMs, newestMs)
      return
    }
    const own = { text, name, tags, firstMs, newestMs }
    this.#series.set(text, own)
    for (const selection of this.#selections.values()) offer(selection, own)
  }

  /** A series is no longer in the store. */
  seriesGone(text: string): void {
    this.#series.delete(text)
    for (const selection of this.#selections.values()) {
      if (selection.series.delete(text)) selection.bound = undefined
    }
  }

  /** An instance came, or went (`goneMs`). */
  instanceSeen(instance: KnownInstance): void {
    this.#instances.set(`${instance.application} ${instance.instance}`, instance)
    for (const selection of this.#selections.values()) {
      if (selection.application === instance.application) selection.bound = undefined
    }
  }

  /** The inputs of a raw monitor at a window end; none for what was not selected. */
  bound(application: string, of: string, filter: MonitorFilter, windowEndMs: number): readonly BoundSeries[] {
    const selection = this.#selections.get(keyFor(application, of, filter))
    if (selection === undefined) return []
    selection.bound ??= this.#candidates(selection)
    return selection.bound.filter((candidate) => this.#isBoundAt(candidate, windowEndMs))
  }

  #open(application: string, of: string, filter: MonitorFilter): Selection {
    const name = of.slice(0, of.includes(';') ? of.indexOf(';') : of.length)
    const selection: Selection = {
      application,
      filter,
      matches: compileSelector(of),
      takesResults: of.startsWith('monitor.'),
      isGlob: name === '' || /[*?[\]{}]/.test(name),
      series: new Map(),
      bound: undefined,
    }
    for (const known of this.#series.values()) offer(selection, known)
    return selection
  }

  #candidates(selection: Selection): Candidate[] {
    const { filter, application, isGlob } = selection
    const { cloud, host } = this.#place
    if ((filter.cloud ?? cloud) !== cloud || (filter.host ?? host) !== host) return []
    const all = [...selection.series.values()]
    const named = (known: Known, tags: ResultTags): ResultTags => (isGlob ? { ...tags, metric: known.name } : tags)
    if (filter.component === undefined) {
      return all
        .filter(({ tags }) => filter.instance === undefined || tags['instance'] === filter.instance)
        .map((known) => this.#candidate(known, named(known, known.tags), application))
    }
    const own = all
      .filter(({ tags }) => tags['component'] !== undefined)
      .map((known) => this.#candidate(known, named(known, known.tags), application))
    const covered = new Set(own.map(({ known: { name, tags } }) => `${name} ${tags['instance']}`))
    const shared = all
      .filter(({ tags }) => tags['component'] === undefined)
      .flatMap((known) => this.#forInstances(selection, known, covered, named))
    return [...own, ...shared].filter(({ tags }) => (filter.instance ?? tags['instance']) === tags['instance'])
  }

  /** A series of the whole host stands for each instance that has none of its own. */
  #forInstances(
    { application, filter }: Selection,
    known: Known,
    covered: ReadonlySet<string>,
    named: (known: Known, tags: ResultTags) => ResultTags,
  ): Candidate[] {
    return [...this.#instances.values()]
      .filter((instance) => instance.application === application && instance.component === filter.component)
      .filter(({ instance }) => !covered.has(`${known.name} ${instance}`))
      .map((instance) => {
        const tags = { ...known.tags, component: instance.component, instance: instance.instance }
        return { text: known.text, tags: named(known, tags), known, instance }
      })
  }

  #candidate(known: Known, tags: ResultTags, application: string): Candidate {
    const instance = this.#instances.get(`${application} ${known.tags['instance'] ?? ''}`)
    return { text: known.text, tags, known, instance }
  }

  #isBoundAt({ known, instance }: Candidate, windowEndMs: number): boolean {
    if (known.firstMs >= windowEndMs || windowEndMs - known.newestMs > this.#forgetMs) return false
    if (instance === undefined) return true
    return instance.sinceMs < windowEndMs && (instance.goneMs ?? Number.POSITIVE_INFINITY) >= windowEndMs
  }
}

function offer(selection: Selection, known: Known): void {
  const { filter, application, matches, takesResults } = selection
  if (!takesResults && known.name.startsWith('monitor.')) return
  if (!matches(known) || !Object.entries(filter.tags ?? {}).every(([tag, value]) => known.tags[tag] === value)) return
  const isOfOther = (known.tags['application'] ?? application) !== application
  if (
    filter.component !== undefined &&
    (isOfOther || (known.tags['component'] ?? filter.component) !== filter.component)
  ) {
    return
  }
  selection.series.set(known.text, known)
  selection.bound = undefined
}

function keyFor(application: string, of: string, { component, instance, cloud, host, tags }: MonitorFilter): string {
  return JSON.stringify([application, of, component, instance, cloud, host, tags && keyOf(tags)])
}
