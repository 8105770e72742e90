/**
 * Functions whose value can be merged from partial aggregates: those that do not depend on the order of the values. README.md says
 * each in one line.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { Quantifier } from '#protocol/monitors/model.ts'
import { parsePercent } from './functions.ts'

/** Inputs that `topN` and `bottomN` may keep. */
export const rankedMax = 100
/** Bounds that a histogram may have. */
export const boundsMax = 100

/** A mergeable function with its parameters, as data. */
export type Aggregate =
  | { readonly kind: 'count' | 'sum' | 'mean' | 'stddev' | 'min' | 'max' | 'mode' | 'distinct' }
  /** `median` is the 50th. */
  | { readonly kind: 'percentile'; readonly percent: number }
  /** The `size` inputs with the largest or smallest values, with their tags. */
  | { readonly kind: 'top' | 'bottom'; readonly size: number }
  /** Values up to each bound; ascending, finite. */
  | { readonly kind: 'histogram'; readonly bounds: readonly number[] }
  /** Over values of 0 (false) and others (true). */
  | { readonly kind: 'quantifier'; readonly quantifier: Quantifier }

const plain = ['count', 'sum', 'mean', 'stddev', 'min', 'max', 'mode', 'distinct'] as const

/** Functions of one series in time order, which have no partial aggregate. */
const ordered: readonly string[] = ['first', 'last', 'delta', 'derivative', 'rate', 'leastSquares']

/**
 * A mergeable function from its name: `mean`, `p95`, `top3`, `bottom10`, `histogram(10,50,90)`.
 * @throws LanistaError FUNCTION_UNKNOWN, FUNCTION_ORDERED (for `rate` and the like)
 */
export function parseAggregate(name: string): Aggregate {
  if (ordered.includes(name)) {
    throw new LanistaError(
      'FUNCTION_ORDERED',
      `apply ${name} to each series and reduce its values: found it over several inputs, expected a function without order`,
    )
  }
  const found = plainOf(name) ?? percentileOf(name) ?? rankedOf(name) ?? histogramOf(name)
  if (found !== undefined) return found
  throw new LanistaError(
    'FUNCTION_UNKNOWN',
    `use another function: found ${JSON.stringify(name.slice(0, 40))}, expected one of ${plain.join(', ')}, median, p0 to p100, top1 to top${rankedMax}, bottom1 to bottom${rankedMax}, histogram(bound,…) with up to ${boundsMax} ascending bounds`,
    { data: { known: [...plain, 'median'] } },
  )
}

/** The name of an aggregate, the same for the same one: `p50`, `top3`, `atLeast 50%`. `median` is `p50`. */
export function formatAggregate(aggregate: Aggregate): string {
  if (aggregate.kind === 'percentile') return `p${aggregate.percent}`
  if (aggregate.kind === 'top' || aggregate.kind === 'bottom') return `${aggregate.kind}${aggregate.size}`
  if (aggregate.kind === 'histogram') return `histogram(${aggregate.bounds.join(',')})`
  if (aggregate.kind === 'quantifier') return formatQuantifier(aggregate.quantifier)
  return aggregate.kind
}

function formatQuantifier(quantifier: Quantifier): string {
  if (quantifier.kind === 'atLeast') return `atLeast ${quantifier.count}`
  if (quantifier.kind === 'atLeastShare') return `atLeast ${quantifier.percent}%`
  return quantifier.kind
}

function plainOf(name: string): Aggregate | undefined {
  const kind = plain.find((known) => known === name)
  return kind && { kind }
}

function percentileOf(name: string): Aggregate | undefined {
  const percent = name === 'median' ? 50 : parsePercent(name)
  return percent === undefined ? undefined : { kind: 'percentile', percent }
}

function rankedOf(name: string): Aggregate | undefined {
  const [, kind, digits] = /^(top|bottom)([1-9]\d{0,2})$/.exec(name) ?? []
  const size = Number(digits)
  return size <= rankedMax ? { kind: kind === 'top' ? 'top' : 'bottom', size } : undefined
}

function histogramOf(name: string): Aggregate | undefined {
  const [, list] = /^histogram\(([-+.\deE, ]{1,4000})\)$/.exec(name) ?? []
  if (list === undefined) return undefined
  const texts = list.split(',')
  if (texts.some((text) => text.trim() === '')) return undefined
  const bounds = texts.map((text) => Number(text) + 0)
  return areBounds(bounds) ? { kind: 'histogram', bounds } : undefined
}

/** True for 1 to 100 finite numbers in ascending order. */
export function areBounds(bounds: readonly number[]): boolean {
  return (
    bounds.length >= 1 &&
    bounds.length <= boundsMax &&
    bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > (bounds[i - 1] as number)))
  )
}
