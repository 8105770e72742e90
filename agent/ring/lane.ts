/**
 * A lane is what one start of one store has accepted: (store id, start number). Positions count on from start to start, but a
 * disk that was set back, or copied, may give a position twice; within a lane never. So (owner, lane, position) names one sample
 * for ever, copies of it can be united without comparing them, and nothing written by a clone mixes with the original's.
 */
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import type { RingMutant } from './mutant.ts'

export interface Lane {
  readonly storeId: string
  readonly start: number
}

/** What a host says it has of one lane. Both ends of ranges inclusive. */
export interface LaneHolding extends Lane {
  /** Sorted and disjoint. */
  readonly ranges: readonly ArrivalRange[]
  /** Everything up to here was evicted on purpose or is past its retention: neither missed nor taken again. 0 = nothing. */
  readonly floor: number
}

/** One name for a lane, for maps. */
export function laneKey({ storeId, start }: Lane): string {
  return `${storeId}/${start}`
}

/** Low bits of a start number that are random: two machines with one disk image never take the same one. */
const randomBits = 2 ** 20
/** Higher start numbers are refused: whoever named one could never be followed by a higher one. */
export const startMax: number = 2 ** 53 - 2 ** 30

/**
 * The number of a start: epoch seconds with 20 random bits behind, and more than any before, whatever the clock says.
 * @param known the highest start number known for this host, 0 for none
 * @param random 0 ≤ random < 1
 */
export function nextStart(known: number, nowMs: number, random: number): number {
  const second = Math.max(Math.floor(known / randomBits) + 1, Math.floor(nowMs / 1000))
  return second * randomBits + Math.floor(random * randomBits)
}

/** Positions from `first` on belong to this start, until the next opening. */
export interface Opening {
  readonly start: number
  readonly first: number
}

/** Openings kept at most; positions of older ones count to the oldest kept, and may be copied once more. */
const openingsMax = 4096

/**
 * The openings of a store with that of a new start behind, to be on disk before anything is accepted.
 * @param first the next position of the store
 */
export function openLane(
  openings: readonly Opening[],
  first: number,
  nowMs: number,
  random: number,
  mutant?: RingMutant,
): readonly Opening[] {
  const before = openings.at(-1)
  const start = before && mutant === 'position_reused' ? before.start : nextStart(before?.start ?? 0, nowMs, random)
  if (before?.start === start) return openings
  // what a store accepted before it had a ring counts to the first start
  const kept = openings.filter((opening) => opening.first < first)
  return [...kept, { start, first: before ? first : 1 }].slice(-openingsMax)
}

/**
 * The openings with a number above one that others know: in place of the present start, under which nothing has been shipped
 * yet, or from position `first` on.
 */
export function reopenLane(
  openings: readonly Opening[],
  above: number,
  first: number | undefined,
  nowMs: number,
  random: number,
): readonly Opening[] {
  const start = nextStart(above, nowMs, random)
  if (first === undefined) return [...openings.slice(0, -1), { start, first: openings.at(-1)?.first ?? 1 }]
  return [...openings.filter((opening) => opening.first < first), { start, first }].slice(-openingsMax)
}

/** The part that two ranges share, if any. */
export function intersection(a: ArrivalRange, b: ArrivalRange): ArrivalRange | undefined {
  const from = Math.max(a.from, b.from)
  const to = Math.min(a.to, b.to)
  return from <= to ? { from, to } : undefined
}

/** Which start each position of one's own store belongs to. Starts rise, and so do their first positions. */
export class Openings {
  readonly storeId: string
  #list: Opening[]

  constructor(storeId: string, list: readonly Opening[]) {
    this.storeId = storeId
    this.#list = [...list]
  }

  get list(): readonly Opening[] {
    return this.#list
  }

  get current(): Opening {
    return this.#list.at(-1) as Opening
  }

  add(opening: Opening): void {
    this.#list = this.#list.filter(({ first }) => first < opening.first)
    this.#list.push(opening)
  }

  /** The positions of a start, open-ended for the current one; undefined for a start that is not one of these. */
  rangeOf(lane: Lane): ArrivalRange | undefined {
    const i = this.#list.findIndex(({ start }) => start === lane.start)
    const opening = this.#list[i]
    if (!opening || lane.storeId !== this.storeId) return undefined
    return { from: opening.first, to: (this.#list[i + 1]?.first ?? Number.MAX_SAFE_INTEGER) - 1 }
  }

  /** The lane of a position; undefined before the first opening. */
  laneOf(position: number): Lane | undefined {
    for (let i = this.#list.length - 1; i >= 0; i--) {
      const opening = this.#list[i] as Opening
      if (opening.first <= position) return { storeId: this.storeId, start: opening.start }
    }
    return undefined
  }

  /** The holdings of these positions by lane. */
  split(ranges: readonly ArrivalRange[], floor: number): LaneHolding[] {
    return this.#list.map(({ start }) => {
      const lane = { storeId: this.storeId, start }
      const span = this.rangeOf(lane) as ArrivalRange
      const parts = ranges.map((range) => intersection(range, span)).filter((part) => part !== undefined)
      return { ...lane, ranges: parts, floor: Math.min(floor, span.to) }
    })
  }
}

/** The ranges of `all` without those of `without`. */
export function subtract(all: readonly ArrivalRange[], without: RangeSet | Iterable<ArrivalRange>): ArrivalRange[] {
  const set = without instanceof RangeSet ? without : new RangeSet(without)
  return all.flatMap((range) => set.missing(range))
}
