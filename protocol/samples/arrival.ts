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
 * seen. Pure; `add` answers what was new.
 */
export class RangeSet {
  #ranges: ArrivalRange[]

  constructor(ranges: Iterable<ArrivalRange> = []) {
    this.#ranges = []
    for (const range of ranges) this.add(range)
  }

  /** Sorted, disjoint, non-adjacent. */
  get ranges(): readonly ArrivalRange[] {
    return this.#ranges
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#ranges.reduce((sum, range) => sum + range.to - range.from + 1, 0)
  }

  has(n: number): boolean {
    return this.#ranges.some((range) => n >= range.from && n <= range.to)
  }

  /** The parts of `range` that are not in the set. */
  missing(range: ArrivalRange): ArrivalRange[] {
    const gaps: ArrivalRange[] = []
    let next = range.from
    for (const known of this.#ranges) {
      if (known.to < next) continue
      if (known.from > range.to) break
      if (known.from > next) gaps.push({ from: next, to: known.from - 1 })
      next = known.to + 1
    }
    if (next <= range.to) gaps.push({ from: next, to: range.to })
    return gaps
  }

  /** Adds a range and returns the parts that were new. */
  add(range: ArrivalRange): ArrivalRange[] {
    const added = this.missing(range)
    if (added.length === 0) return added
    const before = this.#ranges.filter((known) => known.to < range.from - 1)
    const after = this.#ranges.filter((known) => known.from > range.to + 1)
    const touching = this.#ranges.slice(before.length, this.#ranges.length - after.length)
    const from = Math.min(range.from, touching[0]?.from ?? range.from)
    const to = Math.max(range.to, touching.at(-1)?.to ?? range.to)
    this.#ranges = [...before, { from, to }, ...after]
    return added
  }

  /** Forgets every number below `n`. */
  forgetBelow(n: number): void {
    this.#ranges = this.#ranges
      .filter((range) => range.to >= n)
      .map((range) => (range.from < n ? { from: n, to: range.to } : range))
  }
}
