/** Writes a block's header: what README.md calls the fixed bytes, times, scalars and sums. */
import type { ByteWriter } from './byte-cursor.ts'
import type { Scaled } from './decimal.ts'
import { type Aggregates, BLOCK_VERSION, flags, timeCodecs, type ValueCodec, valueCodecs } from './format.ts'
import type { TimePlan } from './time-encoder.ts'

/** First, last, least and greatest value as integers over a power of ten. */
export interface IntegerScalars {
  readonly first: number
  readonly last: number
  readonly min: number
  readonly max: number
}

/** How a block's values will be stored. */
export interface ValuePlan {
  readonly valueCodec: ValueCodec
  readonly exponent: number
  /** Undefined writes the aggregates as doubles. */
  readonly scalars: IntegerScalars | undefined
  /** Present when there are exceptions. */
  readonly scaled: Scaled | undefined
}

/** What the encoder decided about a block. */
export interface BlockPlan {
  readonly count: number
  readonly times: TimePlan
  readonly values: ValuePlan
  readonly aggregates: Aggregates
}

/** Sums of integers are exact, and differences of such sums too, below this. */
const SUM_MAX = 2 ** 52

/** Writes the header from the writer's position on; the payload follows. */
export function writeHeader(writer: ByteWriter, { count, times, values, aggregates }: BlockPlan): void {
  const rawSums = !hasExactSums(values, count)
  writer.byte(BLOCK_VERSION | (values.exponent << 4))
  writer.byte(
    valueCodecs.indexOf(values.valueCodec) |
      (timeCodecs.indexOf(times.timeCodec) << 2) |
      (aggregates.falls > 0 ? flags.falls : 0) |
      (values.scalars === undefined ? flags.rawScalars : 0) |
      (rawSums ? flags.rawSums : 0) |
      (values.scaled === undefined ? 0 : flags.exceptions),
  )
  writer.varint(count)
  writeTimes(writer, times)
  const isConstant = values.valueCodec === 'constant'
  if (values.scalars === undefined) writeRawScalars(writer, aggregates, isConstant)
  else writeScalars(writer, values.scalars, aggregates.falls > 0, isConstant)
  if (rawSums) writeRawSums(writer, aggregates)
  else if (!isConstant) writeSums(writer, aggregates, count)
}

/** True when every partial sum of the values is an integer that a double holds exactly. */
function hasExactSums({ scalars, exponent }: ValuePlan, count: number): boolean {
  if (scalars === undefined || exponent > 0) return false
  return count * Math.max(Math.abs(scalars.min), Math.abs(scalars.max)) < SUM_MAX
}

function writeTimes(writer: ByteWriter, times: TimePlan): void {
  writer.signedVarint(times.t0Ms)
  if (times.timeCodec === 'raw') return writer.signedVarint(times.t1Ms)
  writer.varint(times.stepMs)
  if (times.timeCodec === 'column') writer.varint(times.t1Ms - times.t0Ms)
}

function writeScalars(writer: ByteWriter, scalars: IntegerScalars, hasFalls: boolean, isConstant: boolean): void {
  writer.signedVarint(scalars.first)
  if (isConstant) return
  writer.signedVarint(scalars.last - scalars.first)
  if (!hasFalls) return
  writer.varint(scalars.first - scalars.min)
  writer.varint(scalars.max - scalars.first)
}

function writeRawScalars(writer: ByteWriter, aggregates: Aggregates, isConstant: boolean): void {
  writer.double(aggregates.first)
  if (isConstant) return
  writer.double(aggregates.last)
  writer.double(aggregates.min)
  writer.double(aggregates.max)
}

function writeSums(writer: ByteWriter, { sum, first, falls, lost }: Aggregates, count: number): void {
  writer.signedVarint(sum - count * first)
  if (falls === 0) return
  writer.varint(falls)
  writer.signedVarint(lost)
}

function writeRawSums(writer: ByteWriter, { sum, falls, lost }: Aggregates): void {
  writer.double(sum)
  if (falls === 0) return
  writer.varint(falls)
  writer.double(lost)
}
