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

export class SeriesColumns {
  #timestampsMs = new Float64Array(capacityMin)
  #values = new Float64Array(capacityMin)
  #arrivedS = new Uint32Array(capacityMin)
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
    return this.#values.length
  }

  /** Second of the oldest arrival held, Infinity when empty. */
  get oldestArrivalS(): number {
    return this.#oldestArrivalS
  }

  /** Adds a sample that arrived in second `arrivedS` (epoch). Returns by how much `length` grew, which a merge can make negative. */
  append(timestampMs: number, value: number, arrivedS: number): number {
    const before = this.#length
    const last = this.#length - 1
    if (this.#sorted === this.#length && last >= 0 && this.#timestampsMs[last] === timestampMs) {
      this.#values[last] = value
      this.#arrivedS[last] = arrivedS
      return 0
    }
    const inOrder = this.#sorted === this.#length && (last < 0 || timestampMs > (this.#timestampsMs[last] as number))
    if (this.#length === this.capacity) this.#resize(this.capacity + Math.max(capacityMin, this.capacity >> 1))
    this.#timestampsMs[this.#length] = timestampMs
    this.#values[this.#length] = value
    this.#arrivedS[this.#length] = arrivedS
    this.#length++
    this.#oldestArrivalS = Math.min(this.#oldestArrivalS, arrivedS)
    if (inOrder) this.#sorted++
    else if (this.#length - this.#sorted > Math.max(tailMin, this.#sorted >> 1)) this.#merge()
    return this.#length - before
  }

  /** The samples with `fromMs <= timestamp <= untilMs`, in order of time, one per timestamp; valid until the next write. */
  slice(fromMs: number, untilMs: number): SampleSpan {
    this.#merge()
    const start = this.#firstAtOrAfter(fromMs)
    const end = Math.max(start, this.#firstAfter(untilMs))
    return { timestampsMs: this.#timestampsMs, values: this.#values, start, end }
  }

  /** Drops what arrived before second `cutS` and gives memory back. Returns how many were dropped. */
  expire(cutS: number): number {
    if (this.#oldestArrivalS >= cutS) return 0
    this.#merge()
    return this.#keep((index) => (this.#arrivedS[index] as number) >= cutS)
  }

  /** Drops the oldest by time until at most `keep` are left. Returns how many were dropped. */
  trim(keep: number): number {
    this.#merge()
    const first = this.#length - keep
    return first <= 0 ? 0 : this.#keep((index) => index >= first)
  }

  #keep(isKept: (index: number) => boolean): number {
    const before = this.#length
    let kept = 0
    this.#oldestArrivalS = Infinity
    for (let i = 0; i < before; i++) {
      if (!isKept(i)) continue
      this.#timestampsMs[kept] = this.#timestampsMs[i] as number
      this.#values[kept] = this.#values[i] as number
      const arrived = this.#arrivedS[i] as number
      this.#arrivedS[kept] = arrived
      if (arrived < this.#oldestArrivalS) this.#oldestArrivalS = arrived
      kept++
    }
    this.#length = kept
    this.#sorted = kept
    if (this.capacity > capacityMin && kept * 2 < this.capacity) this.#resize(Math.max(capacityMin, kept + (kept >> 2)))
    return before - kept
  }

  /** Puts the tail where it belongs. */
  #merge(): void {
    if (this.#sorted === this.#length) return
    const order = Uint32Array.from({ length: this.#length }, (_, i) => i)
    const times = this.#timestampsMs
    order.sort((a, b) => (times[a] as number) - (times[b] as number) || a - b)
    const [timestampsMs, values, arrivedS] = [this.#timestampsMs.slice(), this.#values.slice(), this.#arrivedS.slice()]
    let kept = 0
    for (const index of order) {
      const t = timestampsMs[index] as number
      if (kept > 0 && this.#timestampsMs[kept - 1] === t) kept--
      this.#timestampsMs[kept] = t
      this.#values[kept] = values[index] as number
      this.#arrivedS[kept] = arrivedS[index] as number
      kept++
    }
    this.#length = kept
    this.#sorted = kept
  }

  #firstAtOrAfter(timestampMs: number): number {
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#timestampsMs[middle] as number) < timestampMs) low = middle + 1
      else high = middle
    }
    return low
  }

  #firstAfter(timestampMs: number): number {
    let index = this.#firstAtOrAfter(timestampMs)
    if (index < this.#length && this.#timestampsMs[index] === timestampMs) index++
    return index
  }

  #resize(capacity: number): void {
    this.#timestampsMs = resized(this.#timestampsMs, new Float64Array(capacity), this.#length)
    this.#values = resized(this.#values, new Float64Array(capacity), this.#length)
    this.#arrivedS = resized(this.#arrivedS, new Uint32Array(capacity), this.#length)
  }
}

function resized<T extends Float64Array | Uint32Array>(from: T, to: T, length: number): T {
  to.set(from.subarray(0, length))
  return to
}
