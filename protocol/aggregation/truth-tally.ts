/** How many values are true and how many are false: what a quantifier judges. */
import type { Finished, Tally } from './tally.ts'

export class TruthTally implements Tally<TruthTally> {
  readonly form = 'truths'
  #yes: number
  #no: number

  constructor(yes = 0, no = 0) {
    this.#yes = yes
    this.#no = no
  }

  get yes(): number {
    return this.#yes
  }

  get no(): number {
    return this.#no
  }

  add(value: number): void {
    if (value === 0) this.#no++
    else this.#yes++
  }

  merge(other: TruthTally): void {
    this.#yes += other.#yes
    this.#no += other.#no
  }

  /** How many are true; the partial aggregate, which knows of the unknown ones, judges. */
  finish(): Finished {
    return { value: this.#yes }
  }

  agrees(values: number): boolean {
    return this.#yes + this.#no === values
  }
}
