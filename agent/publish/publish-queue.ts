/**
 * Which series to publish when: the newest value of each, at most once per interval and series, at most so many a second in
 * all. Pure but for its own arrays; time comes in as an argument. Columns indexed by series id keep the hot path free of
 * allocation.
 */
export interface PublishQueueOptions {
  /** Least time between two messages of one series, ms. Default 1,000. */
  readonly intervalMs?: number | undefined
  /** Messages a second over all series; what is beyond it waits and, if newer samples come, is replaced by them. Default 5,000. */
  readonly perSecondMax?: number | undefined
}

/** One value to publish. */
export interface Publication {
  readonly seriesId: number
  readonly timestampMs: number
  readonly value: number
}

const initialCapacity = 1024

export class PublishQueue {
  readonly #intervalMs: number
  readonly #perSecondMax: number
  #newestAt = new Float64Array(initialCapacity).fill(Number.NEGATIVE_INFINITY)
  #value = new Float64Array(initialCapacity)
  #publishedAt = new Float64Array(initialCapacity).fill(Number.NEGATIVE_INFINITY)
  #isDirty = new Uint8Array(initialCapacity)
  #dirty: number[] = []
  #tokens: number
  #refilledAt = Number.NEGATIVE_INFINITY

  constructor(options: PublishQueueOptions = {}) {
    this.#intervalMs = options.intervalMs ?? 1000
    this.#perSecondMax = options.perSecondMax ?? 5000
    this.#tokens = this.#perSecondMax
  }

  /** Series that wait to be published. */
  get size(): number {
    return this.#dirty.length
  }

  /** Notes a sample; one older than the newest noted is passed over. Returns true when the series was not waiting before. */
  note(seriesId: number, timestampMs: number, value: number): boolean {
    if (seriesId >= this.#value.length) this.#grow(seriesId)
    if (timestampMs < (this.#newestAt[seriesId] as number)) return false
    this.#newestAt[seriesId] = timestampMs
    this.#value[seriesId] = value
    if (this.#isDirty[seriesId] === 1) return false
    this.#isDirty[seriesId] = 1
    this.#dirty.push(seriesId)
    return true
  }

  /** Takes everything that is due at `nowMs` (monotonic), oldest noted first; what is not due stays. */
  take(nowMs: number): Publication[] {
    this.#refill(nowMs)
    const due: Publication[] = []
    const later: number[] = []
    for (const seriesId of this.#dirty) {
      if (this.#tokens < 1 || nowMs - (this.#publishedAt[seriesId] as number) < this.#intervalMs) {
        later.push(seriesId)
        continue
      }
      this.#tokens--
      this.#publishedAt[seriesId] = nowMs
      this.#isDirty[seriesId] = 0
      due.push({
        seriesId,
        timestampMs: this.#newestAt[seriesId] as number,
        value: this.#value[seriesId] as number,
      })
    }
    this.#dirty = later
    return due
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.min(1000, nowMs - this.#refilledAt)
    this.#tokens = Math.min(this.#perSecondMax, this.#tokens + (elapsedMs / 1000) * this.#perSecondMax)
    this.#refilledAt = nowMs
  }

  #grow(seriesId: number): void {
    const capacity = Math.max(seriesId + 1, this.#value.length * 2)
    this.#newestAt = grown(this.#newestAt, capacity, Number.NEGATIVE_INFINITY)
    this.#value = grown(this.#value, capacity, 0)
    this.#publishedAt = grown(this.#publishedAt, capacity, Number.NEGATIVE_INFINITY)
    const isDirty = new Uint8Array(capacity)
    isDirty.set(this.#isDirty)
    this.#isDirty = isDirty
  }
}

function grown(old: Float64Array<ArrayBuffer>, capacity: number, fill: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(capacity).fill(fill, old.length)
  next.set(old)
  return next
}
