/** How many values lie up to each of some given bounds. */
import type { Finished, Tally } from './tally.ts'

export class HistogramTally implements Tally<HistogramTally> {
  readonly form = 'histogram'
  readonly #bounds: readonly number[]
  /** Values above the bound before and up to this one; the last: above all bounds. */
  readonly #counts: Float64Array

  constructor(bounds: readonly number[], counts?: readonly number[]) {
    this.#bounds = bounds
    this.#counts = Float64Array.from(counts ?? { length: bounds.length + 1 }, (count) => count ?? 0)
  }

  add(value: number): void {
    let at = 0
    while (at < this.#bounds.length && value > (this.#bounds[at] as number)) at++
    this.#counts[at] = (this.#counts[at] as number) + 1
  }

  merge(other: HistogramTally): void {
    for (const [i, count] of other.#counts.entries()) this.#counts[i] = (this.#counts[i] as number) + count
  }

  /** Counts up to each bound, those below included. */
  finish(): Finished {
    let total = 0
    const entries = Array.from(this.#counts, (count, i) => {
      total += count
      return { tags: { le: i < this.#bounds.length ? String(this.#bounds[i]) : '+Inf' }, value: total }
    })
    return { value: total, entries }
  }

  agrees(values: number): boolean {
    return this.#counts.reduce((sum, count) => sum + count, 0) === values
  }

  /** One more than there are bounds. */
  state(): number[] {
    return [...this.#counts]
  }
}
