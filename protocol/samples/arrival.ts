/**
 * Arrival order: a store numbers every sample it accepts, from 1, without gaps. A consumer (uplink, ring) acknowledges
 * ranges of those numbers; whatever is not acknowledged is sent again. Both ends inclusive.
 */
export interface ArrivalRange {
  readonly from: number
  readonly to: number
}

/**
 * A set of numbers kept as sorted, disjoint, non-adjacent ranges: what a consumer has acknowledged, or what a receiver has
 * seen. `add` answers what was new. Lookups are binary searches; adding at the end, the usual case, moves nothing.
 */
export class RangeSet {
  #ranges: ArrivalRange[] = []
  #size = 0

  constructor(ranges: Iterable<ArrivalRange> = []) {
    for (const range of ranges) this.add(range)
  }

  /** Sorted, disjoint, non-adjacent. Valid until the next change of the set; copy it to keep it. */
  get ranges(): readonly ArrivalRange[] {
    return this.#ranges
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size
  }

  has(n: number): boolean {
    const known = this.#ranges[this.#firstEndingAtOrAfter(n)]
    return known !== undefined && known.from <= n
  }

  /** The parts of `range` that are not in the set, in order. */
  missing(range: ArrivalRange): ArrivalRange[] {
    const gaps: ArrivalRange[] = []
    let next = range.from
    for (let i = this.#firstEndingAtOrAfter(next); next <= range.to; i++) {
      const known = this.#ranges[i]
      if (!known || known.from > range.to) {
        gaps.push({ from: next, to: range.to })
        break
      }
      if (known.from > next) gaps.push({ from: next, to: known.from - 1 })
      next = known.to + 1
    }
    return gaps
  }

  /** Adds a range and returns the parts that were new, in order. A range whose `to` is below its `from` is empty. */
  add(range: ArrivalRange): ArrivalRange[] {
    const added = this.missing(range)
    if (added.length === 0) return added
    const first = this.#firstEndingAtOrAfter(range.from - 1)
    let from = range.from
    let to = range.to
    let end = first
    for (let known = this.#ranges[end]; known && known.from <= range.to + 1; known = this.#ranges[++end]) {
      from = Math.min(from, known.from)
      to = Math.max(to, known.to)
    }
    if (first === this.#ranges.length) this.#ranges.push({ from, to })
    else this.#ranges.splice(first, end - first, { from, to })
    for (const part of added) this.#size += lengthOf(part)
    return added
  }

  /** Forgets every number below `n`. */
  forgetBelow(n: number): void {
    const first = this.#firstEndingAtOrAfter(n)
    const cut = this.#ranges[first]
    const kept = this.#ranges.slice(first)
    if (cut && cut.from < n) kept[0] = { from: n, to: cut.to }
    this.#ranges = kept
    this.#size = kept.reduce((sum, range) => sum + lengthOf(range), 0)
  }

  /** Index of the first range with `to >= n`; the number of ranges when there is none. */
  #firstEndingAtOrAfter(n: number): number {
    let low = 0
    let high = this.#ranges.length
    if (high > 0 && (this.#ranges[high - 1] as ArrivalRange).to < n) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ranges[middle] as ArrivalRange).to < n) low = middle + 1
      else high = middle
    }
    return low
  }
}

function lengthOf(range: ArrivalRange): number {
  return range.to - range.from + 1
}
