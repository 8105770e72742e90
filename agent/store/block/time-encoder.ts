/** Timestamps of a block: checked, classified, and written where the header does not say them all. */
import type { ByteWriter } from './byte-cursor.ts'
import { type ColumnEncoder, usualStep } from './column-encoder.ts'
import { badInput, SPAN_MAX, type TimeCodec } from './format.ts'

/** What the header says about the timestamps. */
export interface TimePlan {
  readonly timeCodec: TimeCodec
  readonly t0Ms: number
  readonly t1Ms: number
  readonly stepMs: number
}

/**
 * Chooses how to store `timestampsMs[start, start + count)`. Throws BLOCK_INPUT unless they are strictly increasing safe
 * integers.
 * @param scratch room for `count` numbers
 */
export function planTimes(timestampsMs: Float64Array, start: number, count: number, scratch: Float64Array): TimePlan {
  const t0Ms = timestampsMs[start] as number
  const t1Ms = timestampsMs[start + count - 1] as number
  const firstStep = count === 1 ? 0 : (timestampsMs[start + 1] as number) - t0Ms
  let isRegular = t1Ms - t0Ms <= SPAN_MAX
  let previous = Number.NEGATIVE_INFINITY
  for (let i = start; i < start + count; i++) {
    const timestampMs = timestampsMs[i] as number
    if (!(timestampMs > previous) || Math.floor(timestampMs) !== timestampMs) throw badTimestamp(timestampMs, i)
    if (i > start && timestampMs - previous !== firstStep) isRegular = false
    previous = timestampMs
  }
  if (!(Number.isSafeInteger(t0Ms) && Number.isSafeInteger(t1Ms))) throw badTimestamp(t0Ms, start)
  if (isRegular) return { timeCodec: 'regular', t0Ms, t1Ms, stepMs: firstStep }
  if (t1Ms - t0Ms > SPAN_MAX) return { timeCodec: 'raw', t0Ms, t1Ms, stepMs: 0 }
  scratch.set(timestampsMs.subarray(start, start + count))
  return { timeCodec: 'column', t0Ms, t1Ms, stepMs: usualStep(scratch, count) }
}

function badTimestamp(found: number, at: number): Error {
  return badInput(`encode block: found the timestamp ${found} at ${at}, expected strictly increasing safe integers`)
}

/** Writes the timestamps behind the first, unless they are regular. */
export function encodeTimes(
  plan: TimePlan,
  timestampsMs: Float64Array,
  start: number,
  count: number,
  column: ColumnEncoder,
  scratch: Float64Array,
  writer: ByteWriter,
): void {
  if (plan.timeCodec === 'raw') {
    for (let i = start + 1; i < start + count; i++) writer.double(timestampsMs[i] as number)
  }
  if (plan.timeCodec === 'column') {
    scratch.set(timestampsMs.subarray(start, start + count))
    column.encode(scratch, count, writer)
  }
}
