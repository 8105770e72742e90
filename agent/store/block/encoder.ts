/** Seals samples of one series into a block; README.md of this folder describes the bytes. */
import { ByteWriter } from './byte-cursor.ts'
import { ColumnEncoder } from './column-encoder.ts'
import { crc32c } from './crc32c.ts'
import { DecimalScaler, leastExponent, powersOfTen, type Scaled } from './decimal.ts'
import { BLOCK_SAMPLES_MAX, badInput, EXPONENT_MAX, SPAN_MAX } from './format.ts'
import { type IntegerScalars, type ValuePlan, writeHeader } from './header-writer.ts'
import { type Summary, summarise } from './summary.ts'
import { encodeTimes, planTimes } from './time-encoder.ts'
import { TokenWriter } from './token-writer.ts'
import { encodeXor } from './xor.ts'

/** Above what any header and code table take. */
const HEADER_BYTES_MAX = 512
/** Above what a sample can take: a raw timestamp or 8 bytes of one, its value, and a code for each. */
const SAMPLE_BYTES_MAX = 24

/**
 * Encodes one block after the other in buffers of its own; nothing is allocated per sample. `encode` is synchronous, so one
 * encoder serves any number of callers of one thread.
 */
export class BlockEncoder {
  readonly samplesMax: number
  readonly #writer: ByteWriter
  readonly #tokens: TokenWriter
  readonly #column: ColumnEncoder
  readonly #scaler: DecimalScaler
  readonly #integers: Float64Array
  readonly #times: Float64Array

  /** @param samplesMax of a block, 1 to BLOCK_SAMPLES_MAX; the encoder keeps about 60 bytes for each */
  constructor(samplesMax: number) {
    if (!(samplesMax >= 1 && samplesMax <= BLOCK_SAMPLES_MAX)) {
      throw badInput(`make a block encoder: found ${samplesMax} samples, expected 1 to ${BLOCK_SAMPLES_MAX}`)
    }
    this.samplesMax = samplesMax
    this.#writer = new ByteWriter(new Uint8Array(HEADER_BYTES_MAX + samplesMax * SAMPLE_BYTES_MAX))
    this.#tokens = new TokenWriter(samplesMax)
    this.#column = new ColumnEncoder(samplesMax, this.#tokens)
    this.#scaler = new DecimalScaler(samplesMax)
    this.#integers = new Float64Array(samplesMax)
    this.#times = new Float64Array(samplesMax)
  }

  /**
   * The block of samples `start` to `start + count − 1`, as a copy that the caller owns. Lossless, bit for bit.
   * Throws BLOCK_INPUT unless timestamps are strictly increasing safe integers, values are finite and `count` is 1 to samplesMax.
   */
  encode(timestampsMs: Float64Array, values: Float64Array, start: number, count: number): Uint8Array {
    this.#checkRange(timestampsMs, values, start, count)
    const summary = summarise(values, start, count)
    const times = planTimes(timestampsMs, start, count, this.#times)
    const plan = this.#planValues(values, start, count, summary)
    const writer = this.#writer
    writer.position = 0
    writeHeader(writer, { count, times, values: plan, aggregates: summary })
    if (plan.scaled !== undefined) this.#writeExceptions(values, start, plan.scaled)
    encodeTimes(times, timestampsMs, start, count, this.#column, this.#times, writer)
    if (plan.valueCodec === 'integer') this.#column.encode(this.#integers, count, writer)
    if (plan.valueCodec === 'xor') encodeXor(values, start, count, this.#tokens, writer)
    return this.#finish()
  }

  #checkRange(timestampsMs: Float64Array, values: Float64Array, start: number, count: number): void {
    const available = Math.min(timestampsMs.length, values.length) - start
    if (count >= 1 && count <= this.samplesMax && count <= available && start >= 0) return
    throw badInput(
      `encode block: found ${count} samples from ${start} of ${available + start}, expected 1 to ${this.samplesMax}`,
    )
  }

  #planValues(values: Float64Array, start: number, count: number, summary: Summary): ValuePlan {
    if (summary.isConstant) return planConstant(summary.first)
    const integers = this.#integers
    if (summary.isIntegral) {
      if (summary.max - summary.min > SPAN_MAX) return planXor()
      integers.set(values.subarray(start, start + count))
      return { valueCodec: 'integer', exponent: 0, scalars: summary, scaled: undefined }
    }
    const scaled = this.#scaler.scale(values, start, count, integers)
    if (scaled === undefined) return planXor()
    const scalars = scaled.exceptionCount === 0 ? scaleScalars(summary, scaled.exponent) : extremes(integers, count)
    if (scalars.max - scalars.min > SPAN_MAX) return planXor()
    if (scaled.exceptionCount === 0)
      return { valueCodec: 'integer', exponent: scaled.exponent, scalars, scaled: undefined }
    return { valueCodec: 'integer', exponent: scaled.exponent, scalars: undefined, scaled }
  }

  /** How many, then for each its distance from the one before and its value; then the first integer of the column. */
  #writeExceptions(values: Float64Array, start: number, scaled: Scaled): void {
    const writer = this.#writer
    writer.varint(scaled.exceptionCount)
    let previous = 0
    for (let i = 0; i < scaled.exceptionCount; i++) {
      const at = scaled.exceptions[i] as number
      writer.varint(at - previous)
      writer.double(values[start + at] as number)
      previous = at
    }
    writer.signedVarint(this.#integers[0] as number)
  }

  #finish(): Uint8Array {
    const { bytes, view, position } = this.#writer
    view.setUint32(position, crc32c(bytes, 0, position), true)
    return bytes.slice(0, position + 4)
  }
}

function planXor(): ValuePlan {
  return { valueCodec: 'xor', exponent: 0, scalars: undefined, scaled: undefined }
}

function planConstant(value: number): ValuePlan {
  const exponent = leastExponent(value)
  if (exponent > EXPONENT_MAX) return { valueCodec: 'constant', exponent: 0, scalars: undefined, scaled: undefined }
  const integer = Math.round(value * (powersOfTen[exponent] as number))
  const scalars = { first: integer, last: integer, min: integer, max: integer }
  return { valueCodec: 'constant', exponent, scalars, scaled: undefined }
}

function scaleScalars(summary: Summary, exponent: number): IntegerScalars {
  const power = powersOfTen[exponent] as number
  const { first, last, min, max } = summary
  return {
    first: Math.round(first * power),
    last: Math.round(last * power),
    min: Math.round(min * power),
    max: Math.round(max * power),
  }
}

function extremes(integers: Float64Array, count: number): IntegerScalars {
  let min = integers[0] as number
  let max = min
  for (let i = 1; i < count; i++) {
    const integer = integers[i] as number
    if (integer < min) min = integer
    else if (integer > max) max = integer
  }
  return { first: integers[0] as number, last: integers[count - 1] as number, min, max }
}
