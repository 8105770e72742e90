/**
 * How many different values there are: from the values as long as they are few; beyond that an estimate from the smallest of their
 * hashes (k minimum values, Bar-Yossef et al., RANDOM 2002), which are the same in whatever order they were merged.
 */
import type { Finished, Tally } from './tally.ts'
import { valueHasher } from './value-hash.ts'

/** Different values kept as they are. */
const valuesMax = 1_024
/** The same where `exact` was asked for. */
const valuesMaxExact = 10_000

/** How many different values are kept before hashes take their place. */
export function distinctValuesMaxOf(exact: boolean): number {
  return exact ? valuesMaxExact : valuesMax
}
/** Hashes kept: the estimate's standard error is 1 / √(k − 2). */
export const distinctHashesMax = 1_024
/** Hashes are whole numbers below this. */
export const hashMax: number = 2 ** 48

const standardError = 1 / Math.sqrt(distinctHashesMax - 2)

/** A tally as data, ascending: the different values; or, of more of them, the 1,024 smallest hashes. */
export type DistinctState = { readonly values: readonly number[] } | { readonly hashes: readonly number[] }

export class DistinctTally implements Tally<DistinctTally> {
  readonly form = 'distinct'
  readonly #valuesMax: number
  readonly #hash = valueHasher()
  readonly #values = new Set<number>()
  #hashes: Set<number> | undefined
  /** The largest hash kept, once there are as many as may be. */
  #bar = hashMax

  constructor(exact: boolean, state: DistinctState = { values: [] }) {
    this.#valuesMax = distinctValuesMaxOf(exact)
    if ('values' in state) for (const value of state.values) this.add(value)
    else this.#keep(state.hashes)
  }

  add(value: number): void {
    if (this.#hashes) return this.#keep([this.#hash(value)])
    this.#values.add(value)
    if (this.#values.size <= this.#valuesMax) return
    this.#hashed()
  }

  merge(other: DistinctTally): void {
    if (other.#hashes) {
      this.#hashed()
      this.#keep(other.#hashes)
    } else {
      for (const value of other.#values) this.add(value)
    }
  }

  finish(): Finished {
    if (!this.#hashes) return { value: this.#values.size }
    const kept = this.#smallest()
    if (kept.length < distinctHashesMax) return { value: kept.length, relativeError: standardError }
    const share = ((kept.at(-1) as number) + 1) / hashMax
    return { value: Math.round((kept.length - 1) / share), relativeError: standardError }
  }

  agrees(values: number): boolean {
    const size = this.#hashes?.size ?? this.#values.size
    return size <= values && size > 0 === values > 0
  }

  state(): DistinctState {
    return this.#hashes ? { hashes: this.#smallest() } : { values: [...this.#values].sort((a, b) => a - b) }
  }

  #hashed(): void {
    this.#keep(Array.from(this.#values, this.#hash))
    this.#values.clear()
  }

  #keep(more: Iterable<number>): void {
    const hashes = this.#hashes ?? new Set()
    this.#hashes = hashes
    for (const hash of more) if (hash <= this.#bar) hashes.add(hash)
    if (hashes.size < distinctHashesMax * 2) return
    const kept = this.#smallest()
    this.#hashes = new Set(kept)
    this.#bar = kept.at(-1) as number
  }

  #smallest(): number[] {
    return [
      ...Float64Array.from(this.#hashes ?? [])
        .sort()
        .subarray(0, distinctHashesMax),
    ]
  }
}
