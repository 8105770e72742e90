/**
 * Writes a column of integers that move little: divided by what all steps share, predicted from the column's level, from the
 * number before, or from the two before, and the residuals written as tokens. Used for scaled values and for timestamps.
 */
import type { ByteWriter } from './byte-cursor.ts'
import { choosePlan, narrowResiduals, wideResiduals } from './column-plan.ts'
import { predictions } from './format.ts'
import type { TokenWriter } from './token-writer.ts'

/** Reused room for columns of up to `numbersMax` numbers. */
export class ColumnEncoder {
  readonly #narrow: Int32Array
  readonly #wide: Float64Array
  readonly #tokens: TokenWriter

  /** @param tokens shared with other encoders that are not at work at the same time */
  constructor(numbersMax: number, tokens: TokenWriter) {
    this.#narrow = new Int32Array(numbersMax)
    this.#wide = new Float64Array(numbersMax)
    this.#tokens = tokens
  }

  /**
   * Writes `numbers[1, count)` relative to `numbers[0]`, which the caller keeps.
   * @param numbers safe integers, at most SPAN_MAX apart; overwritten
   * @param count at least 2
   */
  encode(numbers: Float64Array, count: number, writer: ByteWriter): void {
    const divisor = relate(numbers, count)
    const plan = choosePlan(numbers, count, usualStep(numbers, count))
    writer.byte(predictions.indexOf(plan.prediction))
    writer.varint(divisor)
    writer.signedVarint(plan.center)
    if (plan.prediction === 'line') return
    this.#tokens.clear()
    if (plan.isNarrow) {
      narrowResiduals(numbers, this.#narrow, count, plan)
      this.#tokens.addNarrow(this.#narrow, 1, count)
    } else {
      wideResiduals(numbers, this.#wide, count, plan)
      this.#tokens.addWide(this.#wide, 1, count)
    }
    this.#tokens.write(writer)
  }
}

/** Makes the numbers relative to the first and divides them by their greatest common divisor, which it returns. */
function relate(numbers: Float64Array, count: number): number {
  const base = numbers[0] as number
  let divisor = 0
  for (let i = 0; i < count; i++) {
    const offset = (numbers[i] as number) - base
    numbers[i] = offset
    if (divisor !== 1 && (divisor === 0 || Math.floor(offset / divisor) * divisor !== offset)) {
      divisor = greatestCommonDivisor(divisor, Math.abs(offset))
    }
  }
  if (divisor < 2) return 1
  for (let i = 0; i < count; i++) numbers[i] = (numbers[i] as number) / divisor
  return divisor
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b]
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller]
  return larger
}

/** The step that most neighbours are apart, or the mean step, rounded, where none has the majority. @param count ≥ 2 */
export function usualStep(numbers: Float64Array, count: number): number {
  let candidate = 0
  let lead = 0
  let previous = numbers[0] as number
  for (let i = 1; i < count; i++) {
    const number = numbers[i] as number
    const step = number - previous
    previous = number
    if (step === candidate) lead++
    else if (lead > 0) lead--
    else {
      candidate = step
      lead = 1
    }
  }
  if (lead > 0 && isMajority(numbers, count, candidate)) return candidate
  return Math.round((previous - (numbers[0] as number)) / (count - 1)) + 0
}

function isMajority(numbers: Float64Array, count: number, step: number): boolean {
  let votes = 0
  for (let i = 1; i < count; i++) if ((numbers[i] as number) - (numbers[i - 1] as number) === step) votes++
  return votes * 2 > count - 1
}
