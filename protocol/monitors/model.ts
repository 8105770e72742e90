/**
 * What is measured, composed and judged, as checked data: the same on the controller, which accepts it, and on every agent, which
 * computes its part of it. An application (one execution context) owns its monitors; names are unique inside it. `parse.ts` makes these
 * from the application file, `plan.ts` turns them into what is computed where.
 */

/** Where a value is computed: on each host, once a cloud, once for all clouds. */
export type Scope = 'host' | 'cloud' | 'cross-cloud'

/** A stretch of event time before the window's end, or the newest samples of each input. */
export type WindowSpec =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'count'; readonly samples: number }

/** Which series a raw monitor takes; all given parts must fit. */
export interface MonitorFilter {
  /** A component of the application: series tagged `component=…`, and untagged series of hosts that run an instance of it. */
  readonly component?: string | undefined
  readonly instance?: string | undefined
  readonly cloud?: string | undefined
  readonly host?: string | undefined
  /** Tags the series must carry, value by value. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** How many of the values must be true; an empty set is unknown. */
export type Quantifier =
  | { readonly kind: 'every' }
  | { readonly kind: 'some' }
  | { readonly kind: 'atLeast'; readonly count: number }
  /** Of the values expected, rounded up. */
  | { readonly kind: 'atLeastShare'; readonly percent: number }

export const comparisons = ['above', 'below', 'atOrAbove', 'atOrBelow', 'equal', 'notEqual'] as const
/** `value > limit`, `<`, `>=`, `<=`, `===`, `!==`. */
export type Comparison = (typeof comparisons)[number]

interface MonitorBase {
  /** A token: `[A-Za-z0-9_-]{1,64}`, no leading `_`; conditions of rules get one made from the rule's name. */
  readonly name: string
  readonly scope: Scope
  /** A window ends at each multiple of this in epoch time, ms. */
  readonly everyMs: number
  /** How long after its end a window is still open for samples that are late, ms. */
  readonly latenessMs: number
  /** Share of the expected inputs that must be known, 0 to 1; below it the value is unknown. */
  readonly coverage: number
  readonly unit?: string | undefined
  /** Ids of outside models, carried along and never read. */
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
}

/** What is done with the values of a window; absent parts are left out of the chain, in this order. */
export interface Computation {
  /** Over the window of each input by itself (`mean`, `rate`, `p95`, …); where there is no `reduce` but a wider scope, over all of them pooled. */
  readonly function?: string | undefined
  readonly window?: WindowSpec | undefined
  /** Each value compared with a limit: 1, 0, or unknown. */
  readonly compare?: { readonly with: Comparison; readonly limit: number } | undefined
  /** Over the values of all inputs of a group, one result a group. */
  readonly reduce?: string | undefined
  /** In place of `reduce`, over values of 0 and 1. */
  readonly quantifier?: Quantifier | undefined
  /** Tags (`cloud`, `host`, `application`, `component` and `instance` among them) whose values make a group; [] = one group. */
  readonly by: readonly string[]
  /** Percentiles, medians, modes and distinct counts from all values rather than from a sketch, as far as the bounds allow. */
  readonly exact: boolean
}

/** Takes samples of metrics. */
export interface RawMonitor extends MonitorBase, Computation {
  readonly kind: 'raw'
  /** A selector, see `#protocol/metrics/selector.ts`. */
  readonly of: string
  readonly filter: MonitorFilter
}

/** Takes the results of other monitors of the application: one with a window or a reduction, or several combined value by value. */
export interface ComposedMonitor extends MonitorBase, Computation {
  readonly kind: 'composed'
  /** Names of monitors, in order: `subtract` and `divide` go from left to right. */
  readonly from: readonly string[]
  /** `add`, `subtract`, `multiply`, `divide`, `modulo`, `scale`, comparisons, `and`, `or`, `xor`, `not`: over values with the same tags. */
  readonly combine?: string | undefined
  /** Second operand of `scale`, and of the others where `from` names one monitor only. */
  readonly operand?: number | undefined
}

/** A number as a metric. */
export interface ConstantMonitor extends MonitorBase {
  readonly kind: 'constant'
  readonly value: number
}

export type Monitor = RawMonitor | ComposedMonitor | ConstantMonitor

/** The monitors of one application: its execution context. Everything goes when the context goes. */
export interface MonitorContext {
  readonly application: string
  readonly monitors: readonly Monitor[]
}

/** Tags that tell one result of a monitor from another; `{}` for the only one of a whole reduction. */
export type ResultTags = Readonly<Record<string, string>>

/**
 * One value of a monitor at the end of one window. Stored and published as the metric `monitorMetric(application, monitor)` with these
 * tags and the timestamp `windowEndMs`; an unknown value is published as such and stored as nothing.
 */
export interface MonitorResult {
  readonly application: string
  readonly monitor: string
  readonly tags: ResultTags
  /** Epoch ms, a multiple of the monitor's `everyMs`; the window is `[end − length, end)`. */
  readonly windowEndMs: number
  /** Null = unknown. */
  readonly value: number | null
  /** Inputs with a known value, and inputs there should be. */
  readonly known: number
  readonly expected: number
  /** Of the known ones, those whose samples leave a gap in their window (`time-coverage.ts`); absent = none. */
  readonly gaps?: number | undefined
  /** 0 when first published; higher each time the same window is published again with another value. */
  readonly revision: number
}

/** The name of the metric a monitor's results are stored and published under: `monitor.<application>.<monitor>`. */
export function monitorMetric(application: string, monitor: string): string {
  return `monitor.${application}.${monitor}`
}

/** A monitor's key in a map: names have no spaces. */
export function monitorKey(application: string, monitor: string): string {
  return `${application} ${monitor}`
}
