/** The most frequent value, from a count for each different one. */
import type { Finished, Tally } from './tally.ts'

/** Different values counted; with more of them the mode is unknown. */
const valuesMax = 1_000
/** The same where `exact` was asked for. */
const valuesMaxExact = 10_000

/** How many different values are counted. */
export function modeValuesMaxOf(exact: boolean): number {
  return exact ? valuesMaxExact : valuesMax
}

/** A value and how often it came, at least once. */
export type ValueCount = readonly [value: number, count: number]

export class ModeTally implements Tally<ModeTally> {
  readonly form = 'mode'
  readonly #valuesMax: number
  readonly #counts = new Map<number, number>()
  #isFull: boolean

  /** `counts` of null: there were too many different values. */
  constructor(exact: boolean, counts: readonly ValueCount[] | null = []) {
    this.#valuesMax = modeValuesMaxOf(exact)
    this.#isFull = counts === null
    for (const [value, count] of counts ?? []) this.#count(value, count)
  }

  add(value: number): void {
    this.#count(value, 1)
  }

  merge(other: ModeTally): void {
    if (other.#isFull) this.#overfill()
    for (const [value, count] of other.#counts) this.#count(value, count)
  }

  /** The smallest of the most frequent values. */
  finish(): Finished {
    if (this.#isFull) return { value: null, reason: 'tooManyValues' }
    let mode: number | null = null
    let most = 0
    for (const [value, count] of this.#counts) {
      if (count < most || (count === most && mode !== null && value > mode)) continue
      mode = value
      most = count
    }
    return { value: mode }
  }

  agrees(values: number): boolean {
    let counted = 0
    for (const count of this.#counts.values()) counted += count
    return this.#isFull ? values > 0 : counted === values
  }

  /** By ascending value; null when there were too many. */
  state(): ValueCount[] | null {
    return this.#isFull ? null : [...this.#counts].sort(([a], [b]) => a - b)
  }

  #count(value: number, count: number): void {
    if (this.#isFull) return
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + count)
    if (this.#counts.size > this.#valuesMax) this.#overfill()
  }

  #overfill(): void {
    this.#isFull = true
    this.#counts.clear()
  }
}
