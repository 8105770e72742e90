import type { Samples } from '../area/series-reader.ts'
import type { BlockHeader } from '../block/format.ts'

/** What a window function can be told from a few sums alone, so that headers and tiers serve as well as samples. */
export const partialFunctions = [
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'first',
  'last',
  'delta',
  'derivative',
  'rate',
] as const
export type PartialFunction = (typeof partialFunctions)[number]

/** Those of them that a tier's columns can tell. */
export const tierFunctions: readonly string[] = ['count', 'sum', 'mean', 'min', 'max', 'last']

export function isPartial(name: string): name is PartialFunction {
  return (partialFunctions as readonly string[]).includes(name)
}

/** Running sums over samples of one series that come in time order. */
export class Partial {
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #first = 0
  #firstMs = 0
  #last = 0
  #lastMs = 0
  #lost = 0

  get count(): number {
    return this.#count
  }

  /** Samples `start … end − 1`. */
  samples({ timestampsMs, values }: Samples, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const value = values[i] as number
      if (this.#count === 0) this.#begin(timestampsMs[i] as number, value)
      else if (value < this.#last) this.#lost += this.#last
      this.#last = value
      this.#lastMs = timestampsMs[i] as number
      this.#sum += value
      this.#count++
      if (value < this.#min) this.#min = value
      if (value > this.#max) this.#max = value
    }
  }

  /** A whole block, or a window of a tier (whose first value nobody asks for). */
  header(of: Pick<BlockHeader, 'count' | 'first' | 'last' | 'min' | 'max' | 'sum' | 'lost' | 't0Ms' | 't1Ms'>): void {
    if (this.#count === 0) this.#begin(of.t0Ms, of.first)
    else if (of.first < this.#last) this.#lost += this.#last
    this.#lost += of.lost
    this.#last = of.last
    this.#lastMs = of.t1Ms
    this.#sum += of.sum
    this.#count += of.count
    this.#min = Math.min(this.#min, of.min)
    this.#max = Math.max(this.#max, of.max)
  }

  /** Null is unknown, as in `#protocol/aggregation`. */
  value(name: PartialFunction): number | null {
    if (this.#count === 0) return name === 'count' ? 0 : null
    const value = this.#of(name)
    return value !== undefined && Number.isFinite(value) ? value : null
  }

  #begin(timeMs: number, value: number): void {
    this.#first = value
    this.#firstMs = timeMs
  }

  #of(name: PartialFunction): number | undefined {
    switch (name) {
      case 'count':
        return this.#count
      case 'sum':
        return this.#sum
      case 'mean':
        return this.#sum / this.#count
      case 'min':
        return this.#min
      case 'max':
        return this.#max
      case 'first':
        return this.#first
      case 'last':
        return this.#last
      case 'delta':
        return this.#count < 2 ? undefined : this.#last - this.#first
      case 'derivative':
        return this.#perSecond(this.#last - this.#first)
      case 'rate':
        return this.#perSecond(this.#last - this.#first + this.#lost)
    }
  }

  #perSecond(change: number): number | undefined {
    const seconds = (this.#lastMs - this.#firstMs) / 1000
    return seconds > 0 ? change / seconds : undefined
  }
}
