/** Percentiles: from all values as long as there are few of them, from a sketch beyond that. */
import { LogSketch, type SketchState } from './log-sketch.ts'
import type { Finished, Tally } from './tally.ts'

/** Values kept as they are before a sketch takes their place: a median of some hosts is exact in any case. */
const valuesMax = 32
/** The same where `exact` was asked for. */
const valuesMaxExact = 10_000

/** How many values are kept before a sketch takes their place. */
export function percentileValuesMaxOf(exact: boolean): number {
  return exact ? valuesMaxExact : valuesMax
}

/** A tally as data: all values, ascending; or a sketch of more of them, with the smallest and the largest. */
export type PercentileState =
  | { readonly values: readonly number[] }
  | { readonly min: number; readonly max: number; readonly sketch: SketchState }

export class PercentileTally implements Tally<PercentileTally> {
  readonly form = 'percentile'
  readonly #percent: number
  readonly #valuesMax: number
  #values: number[] = []
  #sketch: LogSketch | undefined
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  constructor(percent: number, exact: boolean, state: PercentileState = { values: [] }) {
    this.#percent = percent
    this.#valuesMax = percentileValuesMaxOf(exact)
    if ('values' in state) {
      for (const value of state.values) this.add(value)
    } else {
      this.#sketch = LogSketch.of(state.sketch)
      this.#min = state.min
      this.#max = state.max
    }
  }

  add(value: number): void {
    this.#min = Math.min(this.#min, value)
    this.#max = Math.max(this.#max, value)
    if (this.#sketch) return this.#sketch.add(value)
    this.#values.push(value)
    if (this.#values.length > this.#valuesMax) this.#sketched()
  }

  merge(other: PercentileTally): void {
    if (other.#sketch) this.#sketched().merge(other.#sketch)
    else for (const value of other.#values) this.add(value)
    this.#min = Math.min(this.#min, other.#min)
    this.#max = Math.max(this.#max, other.#max)
  }

  /** Linear between order statistics, as the function of a window; each of the two is off by at most the relative error. */
  finish(values: number): Finished {
    const steps = this.#steps()
    const rank = (this.#percent / 100) * (values - 1)
    const part = rank - Math.floor(rank)
    const below = this.#valueAt(steps, Math.floor(rank), values)
    const above = this.#valueAt(steps, Math.ceil(rank), values)
    const value = part === 0 ? below : below * (1 - part) + above * part
    return this.#sketch ? { value, relativeError: this.#sketch.relativeError } : { value }
  }

  agrees(values: number): boolean {
    return (this.#sketch?.count ?? this.#values.length) === values
  }

  state(): PercentileState {
    return this.#sketch ? { min: this.#min, max: this.#max, sketch: this.#sketch.state() } : { values: this.#sorted() }
  }

  /** Values in ascending order, each with the number of values it stands for. */
  #steps(): (readonly [value: number, count: number])[] {
    return this.#sketch?.ascending() ?? this.#sorted().map((value) => [value, 1] as const)
  }

  #sorted(): number[] {
    return [...Float64Array.from(this.#values).sort()]
  }

  /** From now on a sketch. */
  #sketched(): LogSketch {
    const sketch = this.#sketch ?? new LogSketch()
    for (const value of this.#values) sketch.add(value)
    this.#values = []
    this.#sketch = sketch
    return sketch
  }

  /** The value of a rank (from 0); the first and the last are known exactly. */
  #valueAt(steps: readonly (readonly [value: number, count: number])[], rank: number, total: number): number {
    if (rank <= 0) return this.#min
    if (rank >= total - 1) return this.#max
    let passed = 0
    for (const [value, n] of steps) {
      passed += n
      if (passed > rank) return Math.min(this.#max, Math.max(this.#min, value))
    }
    return this.#max
  }
}
