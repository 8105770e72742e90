/**
 * What a metric means over a window: one table of functions that the agent, the store and the controller share. Every function
 * takes samples of one series in time order; `null` means unknown and never zero. README.md says each in one line.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { SampleSpan } from './span.ts'
import { deviationOf, type Line, lineOf, meanOf, sumOf } from './sums.ts'

/** A number, the line of `leastSquares`, or null for unknown. Never NaN nor infinite. */
export type FunctionValue = number | Line | null

/** A window function; pure, leaves the columns as they are. */
export type WindowFunction = (span: SampleSpan) => FunctionValue

/** Functions that know a value from this many samples on; below it they are unknown. */
interface Entry {
  readonly samplesMin: number
  readonly of: (span: SampleSpan) => FunctionValue | undefined
}

const functions: Readonly<Record<string, Entry>> = {
  count: { samplesMin: 0, of: ({ start, end }) => end - start },
  sum: { samplesMin: 1, of: ({ values, start, end }) => sumOf(start, end, (i) => at(values, i)) },
  mean: { samplesMin: 1, of: meanOf },
  min: { samplesMin: 1, of: (span) => fold(span, Math.min) },
  max: { samplesMin: 1, of: (span) => fold(span, Math.max) },
  median: { samplesMin: 1, of: (span) => percentileOf(span, 50) },
  stddev: { samplesMin: 1, of: deviationOf },
  mode: { samplesMin: 1, of: modeOf },
  first: { samplesMin: 1, of: ({ values, start }) => at(values, start) },
  last: { samplesMin: 1, of: ({ values, end }) => at(values, end - 1) },
  distinct: { samplesMin: 1, of: ({ values, start, end }) => new Set(values.subarray(start, end)).size },
  delta: { samplesMin: 2, of: deltaOf },
  derivative: { samplesMin: 2, of: (span) => perSecond(span, deltaOf(span)) },
  leastSquares: { samplesMin: 2, of: lineOf },
  rate: { samplesMin: 2, of: (span) => perSecond(span, increaseOf(span)) },
}

/** Names of the functions, percentiles apart: these are `p0` to `p100`, fractions (`p99.9`) included. */
export const functionNames: readonly string[] = Object.keys(functions)

const percentilePattern = /^p(0|[1-9]\d?|100)(\.\d{1,6})?$/

/** The function of this name; throws FUNCTION_UNKNOWN with the known names. */
export function parseFunction(name: string): WindowFunction {
  const entry = Object.hasOwn(functions, name) ? functions[name] : percentileEntry(name)
  if (entry === undefined) {
    throw new LanistaError(
      'FUNCTION_UNKNOWN',
      `use another function: found ${JSON.stringify(name.slice(0, 40))}, expected one of ${functionNames.join(', ')}, or p0 to p100`,
      { data: { known: functionNames } },
    )
  }
  return (span) => {
    if (span.end - span.start < entry.samplesMin) return null
    return known(entry.of(span))
  }
}

/** The function `name` over the span: `value('mean', spanOf([[t, v], …]))`. Throws FUNCTION_UNKNOWN. */
export function value(name: string, span: SampleSpan): FunctionValue {
  return parseFunction(name)(span)
}

/** What overflowed, or could not be told, is unknown. */
function known(result: FunctionValue | undefined): FunctionValue {
  if (typeof result === 'number') return Number.isFinite(result) ? result : null
  if (!result) return null
  return Number.isFinite(result.slope) && Number.isFinite(result.intercept) ? result : null
}

function at(values: Float64Array, i: number): number {
  return values[i] as number
}

function fold({ values, start, end }: SampleSpan, choose: (a: number, b: number) => number): number {
  let chosen = at(values, start)
  for (let i = start + 1; i < end; i++) chosen = choose(chosen, at(values, i))
  return chosen
}

/** The percent of `p0` … `p100`, `p99.9`; undefined for any other text. */
export function parsePercent(name: string): number | undefined {
  const percent = percentilePattern.test(name) ? Number(name.slice(1)) : Number.NaN
  return percent <= 100 ? percent : undefined
}

function percentileEntry(name: string): Entry | undefined {
  const percent = parsePercent(name)
  return percent === undefined ? undefined : { samplesMin: 1, of: (span) => percentileOf(span, percent) }
}

/** Linear between order statistics: the k-th of n (from 0) is at 100·k/(n − 1) percent. */
function percentileOf({ values, start, end }: SampleSpan, percent: number): number {
  const sorted = values.slice(start, end).sort()
  const rank = (percent / 100) * (sorted.length - 1)
  const below = at(sorted, Math.floor(rank))
  const above = at(sorted, Math.ceil(rank))
  const part = rank - Math.floor(rank)
  return part === 0 ? below : below * (1 - part) + above * part
}

function modeOf({ values, start, end }: SampleSpan): number {
  const sorted = values.slice(start, end).sort()
  let mode = at(sorted, 0)
  let most = 0
  for (let i = 0, run = 0; i < sorted.length; i++) {
    run = i > 0 && sorted[i] === sorted[i - 1] ? run + 1 : 1
    if (run > most) {
      most = run
      mode = at(sorted, i)
    }
  }
  return mode
}

function deltaOf({ values, start, end }: SampleSpan): number {
  return at(values, end - 1) - at(values, start)
}

/** How far a counter went up; a fall is a restart from zero. */
function increaseOf({ values, start, end }: SampleSpan): number {
  return sumOf(start + 1, end, (i) => {
    const step = at(values, i) - at(values, i - 1)
    return step >= 0 ? step : at(values, i)
  })
}

function perSecond({ timestampsMs, start, end }: SampleSpan, amount: number): number | undefined {
  const seconds = (at(timestampsMs, end - 1) - at(timestampsMs, start)) / 1000
  return seconds > 0 ? amount / seconds : undefined
}
