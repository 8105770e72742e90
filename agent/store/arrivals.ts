import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'

/** Acknowledged ranges kept on disk at most; with more, the shortest are forgotten and their samples offered again. */
export const storedRangesMax = 4096

/**
 * What one consumer has had, has in flight, and has still to get. Pure: positions in, ranges out.
 *
 * Fresh first: the highest gap is offered first and from its end, so that what was just committed never waits for a backlog.
 */
export class Arrivals {
  readonly #acknowledged: RangeSet
  #inFlight: ArrivalRange[] = []
  #count: number

  constructor(acknowledged: Iterable<ArrivalRange> = []) {
    this.#acknowledged = new RangeSet(acknowledged)
    this.#count = this.#acknowledged.size
  }

  /** How many positions are acknowledged or void. */
  get count(): number {
    return this.#count
  }

  /** Positions up to here, from 1, are all acknowledged or void. */
  get floor(): number {
    const first = this.#acknowledged.ranges[0]
    return first?.from === 1 ? first.to : 0
  }

  /** Ranges handed out and neither acknowledged nor released. */
  get inFlight(): readonly ArrivalRange[] {
    return this.#inFlight
  }

  /** The end of the highest gap at or below `top`, at most `samplesMax` long. */
  nextGap(top: number, samplesMax: number): ArrivalRange | undefined {
    const busy = this.#acknowledged.ranges
    let to = top
    let i = busy.length - 1
    for (;;) {
      while (i >= 0 && (busy[i] as ArrivalRange).from > to) i--
      const known = busy[i]
      const flying = this.#inFlight.find((range) => range.from <= to && range.to >= to)
      if (flying) to = flying.from - 1
      else if (known && known.to >= to) to = known.from - 1
      else break
    }
    if (to < 1) return undefined
    let from = Math.max(1, to - samplesMax + 1, (busy[i]?.to ?? 0) + 1)
    for (const range of this.#inFlight) if (range.to < to && range.to >= from) from = range.to + 1
    return { from, to }
  }

  /** Marks as in flight. */
  take(range: ArrivalRange): void {
    this.#inFlight.push(range)
  }

  /** What of `range` is in flight is offered again. */
  release(range: ArrivalRange): void {
    this.#inFlight = this.#inFlight.flatMap((flying) => without(flying, range))
  }

  /** Marks as had, or as void; answers how many positions that were not before. */
  acknowledge(range: ArrivalRange): number {
    this.release(range)
    let added = 0
    for (const part of this.#acknowledged.add(range)) added += part.to - part.from + 1
    this.#count += added
    return added
  }

  /** How many positions of `range` are not acknowledged. */
  missing(range: ArrivalRange): number {
    return this.#acknowledged.missing(range).reduce((sum, part) => sum + part.to - part.from + 1, 0)
  }

  /** What to keep on disk: sorted, at most `storedRangesMax`. */
  toStore(): readonly ArrivalRange[] {
    const ranges = this.#acknowledged.ranges
    if (ranges.length <= storedRangesMax) return ranges
    const longest = ranges.toSorted((a, b) => b.to - b.from - (a.to - a.from)).slice(0, storedRangesMax)
    return longest.sort((a, b) => a.from - b.from)
  }
}

/** The parts of `range` outside `cut`. */
function without(range: ArrivalRange, cut: ArrivalRange): ArrivalRange[] {
  if (cut.to < range.from || cut.from > range.to) return [range]
  const parts: ArrivalRange[] = []
  if (range.from < cut.from) parts.push({ from: range.from, to: cut.from - 1 })
  if (range.to > cut.to) parts.push({ from: cut.to + 1, to: range.to })
  return parts
}
