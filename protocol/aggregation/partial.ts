/**
 * A mergeable partial aggregate: what a host, then a cloud, says about its inputs of one monitor and one window, so that the wider scope
 * can finish what no result could tell it. Merging in any order, any grouping, gives the same value bit for bit, for every function.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { Quantifier, ResultTags } from '#protocol/monitors/model.ts'
import { type Aggregate, formatAggregate, parseAggregate } from './aggregate.ts'
import { DistinctTally } from './distinct-tally.ts'
import { ExtremeTally } from './extreme-tally.ts'
import { HistogramTally } from './histogram-tally.ts'
import { ModeTally } from './mode-tally.ts'
import { MomentsTally } from './moments-tally.ts'
import { PercentileTally } from './percentile-tally.ts'
import { RankedTally } from './ranked-tally.ts'
import type { Finished, Tally } from './tally.ts'
import { numberOf, quantify } from './truth.ts'
import { TruthTally } from './truth-tally.ts'

/** Values, known and unknown inputs that a partial aggregate may count; a merge that would exceed it is refused. */
export const valuesMax: number = 2 ** 40

/** What each family of functions keeps; `form` tells them apart. */
export type AnyTally =
  | MomentsTally
  | ExtremeTally
  | PercentileTally
  | ModeTally
  | DistinctTally
  | RankedTally
  | HistogramTally
  | TruthTally

export interface PartialOptions {
  /** Percentiles, modes and distinct counts from up to 10,000 values rather than fewer. Default false. */
  readonly exact?: boolean | undefined
}

/** How much was added. */
export interface PartialCounts {
  /** Inputs with a value. */
  readonly known: number
  /** Inputs without. */
  readonly unknown: number
  /** Values of the known inputs: as many, where they were not pooled. */
  readonly values: number
}

const noTags: ResultTags = {}

/**
 * An empty partial aggregate of a function (`mean`, `p95`, `top3`, `histogram(10,50)`) or a quantifier.
 * @throws LanistaError FUNCTION_UNKNOWN, FUNCTION_ORDERED
 */
export function partialFor(what: string | Quantifier, { exact = false }: PartialOptions = {}): PartialAggregate {
  const aggregate: Aggregate =
    typeof what === 'string' ? parseAggregate(what) : { kind: 'quantifier', quantifier: what }
  return new PartialAggregate(aggregate, exact, tallyFor(aggregate, exact), { known: 0, unknown: 0, values: 0 })
}

/** Made by `partialFor` and by the decoder. Takes what is added and merged; never shrinks. */
export class PartialAggregate implements PartialCounts {
  readonly aggregate: Aggregate
  readonly exact: boolean
  /** For the encoder. */
  readonly tally: AnyTally
  #known: number
  #unknown: number
  #values: number

  constructor(aggregate: Aggregate, exact: boolean, tally: AnyTally, { known, unknown, values }: PartialCounts) {
    this.aggregate = aggregate
    this.exact = exact
    this.tally = tally
    this.#known = known
    this.#unknown = unknown
    this.#values = values
  }

  get known(): number {
    return this.#known
  }

  get unknown(): number {
    return this.#unknown
  }

  get values(): number {
    return this.#values
  }

  /** One input and its only value; a value that is not finite makes it an unknown input. `tags` count for `topN` and `bottomN`. */
  add(value: number, tags: ResultTags = noTags): void {
    if (!Number.isFinite(value)) return this.addUnknown()
    this.#addValue(value, tags)
    this.#known++
  }

  /**
   * One input and all its samples, which are pooled with those of the others; unknown when none is finite. Of these, `topN` and
   * `bottomN` take the largest or the smallest.
   */
  addPooled(values: Iterable<number>, tags: ResultTags = noTags): void {
    const { kind } = this.aggregate
    if (kind === 'top' || kind === 'bottom') return this.add(extremeOf(kind, values), tags)
    const before = this.#values
    for (const value of values) if (Number.isFinite(value)) this.#addValue(value, tags)
    if (this.#values === before) this.addUnknown()
    else this.#known++
  }

  /** Inputs that exist and have no value in the window. */
  addUnknown(inputs = 1): void {
    this.#unknown += inputs
  }

  /**
   * Takes over what the other one knows and leaves that as it is.
   * @throws LanistaError PARTIAL_MISMATCH for another function or exactness, PARTIAL_INVALID beyond 2^40 values; nothing is merged then
   */
  merge(other: PartialAggregate): void {
    if (other === this) throw new RangeError('a partial aggregate merged with itself')
    if (nameOf(this) !== nameOf(other)) {
      throw new LanistaError(
        'PARTIAL_MISMATCH',
        `merge partial aggregates of one kind: found ${nameOf(other)}, expected ${nameOf(this)}`,
      )
    }
    if (Math.max(this.#values + other.#values, this.#unknown + other.#unknown) > valuesMax) {
      throw new LanistaError('PARTIAL_INVALID', `merge fewer values: found more than ${valuesMax}`)
    }
    this.#known += other.#known
    this.#unknown += other.#unknown
    this.#values += other.#values
    mergeTallies(this.tally, other.tally)
  }

  /**
   * The value, or why it is unknown. A quantifier judges over `expected` inputs where these are more than it has heard of; for the
   * others coverage is the caller's to judge, by `known`.
   */
  finish(expected = 0): Finished {
    if (this.aggregate.kind === 'quantifier') return this.#judge(this.aggregate.quantifier, expected)
    if (this.#values > 0) return this.tally.finish(this.#values)
    return this.aggregate.kind === 'count' ? { value: 0 } : { value: null, reason: 'empty' }
  }

  #addValue(value: number, tags: ResultTags): void {
    this.tally.add(value + 0, tags)
    this.#values++
  }

  #judge(quantifier: Quantifier, expected: number): Finished {
    const yes = this.tally.finish(this.#values).value ?? 0
    const counts = { yes, no: this.#values - yes, unknown: this.#unknown, expected }
    const value = numberOf(quantify(quantifier, counts))
    if (value !== null) return { value }
    return { value, reason: this.#values + this.#unknown + expected === 0 ? 'empty' : 'undecided' }
  }
}

/** The largest or the smallest of the finite ones, NaN without any. */
function extremeOf(kind: 'top' | 'bottom', values: Iterable<number>): number {
  let extreme = Number.NaN
  for (const value of values) {
    const isBeyond = kind === 'top' ? value > extreme : value < extreme
    if (Number.isFinite(value) && (isBeyond || Number.isNaN(extreme))) extreme = value
  }
  return extreme
}

function nameOf({ aggregate, exact }: PartialAggregate): string {
  return `${exact ? 'exact ' : ''}${formatAggregate(aggregate)}`
}

function tallyFor(aggregate: Aggregate, exact: boolean): AnyTally {
  switch (aggregate.kind) {
    case 'count':
    case 'sum':
    case 'mean':
    case 'stddev':
      return new MomentsTally(aggregate.kind)
    case 'min':
    case 'max':
      return new ExtremeTally(aggregate.kind)
    case 'percentile':
      return new PercentileTally(aggregate.percent, exact)
    case 'mode':
      return new ModeTally(exact)
    case 'distinct':
      return new DistinctTally(exact)
    case 'top':
    case 'bottom':
      return new RankedTally(aggregate.kind, aggregate.size)
    case 'histogram':
      return new HistogramTally(aggregate.bounds)
    case 'quantifier':
      return new TruthTally()
  }
}

/** Aggregates of the same kind have tallies of the same form. */
function mergeTallies(tally: AnyTally, other: AnyTally): void {
  ;(tally as Tally<AnyTally>).merge(other)
}
