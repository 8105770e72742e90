/** Samples a slab holds: 768 KiB of columns. */
export const slabSamples = 32_768
const slabShift = 15
const slabMask = slabSamples - 1

/** Columns of consecutive arrivals. */
export interface Slab {
  readonly ids: Uint32Array
  readonly times: Float64Array
  readonly values: Float64Array
  /** Number of the series' sample before this one, −1 when there is none. */
  readonly before: Int32Array
}

/** A run of samples that lie in one slab. */
export interface Segment {
  readonly seriesIds: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  readonly start: number
  readonly count: number
}

/**
 * Samples that are not in sealed blocks yet, in arrival order, 24 bytes each, and a chain through those of each series. The
 * journal is written from here and so are the blocks. Grows slab by slab; what is taken once is never moved.
 */
export class OpenSamples {
  readonly #pool: SlabPool
  readonly #slabs: Slab[] = []
  #newest: Int32Array
  #count = 0
  #minMs = Number.POSITIVE_INFINITY
  #maxMs = Number.NEGATIVE_INFINITY
  /** Samples from the first on that are in the journal. */
  committed = 0
  /** Bytes of those journal rows. */
  rowBytes = 0

  /** @param seriesCount series that are known already; more come by themselves */
  constructor(seriesCount: number, pool: SlabPool = new SlabPool()) {
    this.#pool = pool
    this.#newest = new Int32Array(Math.max(64, seriesCount)).fill(-1)
  }

  get count(): number {
    return this.#count
  }

  /** Least timestamp, +Infinity when empty. */
  get minMs(): number {
    return this.#minMs
  }

  /** Greatest timestamp, −Infinity when empty. */
  get maxMs(): number {
    return this.#maxMs
  }

  push(seriesId: number, timestampMs: number, value: number): void {
    const n = this.#count
    const at = n & slabMask
    if (at === 0) this.#slabs.push(this.#pool.take())
    if (seriesId >= this.#newest.length) this.#growSeries(seriesId)
    const slab = this.#slabs[n >>> slabShift] as Slab
    slab.ids[at] = seriesId
    slab.times[at] = timestampMs
    slab.values[at] = value
    slab.before[at] = this.#newest[seriesId] as number
    this.#newest[seriesId] = n
    if (timestampMs < this.#minMs) this.#minMs = timestampMs
    if (timestampMs > this.#maxMs) this.#maxMs = timestampMs
    this.#count = n + 1
  }

  /** Copies the samples of these numbers to the beginning of the arrays. */
  pick(numbers: Uint32Array, seriesIds: Uint32Array, timestampsMs: Float64Array, values: Float64Array): void {
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i] as number
      const slab = this.#slabs[n >>> slabShift] as Slab
      seriesIds[i] = slab.ids[n & slabMask] as number
      timestampsMs[i] = slab.times[n & slabMask] as number
      values[i] = slab.values[n & slabMask] as number
    }
  }

  /** Samples `from … to − 1`, cut where slabs end. */
  *segments(from: number, to: number): Generator<Segment> {
    for (let n = from; n < to; ) {
      const slab = this.#slabs[n >>> slabShift] as Slab
      const start = n & slabMask
      const count = Math.min(slabSamples - start, to - n)
      yield { seriesIds: slab.ids, timestampsMs: slab.times, values: slab.values, start, count }
      n += count
    }
  }

  /** Gives the slabs back; nothing may be asked of these samples afterwards. */
  release(): void {
    this.#pool.give(this.#slabs.splice(0))
    this.#newest.fill(-1)
    this.#count = 0
  }

  /** How many samples a series has here. */
  countOf(seriesId: number): number {
    let count = 0
    for (let n = this.#newestOf(seriesId); n >= 0; n = this.#before(n)) count++
    return count
  }

  /** Writes a series' samples in arrival order to the beginning of both arrays, which are long enough; answers how many. */
  gather(seriesId: number, timestampsMs: Float64Array, values: Float64Array): number {
    const count = this.countOf(seriesId)
    let at = count
    for (let n = this.#newestOf(seriesId); n >= 0; n = this.#before(n)) {
      const slab = this.#slabs[n >>> slabShift] as Slab
      at--
      timestampsMs[at] = slab.times[n & slabMask] as number
      values[at] = slab.values[n & slabMask] as number
    }
    return count
  }

  #newestOf(seriesId: number): number {
    return this.#newest[seriesId] ?? -1
  }

  #before(n: number): number {
    return (this.#slabs[n >>> slabShift] as Slab).before[n & slabMask] as number
  }

  #growSeries(seriesId: number): void {
    const grown = new Int32Array(Math.max(seriesId + 1, this.#newest.length * 2)).fill(-1)
    grown.set(this.#newest)
    this.#newest = grown
  }
}

/** Slabs kept for reuse at most, 6 MiB. */
const pooledSlabsMax = 8

/** The slabs of the last samples that were let go of, for the next: a flood leaves no trail of garbage, a calm hour few slabs. */
export class SlabPool {
  #slabs: Slab[] = []

  take(): Slab {
    return this.#slabs.pop() ?? makeSlab()
  }

  give(slabs: Slab[]): void {
    this.#slabs = slabs.slice(0, pooledSlabsMax)
  }
}

function makeSlab(): Slab {
  return {
    ids: new Uint32Array(slabSamples),
    times: new Float64Array(slabSamples),
    values: new Float64Array(slabSamples),
    before: new Int32Array(slabSamples),
  }
}
