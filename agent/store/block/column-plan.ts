/**
 * Chooses how a column is predicted, and what the prediction leaves. Both in two forms: over 32-bit integers, which engines
 * compute with several times faster, and over doubles for columns that spread wider.
 */
import { bitLength } from './alphabet.ts'
import type { Prediction } from './format.ts'

/** A prediction and the constant it adds. */
export interface ColumnPlan {
  readonly prediction: Prediction
  readonly center: number
  /** Every number, residual and folded residual fits 32 bits. */
  readonly isNarrow: boolean
}

/** Numbers below this leave residuals below 2^30, folded ones below 2^31. */
const NARROW_MAX = 2 ** 28

/** Bits of all folded residuals under each prediction. */
interface Weights {
  readonly level: number
  readonly delta: number
  readonly stepped: number
  readonly second: number
}

/**
 * Weighs each prediction by the bit lengths of its residuals.
 * @param numbers relative to the first, which is 0
 * @param step see usualStep
 */
export function choosePlan(numbers: Float64Array, count: number, step: number): ColumnPlan {
  let sum = 0
  let min = 0
  let max = 0
  for (let i = 1; i < count; i++) {
    const number = numbers[i] as number
    sum += number
    if (number < min) min = number
    else if (number > max) max = number
  }
  const level = Math.round(sum / (count - 1)) + 0
  const isNarrow = max < NARROW_MAX && min > -NARROW_MAX
  const weights = isNarrow ? weighNarrow(numbers, count, level, step) : weighWide(numbers, count, level, step)
  if (weights.stepped === 0) return { prediction: 'line', center: step, isNarrow }
  const least = Math.min(weights.level, weights.delta, weights.stepped, weights.second)
  if (weights.delta === least) return { prediction: 'delta', center: 0, isNarrow }
  if (weights.stepped === least) return { prediction: 'delta', center: step, isNarrow }
  if (weights.second === least) return { prediction: 'deltaOfDelta', center: step, isNarrow }
  return { prediction: 'level', center: level, isNarrow }
}

function weighNarrow(numbers: Float64Array, count: number, level: number, step: number): Weights {
  let levelZeros = 0
  let deltaZeros = 0
  let steppedZeros = 0
  let secondZeros = 0
  let previous = 0
  let previousDelta = step | 0
  const steps = step | 0
  const around = level | 0
  for (let i = 1; i < count; i++) {
    const number = (numbers[i] as number) | 0
    const delta = (number - previous) | 0
    levelZeros += Math.clz32(fold((number - around) | 0))
    deltaZeros += Math.clz32(fold(delta))
    steppedZeros += Math.clz32(fold((delta - steps) | 0))
    secondZeros += Math.clz32(fold((delta - previousDelta) | 0))
    previous = number
    previousDelta = delta
  }
  const all = 32 * (count - 1)
  return {
    level: all - levelZeros,
    delta: all - deltaZeros,
    stepped: all - steppedZeros,
    second: all - secondZeros,
  }
}

/** Puts the sign in the lowest bit: 0, −1, 1, −2 … become 0, 1, 2, 3 … @param residual an integer of 31 bits */
export function fold(residual: number): number {
  return (residual << 1) ^ (residual >> 31)
}

function weighWide(numbers: Float64Array, count: number, around: number, step: number): Weights {
  let level = 0
  let deltas = 0
  let stepped = 0
  let second = 0
  let previous = 0
  let previousDelta = step
  for (let i = 1; i < count; i++) {
    const number = numbers[i] as number
    const delta = number - previous
    level += bitLength(2 * Math.abs(number - around))
    deltas += bitLength(2 * Math.abs(delta))
    stepped += bitLength(2 * Math.abs(delta - step))
    second += bitLength(2 * Math.abs(delta - previousDelta))
    previous = number
    previousDelta = delta
  }
  return { level, delta: deltas, stepped, second }
}

/** What a narrow plan's prediction leaves of `numbers[1, count)`. */
export function narrowResiduals(numbers: Float64Array, out: Int32Array, count: number, plan: ColumnPlan): void {
  const center = plan.center | 0
  if (plan.prediction === 'level') {
    for (let i = 1; i < count; i++) out[i] = ((numbers[i] as number) | 0) - center
    return
  }
  const follow = plan.prediction === 'deltaOfDelta'
  let previous = 0
  let predicted = center
  for (let i = 1; i < count; i++) {
    const number = (numbers[i] as number) | 0
    const delta = (number - previous) | 0
    out[i] = delta - predicted
    previous = number
    if (follow) predicted = delta
  }
}

/** What any plan's prediction leaves of `numbers[1, count)`. */
export function wideResiduals(numbers: Float64Array, out: Float64Array, count: number, plan: ColumnPlan): void {
  const { center } = plan
  if (plan.prediction === 'level') {
    for (let i = 1; i < count; i++) out[i] = (numbers[i] as number) - center
    return
  }
  const follow = plan.prediction === 'deltaOfDelta'
  let previous = 0
  let predicted = center
  for (let i = 1; i < count; i++) {
    const number = numbers[i] as number
    const delta = number - previous
    out[i] = delta - predicted
    previous = number
    if (follow) predicted = delta
  }
}
