import type { Clock } from '#protocol/runtime/clock.ts'

/** Gives each name so many shares a minute; all begin anew together. */
export class MinuteShares {
  readonly #perNameMax: number
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #taken = new Map<string, number>()
  #minute = Number.NEGATIVE_INFINITY

  constructor(perNameMax: number, clock: Pick<Clock, 'monotonic'>) {
    this.#perNameMax = perNameMax
    this.#clock = clock
  }

  /** Takes one; false when the name has none left in this minute. */
  take(name: string): boolean {
    const minute = Math.floor(this.#clock.monotonic() / 60_000)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#taken.clear()
    }
    const taken = this.#taken.get(name) ?? 0
    if (taken >= this.#perNameMax) return false
    this.#taken.set(name, taken + 1)
    return true
  }
}
