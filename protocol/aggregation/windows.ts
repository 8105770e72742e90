/** A series stepped through time: one value a window, windows aligned to multiples of the step, so that refreshes do not jitter. */
import { LanistaError } from '#protocol/errors.ts'
import { type FunctionValue, parseFunction } from './functions.ts'
import { type SampleSpan, spanBetween } from './span.ts'

/** One window: its start (a multiple of the step, epoch ms) and its value, never null. */
export type WindowValue = readonly [timestampMs: number, value: Exclude<FunctionValue, null>]

/** A stretch of time, epoch ms: `fromMs` inclusive, `beforeMs` exclusive. */
export interface AlignedRange {
  readonly fromMs: number
  readonly beforeMs: number
}

/**
 * The whole windows that hold `fromMs … untilMs` (both inclusive): what must be read so that the first and the last window are
 * complete. Throws STEP_INVALID unless the step is a whole number of ms, at least 1.
 */
export function alignedRange(stepMs: number, fromMs: number, untilMs: number): AlignedRange {
  if (!Number.isSafeInteger(stepMs) || stepMs < 1) {
    throw new LanistaError('STEP_INVALID', `choose another step: found ${stepMs} ms, expected a whole number from 1 up`)
  }
  return { fromMs: Math.floor(fromMs / stepMs) * stepMs, beforeMs: (Math.floor(untilMs / stepMs) + 1) * stepMs }
}

/**
 * The function over each window `[k·step, (k+1)·step)` of the range that holds samples. A window without samples, or whose value is
 * unknown, is left out: missing stays missing, also for `count`. At most as many results as samples, in time order.
 * @throws LanistaError FUNCTION_UNKNOWN, STEP_INVALID
 */
export function windows(
  samples: SampleSpan,
  functionName: string,
  stepMs: number,
  fromMs: number,
  untilMs: number,
): WindowValue[] {
  const range = alignedRange(stepMs, fromMs, untilMs)
  const of = parseFunction(functionName)
  const inside = spanBetween(samples, range.fromMs, range.beforeMs)
  const found: WindowValue[] = []
  for (let start = inside.start; start < inside.end; ) {
    const windowMs = Math.floor((inside.timestampsMs[start] as number) / stepMs) * stepMs
    let end = start + 1
    while (end < inside.end && (inside.timestampsMs[end] as number) < windowMs + stepMs) end++
    const value = of({ ...inside, start, end })
    if (value !== null) found.push([windowMs, value])
    start = end
  }
  return found
}
