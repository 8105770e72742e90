import { OpenSamples, SlabPool } from './open-samples.ts'

/**
 * The samples that are not sealed yet: `active` takes new ones; `frozen`, when there is one, is whole and on its way into
 * blocks. At most two at a time, so memory is bounded by twice the size at which one is frozen.
 */
export class Memory {
  readonly samplesMax: number
  readonly #pool = new SlabPool()
  #active: OpenSamples
  #frozen: OpenSamples | undefined
  #since: number | undefined
  readonly #seriesCount: () => number

  /** @param samplesMax samples at which the active ones are frozen */
  constructor(samplesMax: number, seriesCount: () => number) {
    this.samplesMax = samplesMax
    this.#seriesCount = seriesCount
    this.#active = new OpenSamples(seriesCount(), this.#pool)
  }

  get active(): OpenSamples {
    return this.#active
  }

  get frozen(): OpenSamples | undefined {
    return this.#frozen
  }

  /** Frozen first: the order of arrival. */
  get parts(): readonly OpenSamples[] {
    return this.#frozen ? [this.#frozen, this.#active] : [this.#active]
  }

  get count(): number {
    return this.#active.count + (this.#frozen?.count ?? 0)
  }

  /** Samples that are in no journal row yet. */
  get uncommitted(): number {
    const { active } = this
    const frozen = this.#frozen ? this.#frozen.count - this.#frozen.committed : 0
    return active.count - active.committed + frozen
  }

  /** Bytes of the journal rows of these samples. */
  get rowBytes(): number {
    return this.#active.rowBytes + (this.#frozen?.rowBytes ?? 0)
  }

  /** True when the active samples have reached their bound while the frozen ones are still there. */
  get isFull(): boolean {
    return this.#frozen !== undefined && this.#active.count >= this.samplesMax
  }

  /** Milliseconds since the oldest active sample was first seen here, by the clock given; 0 when there is none. */
  ageMs(nowMs: number): number {
    if (this.#active.count === 0) return 0
    this.#since ??= nowMs
    return nowMs - this.#since
  }

  /** Freezes the active samples; false when there are none or others are still frozen. */
  freeze(): boolean {
    if (this.#frozen || this.#active.count === 0) return false
    this.#frozen = this.#active
    this.#active = new OpenSamples(this.#seriesCount(), this.#pool)
    this.#since = undefined
    return true
  }

  /** The journal was begun anew: all of them have to be written to it again. */
  uncommit(): void {
    for (const part of this.parts) {
      part.committed = 0
      part.rowBytes = 0
    }
  }

  /** Lets go of the frozen samples: they are in blocks. */
  release(): void {
    const frozen = this.#frozen
    this.#frozen = undefined
    frozen?.release()
  }
}
