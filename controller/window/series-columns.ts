/**
 * The recent samples of one series as columns of typed arrays. In-order samples are appended at the end of the sorted
 * part; late ones go to an unsorted tail that is merged when somebody reads or when it has grown to half of the sorted part,
 * so that a whole history pushed backwards costs n log n and not n². Of equal timestamps the last written wins.
 */

import type { SampleSpan } from '#protocol/aggregation/span.ts'

/** Bytes a sample takes: timestamp, value, second of arrival. */
export const bytesPerSample = 20

const capacityMin = 8
const tailMin = 256

/** The three columns in one buffer: allocating is what growing costs. */
interface Columns {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly arrivedS: Uint32Array
}

export class SeriesColumns {
  #columns: Columns = columnsFor(capacityMin)
  #length = 0
  /** Samples `0 … #sorted − 1` are in order of time, without repeats. */
  #sorted = 0
  /** No sample arrived before this second. */
  #oldestArrivalS = Infinity

  /** Samples held; late repeats of a timestamp count until they are merged. */
  get length(): number {
    return this.#length
  }

  /** Samples there is room for: what the series costs. */
  get capacity(): number {
    return this.#columns.values.length
  }

  /** Second of the oldest arrival held, Infinity when empty. */
  get oldestArrivalS(): number {
    return this.#oldestArrivalS
  }

  /** Adds a sample that arrived in second `arrivedS` (epoch). Returns by how much `length` grew, which a merge can make negative. */
  append(timestampMs: number, value: number, arrivedS: number): number {
    const before = this.#length
    const isSorted = this.#sorted === before
    const lastMs = before === 0 ? -Infinity : (this.#columns.timestampsMs[before - 1] as number)
    const index = isSorted && lastMs === timestampMs ? before - 1 : before
    if (index === this.capacity) this.#resize(this.capacity + (this.capacity >> 1))
    this.#columns.timestampsMs[index] = timestampMs
    this.#columns.values[index] = value
    this.#columns.arrivedS[index] = arrivedS
    if (arrivedS < this.#oldestArrivalS) this.#oldestArrivalS = arrivedS
    if (index < before) return 0
    this.#length++
    if (isSorted && timestampMs > lastMs) this.#sorted++
    else if (this.#length - this.#sorted > Math.max(tailMin, this.#sorted >> 1)) this.#merge()
    return this.#length - before
  }

  /** The samples with `fromMs <= timestamp <= untilMs`, in order of time, one per timestamp; valid until the next write. */
  slice(fromMs: number, untilMs: number): SampleSpan {
    this.#merge()
    const start = this.#firstAtOrAfter(fromMs)
    const end = Math.max(start, this.#firstAfter(untilMs))
    const { timestampsMs, values } = this.#columns
    return { timestampsMs, values, start, end }
  }

  /** Drops what arrived before second `cutS` and gives memory back. Returns how many were dropped. */
  expire(cutS: number): number {
    if (this.#oldestArrivalS >= cutS) return 0
    this.#merge()
    const before = this.#length
    const { timestampsMs, values, arrivedS } = this.#columns
    let kept = 0
    for (let i = 0; i < before; i++) {
      const arrived = arrivedS[i] as number
      if (arrived < cutS) continue
      timestampsMs[kept] = timestampsMs[i] as number
      values[kept] = values[i] as number
      arrivedS[kept] = arrived
      kept++
    }
    this.#shrinkTo(kept)
    return before - kept
  }

  /** Drops the oldest by time until at most `keep` are left. Returns how many were dropped. */
  trim(keep: number): number {
    this.#merge()
    const first = this.#length - keep
    if (first <= 0) return 0
    for (const column of Object.values(this.#columns)) column.copyWithin(0, first, this.#length)
    this.#shrinkTo(keep)
    return first
  }

  #shrinkTo(length: number): void {
    this.#length = length
    this.#sorted = length
    this.#oldestArrivalS = Infinity
    for (let i = 0; i < length; i++) {
      const arrived = this.#columns.arrivedS[i] as number
      if (arrived < this.#oldestArrivalS) this.#oldestArrivalS = arrived
    }
    if (this.capacity > capacityMin && length * 2 < this.capacity) {
      this.#resize(Math.max(capacityMin, length + (length >> 2)))
    }
  }

  /** Puts the tail where it belongs. */
  #merge(): void {
    if (this.#sorted === this.#length) return
    const { timestampsMs: times, values, arrivedS } = this.#columns
    const order = Uint32Array.from({ length: this.#length }, (_, i) => i)
    order.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b)
    const merged = columnsFor(this.capacity)
    let kept = 0
    for (const index of order) {
      const t = times[index] as number
      if (kept > 0 && merged.timestampsMs[kept - 1] === t) kept--
      merged.timestampsMs[kept] = t
      merged.values[kept] = values[index] as number
      merged.arrivedS[kept] = arrivedS[index] as number
      kept++
    }
    this.#columns = merged
    this.#length = kept
    this.#sorted = kept
  }

  #firstAtOrAfter(timestampMs: number): number {
    const times = this.#columns.timestampsMs
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((times[middle] as number) < timestampMs) low = middle + 1
      else high = middle
    }
    return low
  }

  #firstAfter(timestampMs: number): number {
    const index = this.#firstAtOrAfter(timestampMs)
    return index < this.#length && this.#columns.timestampsMs[index] === timestampMs ? index + 1 : index
  }

  #resize(capacity: number): void {
    const { timestampsMs, values, arrivedS } = this.#columns
    const resized = columnsFor(capacity)
    resized.timestampsMs.set(timestampsMs.subarray(0, this.#length))
    resized.values.set(values.subarray(0, this.#length))
    resized.arrivedS.set(arrivedS.subarray(0, this.#length))
    this.#columns = resized
  }
}

function columnsFor(capacity: number): Columns {
  const buffer = new ArrayBuffer(capacity * bytesPerSample)
  return {
    timestampsMs: new Float64Array(buffer, 0, capacity),
    values: new Float64Array(buffer, capacity * 8, capacity),
    arrivedS: new Uint32Array(buffer, capacity * 16, capacity),
  }
}
