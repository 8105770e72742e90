/**
 * A sum without rounding errors: an expansion of doubles that do not overlap (J. R. Shewchuk, Discrete & Computational Geometry 18,
 * 1997), rounded once when it is read. So the same values give the same sum, bit for bit, in whatever order they were added or merged.
 */
export class ExactSum {
  /** Ascending magnitude; their exact sum is the sum. At most 40 of them span the doubles, 1 to 3 are usual. */
  #parts: number[] = []
  #overflowed = false

  /** A sum of these terms. */
  static of(terms: Iterable<number>): ExactSum {
    const sum = new ExactSum()
    for (const term of terms) sum.add(term)
    return sum
  }

  /** Adds a finite number. Exact while no partial sum leaves the doubles; from then on the total is unknown. */
  add(term: number): void {
    const parts = this.#parts
    let carry = term
    let kept = 0
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as number
      const high = carry + part
      const low = Math.abs(carry) < Math.abs(part) ? carry - (high - part) : part - (high - carry)
      if (low !== 0) parts[kept++] = low
      carry = high
    }
    parts.length = kept
    if (carry !== 0) parts.push(carry)
    if (!Number.isFinite(carry)) this.#overflow()
  }

  /** Adds a·b exactly, but for what is below the smallest double (T. J. Dekker, Numerische Mathematik 18, 1971). */
  addProduct(a: number, b: number): void {
    const product = a * b
    const aHigh = high26(a)
    const bHigh = high26(b)
    const aLow = a - aHigh
    const bLow = b - bHigh
    this.add(product)
    this.add(aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow))
  }

  /** Adds the other sum and leaves it alone. */
  merge(other: ExactSum): void {
    for (const part of other.#parts) this.add(part)
    if (other.#overflowed) this.#overflow()
  }

  /** The sum rounded once, to the nearest double; NaN after an overflow. */
  total(): number {
    if (this.#overflowed) return Number.NaN
    const parts = this.#parts
    let i = parts.length - 1
    let high = parts[i] ?? 0
    let low = 0
    while (i > 0 && low === 0) {
      const part = parts[--i] as number
      const sum = high + part
      low = part - (sum - high)
      high = sum
    }
    return i > 0 && low !== 0 && low > 0 === (parts[i - 1] as number) > 0 ? roundedAway(high, low) : high
  }

  /** The one form of the sum there is: largest part first, each the total of what those before it leave. Empty for 0, null after an overflow. */
  canonicalParts(): number[] | null {
    if (this.#overflowed) return null
    const rest = ExactSum.of(this.#parts)
    const canonical: number[] = []
    for (let part = rest.total(); part !== 0; part = rest.total()) {
      canonical.push(part)
      rest.add(-part)
    }
    return canonical
  }

  #overflow(): void {
    this.#overflowed = true
    this.#parts = []
  }
}

/** The upper 26 bits of the mantissa (Veltkamp's splitting). */
function high26(n: number): number {
  const scaled = n * 134_217_729
  return scaled - (scaled - n)
}

/** Half a unit in the last place was left, and more of the same sign below it: the tie is none. */
function roundedAway(high: number, low: number): number {
  const doubled = low * 2
  const away = high + doubled
  return away - high === doubled ? away : high
}
