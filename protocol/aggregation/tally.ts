/** What a family of functions keeps of the values it has seen: one file for each family. */
import type { ResultTags } from '#protocol/monitors/model.ts'

/**
 * Why a value is unknown: no input had one; it is beyond what doubles (or the sums of them) hold; or there were more different values
 * than a partial aggregate keeps; or unknown inputs could still change what a quantifier says.
 */
export type UnknownReason = 'empty' | 'overflow' | 'tooManyValues' | 'undecided'

/** What a partial aggregate says in the end. */
export interface Finished {
  /** Null = unknown; for `topN` and `bottomN` the first entry's, for a histogram the number of values. */
  readonly value: number | null
  /** Only where the value is null. */
  readonly reason?: UnknownReason | undefined
  /** Where the value is an estimate: its greatest relative error, for `distinct` its standard error; absent = rounding only. */
  readonly relativeError?: number | undefined
  /**
   * `topN`, `bottomN`: the inputs, best first. Histogram: the number of values up to each bound, tag `le` the bound, `+Inf` the last one
   * (as Prometheus has it).
   */
  readonly entries?: readonly FinishedEntry[] | undefined
}

export interface FinishedEntry {
  readonly tags: ResultTags
  readonly value: number
}

/** Merging is commutative and associative, and a fresh tally changes nothing; the other one is left alone. */
export interface Tally<T> {
  /** A finite value, never −0. */
  add(value: number, tags: ResultTags): void
  merge(other: T): void
  /** `values` says how many were added, here and where it was merged from: at least one. */
  finish(values: number): Finished
  /** False for what so many values can never have made: a message that contradicts itself. */
  agrees(values: number): boolean
}

/** A computed number, unknown when it overflowed. */
export function finishedNumber(value: number): Finished {
  return Number.isFinite(value) ? { value } : { value: null, reason: 'overflow' }
}
