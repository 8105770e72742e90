/**
 * Counts of values in buckets of equal ratio (DDSketch, Masson, Rim and Lee, PVLDB 12, 2019), each sign by itself. Where there are
 * too many buckets, each two neighbours become one (uniform collapse, Epicoco et al., IEEE Access 8, 2020): the resolution depends on
 * the values alone, never on the order they came in, so that merging is commutative and associative, bit for bit.
 */

/** Relative error of a value read from a bucket, as long as nothing has collapsed. */
const sketchErrorAtFirst = 0.01
/** Buckets of both signs; one more and each two become one. At 1 % they span a factor of 6e17 without a gap. */
export const sketchBucketsMax = 2_048
/** All doubles fit into that many buckets at this level: no collapse goes beyond it. */
export const sketchLevelMax = 7

const logGamma = Math.log((1 + sketchErrorAtFirst) / (1 - sketchErrorAtFirst))

/** One bucket: its key and the number of values in it, at least 1. */
export type Bucket = readonly [key: number, count: number]

/** A sketch as data; buckets by ascending key. Key k of level l holds magnitudes in (γ^((k − 1)·2^l), γ^(k·2^l)], γ = 1.01 / 0.99. */
export interface SketchState {
  readonly level: number
  readonly zeros: number
  readonly negatives: readonly Bucket[]
  readonly positives: readonly Bucket[]
}

export class LogSketch {
  #level = 0
  #zeros = 0
  #negatives = new Map<number, number>()
  #positives = new Map<number, number>()

  /** A sketch from data, which must be valid. */
  static of(state: SketchState): LogSketch {
    const sketch = new LogSketch()
    sketch.#level = state.level
    sketch.#zeros = state.zeros
    sketch.#negatives = new Map(state.negatives)
    sketch.#positives = new Map(state.positives)
    sketch.#collapse()
    return sketch
  }

  /** Greatest relative error of a value of this sketch: 1 %, and about twice as much with each collapse. */
  get relativeError(): number {
    return Math.tanh((logGamma * 2 ** this.#level) / 2)
  }

  /** Values added. */
  get count(): number {
    let total = this.#zeros
    for (const n of this.#negatives.values()) total += n
    for (const n of this.#positives.values()) total += n
    return total
  }

  /** Adds a finite value. */
  add(value: number): void {
    if (value === 0) {
      this.#zeros++
      return
    }
    const key = Math.ceil(Math.ceil(Math.log(Math.abs(value)) / logGamma) / 2 ** this.#level)
    count(value > 0 ? this.#positives : this.#negatives, key, 1)
    this.#collapse()
  }

  merge(other: LogSketch): void {
    const level = Math.max(this.#level, other.#level)
    this.#raise(level)
    const factor = 2 ** (level - other.#level)
    for (const [key, n] of other.#positives) count(this.#positives, Math.ceil(key / factor), n)
    for (const [key, n] of other.#negatives) count(this.#negatives, Math.ceil(key / factor), n)
    this.#zeros += other.#zeros
    this.#collapse()
  }

  /** The values of the sketch in ascending order, each with the number of values it stands for. */
  ascending(): [value: number, count: number][] {
    const { negatives, positives } = this.state()
    const below = negatives.map(([key, n]): [number, number] => [-this.#valueOf(key), n]).reverse()
    const above = positives.map(([key, n]): [number, number] => [this.#valueOf(key), n])
    return this.#zeros > 0 ? [...below, [0, this.#zeros], ...above] : [...below, ...above]
  }

  state(): SketchState {
    return {
      level: this.#level,
      zeros: this.#zeros,
      negatives: sorted(this.#negatives),
      positives: sorted(this.#positives),
    }
  }

  /** Where a bucket's ends are off by the same ratio. */
  #valueOf(key: number): number {
    const width = logGamma * 2 ** this.#level
    return Math.min(Number.MAX_VALUE, Math.exp((key - 1) * width) * (1 + this.relativeError))
  }

  #collapse(): void {
    while (this.#negatives.size + this.#positives.size > sketchBucketsMax) this.#raise(this.#level + 1)
  }

  #raise(level: number): void {
    if (level === this.#level) return
    const factor = 2 ** (level - this.#level)
    this.#negatives = coarser(this.#negatives, factor)
    this.#positives = coarser(this.#positives, factor)
    this.#level = level
  }
}

function count(buckets: Map<number, number>, key: number, n: number): void {
  buckets.set(key, (buckets.get(key) ?? 0) + n)
}

function coarser(buckets: ReadonlyMap<number, number>, factor: number): Map<number, number> {
  const coarse = new Map<number, number>()
  for (const [key, n] of buckets) count(coarse, Math.ceil(key / factor), n)
  return coarse
}

function sorted(buckets: ReadonlyMap<number, number>): Bucket[] {
  return [...buckets].sort(([a], [b]) => a - b)
}
