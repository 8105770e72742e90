import type { SeriesEntry } from './store.ts'

/** Series one store holds at most; ids are 32 bits wide on disk. */
export const seriesMax = 0xffff_0000

/** The series of a store: id = place. Append-only, in memory; what is new since the last commit is `pending`. */
export class Dictionary {
  readonly #ids = new Map<string, number>()
  readonly #names: string[] = []
  readonly #units: (string | undefined)[] = []
  readonly #unitTexts = new Map<string, string>()
  #stored = 0

  get size(): number {
    return this.#names.length
  }

  /** Ids from here on are not on disk yet. */
  get stored(): number {
    return this.#stored
  }

  /** Called when ids below `count` are on disk. */
  markStored(count: number): void {
    this.#stored = Math.max(this.#stored, count)
  }

  find(name: string): number | undefined {
    return this.#ids.get(name)
  }

  /** The id of a series, which is made when it is new. */
  add(name: string, unit?: string): number {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const id = this.#names.length
    this.#ids.set(name, id)
    this.#names.push(name)
    this.#units.push(unit === undefined ? undefined : this.#intern(unit))
    return id
  }

  /** Throws RangeError for an id never given out. */
  entry(id: number): SeriesEntry {
    const name = this.#names[id]
    if (name === undefined) {
      throw new RangeError(`look up a known series: found id ${id}, expected 0 … ${this.#names.length - 1}`)
    }
    const unit = this.#units[id]
    return unit === undefined ? { name } : { name, unit }
  }

  /** Entries `from … to − 1`. */
  entries(from: number, to: number): SeriesEntry[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => this.entry(from + i))
  }

  #intern(unit: string): string {
    const known = this.#unitTexts.get(unit)
    if (known !== undefined) return known
    this.#unitTexts.set(unit, unit)
    return unit
  }
}
