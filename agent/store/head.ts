/** Samples accepted and not yet in the journal: three growing columns, filled at one end, taken whole. */
export class Head {
  #ids = new Uint32Array(256)
  #times = new Float64Array(256)
  #values = new Float64Array(256)
  #count = 0

  get count(): number {
    return this.#count
  }

  get seriesIds(): Uint32Array {
    return this.#ids
  }

  get timestampsMs(): Float64Array {
    return this.#times
  }

  get values(): Float64Array {
    return this.#values
  }

  push(seriesId: number, timestampMs: number, value: number): void {
    const at = this.#count
    if (at === this.#ids.length) this.#grow()
    this.#ids[at] = seriesId
    this.#times[at] = timestampMs
    this.#values[at] = value
    this.#count = at + 1
  }

  /** Forgets all samples and keeps the room. */
  clear(): void {
    this.#count = 0
  }

  #grow(): void {
    const size = this.#ids.length * 2
    const ids = new Uint32Array(size)
    const times = new Float64Array(size)
    const values = new Float64Array(size)
    ids.set(this.#ids)
    times.set(this.#times)
    values.set(this.#values)
    this.#ids = ids
    this.#times = times
    this.#values = values
  }
}
