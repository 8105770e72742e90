/** Count, sum, mean and standard deviation, from exact sums: the order of adding and merging cannot be seen in the result. */
import { ExactSum } from './exact-sum.ts'
import { type Finished, finishedNumber, type Tally } from './tally.ts'

/** Functions of the number of values and the sums of their powers. */
export type MomentsKind = 'count' | 'sum' | 'mean' | 'stddev'

/** A value beyond this magnitude (9.7e288) makes a sum and a mean unknown, whatever else there is. */
const summandMax = 2 ** 960
/** A value beyond this magnitude (2.6e120) makes a standard deviation unknown. */
const squaredMax = 2 ** 400

/** A tally as data: the parts of the sum of the values and of the sum of their squares, null after an overflow. */
export interface MomentsState {
  readonly sum: readonly number[] | null
  readonly squares: readonly number[] | null
}

export class MomentsTally implements Tally<MomentsTally> {
  readonly form = 'moments'
  readonly kind: MomentsKind
  readonly #valueMax: number
  #overflowed = false
  #sum = new ExactSum()
  #squares = new ExactSum()

  constructor(kind: MomentsKind, state?: MomentsState) {
    this.kind = kind
    this.#valueMax = kind === 'stddev' ? squaredMax : summandMax
    if (state === undefined) return
    this.#overflowed = state.sum === null || state.squares === null
    this.#sum = ExactSum.of(state.sum ?? [])
    this.#squares = ExactSum.of(state.squares ?? [])
  }

  add(value: number): void {
    if (this.kind === 'count' || this.#overflowed) return
    if (Math.abs(value) > this.#valueMax) {
      this.#overflowed = true
      return
    }
    this.#sum.add(value)
    if (this.kind === 'stddev') this.#squares.addProduct(value, value)
  }

  merge(other: MomentsTally): void {
    this.#overflowed ||= other.#overflowed
    this.#sum.merge(other.#sum)
    this.#squares.merge(other.#squares)
  }

  finish(values: number): Finished {
    if (this.kind === 'count') return { value: values }
    if (this.#overflowed) return { value: null, reason: 'overflow' }
    if (this.kind === 'sum') return finishedNumber(this.#sum.total())
    return finishedNumber(this.kind === 'mean' ? this.#sum.total() / values : this.#deviation(values))
  }

  agrees(values: number): boolean {
    return values > 0 || (!this.#overflowed && this.#sum.total() === 0 && this.#squares.total() === 0)
  }

  state(): MomentsState {
    if (this.#overflowed) return { sum: null, squares: null }
    return { sum: this.#sum.canonicalParts(), squares: this.#squares.canonicalParts() }
  }

  /** √(n·Σx² − (Σx)²) / n: the difference is taken before anything is rounded. */
  #deviation(count: number): number {
    const { sum, squares } = this.state()
    if (sum === null || squares === null) return Number.NaN
    const difference = new ExactSum()
    for (const part of squares) difference.addProduct(part, count)
    for (const a of sum) for (const b of sum) difference.addProduct(-a, b)
    return Math.sqrt(Math.max(0, difference.total())) / count
  }
}
