import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import { type Lane, type LaneHolding, laneKey, subtract } from './lane.ts'

interface HeldLane extends Lane {
  ranges: RangeSet
  floor: number
}

/** What is held of one owner: ranges of positions by lane. Counts grow with gaps, not with samples. */
export class Holdings {
  readonly #lanes = new Map<string, HeldLane>()

  constructor(lanes: Iterable<LaneHolding> = []) {
    for (const lane of lanes) {
      const held = this.#laneOf(lane)
      held.floor = Math.max(held.floor, lane.floor)
      for (const range of lane.ranges) held.ranges.add(range)
    }
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  /** Samples held, all lanes. */
  get size(): number {
    let size = 0
    for (const { ranges } of this.#lanes.values()) size += ranges.size
    return size
  }

  has(lane: Lane): boolean {
    return this.#lanes.has(laneKey(lane))
  }

  /** Adds what is above the floor. */
  add(lane: Lane, range: ArrivalRange): void {
    const held = this.#laneOf(lane)
    held.ranges.add({ from: Math.max(range.from, held.floor + 1), to: range.to })
  }

  /** The parts of a range that are neither held nor below the floor. */
  missing(lane: Lane, range: ArrivalRange): ArrivalRange[] {
    const held = this.#lanes.get(laneKey(lane))
    const from = Math.max(range.from, (held?.floor ?? 0) + 1)
    if (from > range.to) return []
    return held ? held.ranges.missing({ from, to: range.to }) : [{ from, to: range.to }]
  }

  /** Forgets everything up to `to`, for good. */
  evict(lane: Lane, to: number): void {
    const held = this.#laneOf(lane)
    if (to <= held.floor) return
    held.floor = to
    held.ranges.forgetBelow(to + 1)
  }

  /** Forgets ranges that turned out unreadable; they may be taken again. */
  remove(lane: Lane, ranges: readonly ArrivalRange[]): void {
    const held = this.#lanes.get(laneKey(lane))
    if (held) held.ranges = new RangeSet(subtract(held.ranges.ranges, ranges))
  }

  laneSummary(lane: Lane): LaneHolding {
    const held = this.#lanes.get(laneKey(lane))
    return {
      storeId: lane.storeId,
      start: lane.start,
      ranges: [...(held?.ranges.ranges ?? [])],
      floor: held?.floor ?? 0,
    }
  }

  summary(): LaneHolding[] {
    return [...this.#lanes.values()].map((lane) => this.laneSummary(lane))
  }

  /** The parts of what another holds that are missing here. */
  missingOf(others: readonly LaneHolding[]): LaneHolding[] {
    return others
      .map((other) => ({ ...other, ranges: other.ranges.flatMap((range) => this.missing(other, range)) }))
      .filter(({ ranges }) => ranges.length > 0)
  }

  #laneOf(lane: Lane): HeldLane {
    const key = laneKey(lane)
    const known = this.#lanes.get(key)
    if (known) return known
    const made = { storeId: lane.storeId, start: lane.start, ranges: new RangeSet(), floor: 0 }
    this.#lanes.set(key, made)
    return made
  }
}
