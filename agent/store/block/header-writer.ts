/** Writes a block's header: what README.md calls the fixed bytes, times, scalars and sums. */
import type { ByteWriter } from './byte-cursor.ts'
import {
  type Aggregates,
  BLOCK_VERSION,
  flags,
  type TimeCodec,
  timeCodecs,
  type ValueCodec,
  valueCodecs,
} from './format.ts'

/** First, last, least and greatest value as integers over a power of ten. */
export interface IntegerScalars {
  readonly first: number
  readonly last: number
  readonly min: number
  readonly max: number
}

/** What the encoder decided about a block. */
export interface HeaderPlan {
  readonly valueCodec: ValueCodec
  readonly timeCodec: TimeCodec
  readonly count: number
  readonly t0Ms: number
  readonly t1Ms: number
  /** See BlockHeader. */
  readonly stepMs: number
  readonly exponent: number
  readonly hasExceptions: boolean
  readonly aggregates: Aggregates
  /** Undefined writes the aggregates as doubles. */
  readonly scalars: IntegerScalars | undefined
}

/** Sums of integers are exact, and differences of such sums too, below this. */
const SUM_MAX = 2 ** 52

/** Writes the header from the writer's position on; the payload follows. */
export function writeHeader(writer: ByteWriter, plan: HeaderPlan): void {
  const rawSums = !hasExactSums(plan)
  writer.byte(BLOCK_VERSION | (plan.exponent << 4))
  writer.byte(
    valueCodecs.indexOf(plan.valueCodec) |
      (timeCodecs.indexOf(plan.timeCodec) << 2) |
      (plan.aggregates.falls > 0 ? flags.falls : 0) |
      (plan.scalars === undefined ? flags.rawScalars : 0) |
      (rawSums ? flags.rawSums : 0) |
      (plan.hasExceptions ? flags.exceptions : 0),
  )
  writer.varint(plan.count)
  writeTimes(writer, plan)
  if (plan.scalars === undefined) writeRawScalars(writer, plan)
  else writeScalars(writer, plan, plan.scalars)
  writeSums(writer, plan, rawSums)
}

/** True when every partial sum of the values is an integer that a double holds exactly. */
function hasExactSums({ scalars, exponent, count }: HeaderPlan): boolean {
  if (scalars === undefined || exponent > 0) return false
  return count * Math.max(Math.abs(scalars.min), Math.abs(scalars.max)) < SUM_MAX
}

function writeTimes(writer: ByteWriter, plan: HeaderPlan): void {
  writer.signedVarint(plan.t0Ms)
  if (plan.timeCodec === 'raw') return writer.signedVarint(plan.t1Ms)
  writer.varint(plan.stepMs)
  if (plan.timeCodec === 'column') writer.varint(plan.t1Ms - plan.t0Ms)
}

function writeScalars(writer: ByteWriter, plan: HeaderPlan, scalars: IntegerScalars): void {
  writer.signedVarint(scalars.first)
  if (plan.valueCodec === 'constant') return
  writer.signedVarint(scalars.last - scalars.first)
  if (plan.aggregates.falls === 0) return
  writer.varint(scalars.first - scalars.min)
  writer.varint(scalars.max - scalars.first)
}

function writeRawScalars(writer: ByteWriter, { valueCodec, aggregates }: HeaderPlan): void {
  writer.double(aggregates.first)
  if (valueCodec === 'constant') return
  writer.double(aggregates.last)
  writer.double(aggregates.min)
  writer.double(aggregates.max)
}

function writeSums(writer: ByteWriter, plan: HeaderPlan, isRaw: boolean): void {
  const { sum, falls, lost, first } = plan.aggregates
  if (isRaw) writer.double(sum)
  else if (plan.valueCodec !== 'constant') writer.signedVarint(sum - plan.count * first)
  if (falls === 0) return
  writer.varint(falls)
  if (isRaw) writer.double(lost)
  else writer.signedVarint(lost)
}
