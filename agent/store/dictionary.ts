import { HashIndex } from './hash-index.ts'
import { type Hash64, hashSeries } from './series-hash.ts'
import type { SeriesEntry } from './store.ts'

/** Series one store holds at most; ids are 32 bits wide on disk. */
export const seriesMax = 0xffff_0000

/** A name that cannot be given an id, because another one has its hash. */
export interface HashCollision {
  readonly name: string
  /** The name that came first. */
  readonly takenBy: string
}

/**
 * The series of a store: id = place. Append-only, in memory; what is new since the last commit is `pending`. Names are found by
 * their 64-bit hash, which is their identity across hosts: of two names with one hash the second is refused.
 */
export class Dictionary {
  readonly #index = new HashIndex()
  readonly #names: string[] = []
  readonly #units: (string | undefined)[] = []
  readonly #unitTexts = new Map<string, string>()
  readonly #onCollision: (collision: HashCollision) => void
  #stored = 0
  #collisions = 0

  constructor(onCollision: (collision: HashCollision) => void = () => {}) {
    this.#onCollision = onCollision
  }

  get size(): number {
    return this.#names.length
  }

  /** Ids from here on are not on disk yet. */
  get stored(): number {
    return this.#stored
  }

  /** Times a name was refused because another one has its hash. */
  get collisions(): number {
    return this.#collisions
  }

  /** Called when ids below `count` are on disk. */
  markStored(count: number): void {
    this.#stored = Math.max(this.#stored, count)
  }

  /** The disk has none of them any more. */
  forgetStored(): void {
    this.#stored = 0
  }

  find(name: string): number | undefined {
    const id = this.#index.find(hashSeries(name))
    return id !== undefined && this.#names[id] === name ? id : undefined
  }

  /** The id of a series, which is made when it is new; −1 when it is refused, and then that is counted and reported. */
  add(name: string, unit?: string): number {
    const hash = hashSeries(name)
    const known = this.#index.find(hash)
    if (known === undefined) return this.#push(name, unit, hash)
    const takenBy = this.#names[known] as string
    if (takenBy === name) return known
    this.#collisions++
    this.#onCollision({ name, takenBy })
    return -1
  }

  /** Takes the next entry as it stands on disk, whatever it is: ids are places. */
  adopt(name: string, unit?: string): void {
    this.#push(name, unit, hashSeries(name))
  }

  /** Throws RangeError for an id never given out. */
  entry(id: number): SeriesEntry {
    const name = this.#names[id]
    if (name === undefined) throw this.#unknown(id)
    const unit = this.#units[id]
    return unit === undefined ? { name } : { name, unit }
  }

  /** The identity of a series across hosts: the hash of its name. Throws RangeError for an id never given out. */
  hash(id: number): Hash64 {
    if (!(id < this.#index.size)) throw this.#unknown(id)
    return this.#index.hash(id)
  }

  /** Entries `from … to − 1`. */
  entries(from: number, to: number): SeriesEntry[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => this.entry(from + i))
  }

  #push(name: string, unit: string | undefined, hash: Hash64): number {
    this.#index.push(hash)
    this.#units.push(unit === undefined ? undefined : this.#intern(unit))
    return this.#names.push(name) - 1
  }

  #unknown(id: number): RangeError {
    return new RangeError(`look up a known series: found id ${id}, expected 0 … ${this.#names.length - 1}`)
  }

  #intern(unit: string): string {
    const known = this.#unitTexts.get(unit)
    if (known !== undefined) return known
    this.#unitTexts.set(unit, unit)
    return unit
  }
}
