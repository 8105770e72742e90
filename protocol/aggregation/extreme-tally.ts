/** The smallest or the largest value. */
import type { Finished, Tally } from './tally.ts'

export class ExtremeTally implements Tally<ExtremeTally> {
  readonly form = 'extreme'
  readonly kind: 'min' | 'max'
  #value: number | undefined

  constructor(kind: 'min' | 'max', value?: number) {
    this.kind = kind
    this.#value = value
  }

  /** The value so far, undefined before the first. */
  get value(): number | undefined {
    return this.#value
  }

  add(value: number): void {
    const far = this.#value ?? value
    this.#value = this.kind === 'min' ? Math.min(far, value) : Math.max(far, value)
  }

  merge(other: ExtremeTally): void {
    if (other.#value !== undefined) this.add(other.#value)
  }

  finish(): Finished {
    return { value: this.#value ?? null }
  }

  agrees(values: number): boolean {
    return (this.#value === undefined) === (values === 0)
  }
}
