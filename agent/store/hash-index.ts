import type { Hash64 } from './series-hash.ts'

const slotsMin = 128

/**
 * Finds the id that has a hash: ids are 0, 1, 2 … in the order their hashes are kept. 16 to 24 bytes an id, half of what a map of names
 * takes. Open addressing with linear probing, at most half full.
 */
export class HashIndex {
  #highs = new Uint32Array(slotsMin / 2)
  #lows = new Uint32Array(slotsMin / 2)
  /** Id + 1; 0 = free. */
  #slots = new Uint32Array(slotsMin)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The hash of an id below `size`. */
  hash(id: number): Hash64 {
    return { high: this.#highs[id] as number, low: this.#lows[id] as number }
  }

  /** The first id with this hash. */
  find({ high, low }: Hash64): number | undefined {
    const mask = this.#slots.length - 1
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const id = (this.#slots[slot] as number) - 1
      if (id < 0) return undefined
      if (this.#lows[id] === low && this.#highs[id] === high) return id
    }
  }

  /** Keeps the hash of the next id. */
  push({ high, low }: Hash64): void {
    if (this.#size === this.#lows.length) this.#grow()
    const id = this.#size++
    this.#highs[id] = high
    this.#lows[id] = low
    this.#place(id)
  }

  #grow(): void {
    const size = this.#lows.length * 2
    const [highs, lows] = [new Uint32Array(size), new Uint32Array(size)]
    highs.set(this.#highs)
    lows.set(this.#lows)
    this.#highs = highs
    this.#lows = lows
    this.#slots = new Uint32Array(size * 2)
    for (let id = 0; id < this.#size; id++) this.#place(id)
  }

  #place(id: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#lows[id] as number) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = id + 1
  }
}
