/**
 * Turns doubles into integers over a shared power of ten, so that `integer / 10^exponent` is the identical double. The few
 * that do not fit (full-precision values, −0) are exceptions, kept raw. After ALP (Afroozeh, Boncz: "ALP: Adaptive Lossless
 * floating-Point Compression", 2023), with a division for its second multiplication, so that most decimals need no exception.
 */
import { EXPONENT_MAX } from './format.ts'

/** 10^0 to 10^15, all exact doubles. */
export const powersOfTen: Float64Array = Float64Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) =>
  Number(`1e${exponent}`),
)

/** Values looked at to guess the exponent. */
const PROBES = 32
/** What an exception costs, and each power of ten costs a value. */
const EXCEPTION_BITS = 80
const DECADE_BITS = 3.32
/** One value in so many may be an exception. */
const EXCEPTION_SHARE = 8

/** How the values of one block became integers; the array is reused by the next call. */
export interface Scaled {
  readonly exponent: number
  /** Indexes of the exceptions; their places in the integers repeat a neighbour. */
  readonly exceptions: Uint32Array
  readonly exceptionCount: number
}

/** True when `value` is an integer over 10^exponent, and not −0. */
function fits(value: number, power: number): boolean {
  const integer = Math.round(value * power)
  return (
    integer / power === value && Math.abs(integer) <= Number.MAX_SAFE_INTEGER && (value !== 0 || !Object.is(value, -0))
  )
}

/** The least exponent that fits, or EXPONENT_MAX + 1 for none. */
export function leastExponent(value: number): number {
  let exponent = 0
  while (exponent <= EXPONENT_MAX && !fits(value, powersOfTen[exponent] as number)) exponent++
  return exponent
}

/** Reused room to scale blocks of up to `valuesMax` values. */
export class DecimalScaler {
  readonly #exceptions: Uint32Array
  readonly #needs = new Uint32Array(EXPONENT_MAX + 2)

  constructor(valuesMax: number) {
    this.#exceptions = new Uint32Array(Math.floor(valuesMax / EXCEPTION_SHARE) + 1)
  }

  /**
   * Writes integers for `values[start, start + count)` to `out[0, count)`.
   * @returns undefined when too many values are no short decimals
   */
  scale(values: Float64Array, start: number, count: number, out: Float64Array): Scaled | undefined {
    const guess = this.#guess(values, start, count)
    if (guess > EXPONENT_MAX) return undefined
    const exceptionCount = this.#fill(values, start, count, guess, out)
    const better = this.#reconsider(values, start, count, guess, exceptionCount)
    const final = better === guess ? exceptionCount : this.#fill(values, start, count, better, out)
    if (final > count / EXCEPTION_SHARE) return undefined
    return { exponent: better, exceptions: this.#exceptions, exceptionCount: final }
  }

  /** The cheapest exponent for a few values spread over the block. */
  #guess(values: Float64Array, start: number, count: number): number {
    this.#needs.fill(0)
    const stride = Math.max(1, Math.floor(count / PROBES))
    for (let i = 0; i < count; i += stride) {
      this.#need(values[start + i] as number)
      if ((this.#needs[EXPONENT_MAX + 1] as number) * EXCEPTION_SHARE > PROBES * 2) return EXPONENT_MAX + 1
    }
    return this.#cheapest(Math.ceil(count / stride), 0, 1)
  }

  /** Takes a higher exponent when that is cheaper than the exceptions found, and gives up when they are too many. */
  #reconsider(values: Float64Array, start: number, count: number, exponent: number, exceptionCount: number): number {
    if (exceptionCount === 0) return exponent
    this.#needs.fill(0)
    this.#needs[exponent] = count - exceptionCount
    const listed = Math.min(exceptionCount, this.#exceptions.length)
    for (let i = 0; i < listed; i++) this.#need(values[start + (this.#exceptions[i] as number)] as number)
    const cheapest = this.#cheapest(count, exponent, exceptionCount / listed)
    return cheapest > EXPONENT_MAX ? exponent : cheapest
  }

  #need(value: number): void {
    const exponent = leastExponent(value)
    this.#needs[exponent] = (this.#needs[exponent] as number) + 1
  }

  /**
   * @param weight how many values each one that needs more than `from` stands for
   * @returns EXPONENT_MAX + 1 when too many values fit no exponent
   */
  #cheapest(count: number, from: number, weight: number): number {
    if ((this.#needs[EXPONENT_MAX + 1] as number) * weight * EXCEPTION_SHARE > count) return EXPONENT_MAX + 1
    let best = from
    let bestBits = Number.POSITIVE_INFINITY
    let above = 0
    for (let exponent = EXPONENT_MAX; exponent >= from; exponent--) {
      above += this.#needs[exponent + 1] as number
      const bits = above * weight * EXCEPTION_BITS + count * exponent * DECADE_BITS
      if (bits > bestBits) continue
      best = exponent
      bestBits = bits
    }
    return best
  }

  /** Scales by a given exponent, lists exceptions (as many as there is room for) and returns how many there are. */
  #fill(values: Float64Array, start: number, count: number, exponent: number, out: Float64Array): number {
    const power = powersOfTen[exponent] as number
    let exceptionCount = 0
    let previous = 0
    for (let i = 0; i < count; i++) {
      const value = values[start + i] as number
      const integer = Math.round(value * power)
      if (integer / power === value && isSafe(integer) && (integer !== 0 || !Object.is(value, -0))) {
        if (exceptionCount === i && i > 0) out.fill(integer, 0, i)
        previous = integer
        out[i] = previous
        continue
      }
      out[i] = previous
      if (exceptionCount < this.#exceptions.length) this.#exceptions[exceptionCount] = i
      exceptionCount++
    }
    return exceptionCount
  }
}

function isSafe(integer: number): boolean {
  return integer <= Number.MAX_SAFE_INTEGER && integer >= -Number.MAX_SAFE_INTEGER
}
