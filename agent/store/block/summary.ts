/** What one pass over a block's values finds: its aggregates, and what the choice of a codec needs. */
import { type Aggregates, badInput } from './format.ts'

/** Aggregates and two facts about the values. */
export interface Summary extends Aggregates {
  /** Every value is the same, bit for bit. */
  readonly isConstant: boolean
  /** Every value is a safe integer and none is −0. */
  readonly isIntegral: boolean
}

/**
 * Reads `values[start, start + count)` once, in time order; sums begin at 0. Throws BLOCK_INPUT for NaN and infinities.
 * @param count at least 1
 */
export function summarise(values: Float64Array, start: number, count: number): Summary {
  const first = values[start] as number
  let previous = first
  let min = first
  let max = first
  let sum = 0
  let falls = 0
  let lost = 0
  let negativeZeros = 0
  let isIntegral = true
  let isConstant = true
  for (let i = start; i < start + count; i++) {
    const value = values[i] as number
    sum += value
    if (value === 0 && Object.is(value, -0)) negativeZeros++
    if (isIntegral && Math.floor(value) !== value) isIntegral = false
    if (value === previous) continue
    isConstant = false
    if (value < previous) {
      falls++
      lost += previous
      if (value < min) min = value
    } else if (value > max) max = value
    else if (Number.isNaN(value)) break
    previous = value
  }
  if (!(Number.isFinite(min) && Number.isFinite(max) && !Number.isNaN(sum))) refuse(values, start, count)
  return {
    first,
    last: values[start + count - 1] as number,
    min,
    max,
    sum,
    falls,
    lost,
    isConstant: isConstant && (negativeZeros === 0 || negativeZeros === count),
    isIntegral: isIntegral && negativeZeros === 0 && max <= Number.MAX_SAFE_INTEGER && min >= -Number.MAX_SAFE_INTEGER,
  }
}

/** Names the value that cannot be stored; a sum that overflowed to NaN alone is refused by no one. */
function refuse(values: Float64Array, start: number, count: number): void {
  for (let i = start; i < start + count; i++) {
    const value = values[i] as number
    if (!Number.isFinite(value)) throw badInput(`encode block: found ${value} at ${i}, expected finite values`)
  }
}
