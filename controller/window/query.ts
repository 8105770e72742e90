/** Questions to the window: which series, which stretch of time, as samples or as a function of them. Pure. */
import { type FunctionValue, parseFunction } from '#protocol/aggregation/functions.ts'
import { alignedRange, windows } from '#protocol/aggregation/windows.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { trueStepMs } from './true-step.ts'
import type { SampleWindow } from './window.ts'
import type { WindowSeries } from './window-series.ts'

export interface SeriesChoice {
  readonly tenant: string
  /** Absent = every series. */
  readonly matches?: SeriesMatcher | undefined
  /** A host's token, or `T.C.H`. */
  readonly host?: string | undefined
  readonly cloud?: string | undefined
}

export interface WindowQuery extends SeriesChoice {
  /** Both ends inclusive, epoch ms; absent = as far as the window reaches. */
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  /** The newest sample of the stretch alone. */
  readonly last: boolean
  /** Name of a window function. */
  readonly function?: string | undefined
  /** One value of the function for each step, windows aligned to its multiples; absent = one value in all. */
  readonly stepMs?: number | undefined
}

/** Beyond these the question is refused with ANSWER_TOO_LARGE. */
export interface QueryLimits {
  readonly seriesMax: number
  readonly samplesMax: number
  /** How to ask for less, where times and steps do not help. */
  readonly advice?: string | undefined
}

export interface SeriesAnswer {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly host: string
  readonly cloud: string
  readonly tenant: string
  readonly unit: string | null
  /** `_controller`: out of its window. */
  readonly served_by: string
  /** The step asked for, else the series' true one; null when it has less than two samples. */
  readonly step_ms: number | null
  readonly samples?: readonly (readonly [timestampMs: number, value: FunctionValue])[]
  /** Instead of samples, for a function without a step. */
  readonly value?: FunctionValue
}

/**
 * The answer of each chosen series, by name, then host. A series without samples in the stretch is left out, but not where a
 * function without a step is asked for: its value is null, or 0 for `count`.
 * @throws LanistaError ANSWER_TOO_LARGE, FUNCTION_UNKNOWN, STEP_INVALID
 */
export function queryWindow(window: SampleWindow, query: WindowQuery, limits: QueryLimits): SeriesAnswer[] {
  if (query.function !== undefined) parseFunction(query.function)
  if (query.stepMs !== undefined) alignedRange(query.stepMs, 0, 0)
  const found: { readonly key: string; readonly answer: SeriesAnswer }[] = []
  let samples = 0
  for (const series of chooseSeries(window, query)) {
    const answer = answerOf(window, series, query)
    if (!answer) continue
    samples += answer.samples?.length ?? 1
    found.push({ key: `${series.canonical} ${hostIdOf(series.address)}`, answer })
    if (found.length > limits.seriesMax) throw tooLarge('series', limits.seriesMax, limits.advice)
    if (samples > limits.samplesMax) throw tooLarge('samples', limits.samplesMax, limits.advice)
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ answer }) => answer)
}

/** Series of the window that fit the choice, in no order. */
export function* chooseSeries(window: SampleWindow, choice: SeriesChoice): Iterable<WindowSeries> {
  const host = choice.host?.includes('.') ? choice.host : undefined
  for (const series of window.list(host)) {
    const { address } = series
    const fits =
      address.tenant === choice.tenant &&
      (choice.host === undefined || host !== undefined || address.host === choice.host) &&
      (choice.cloud === undefined || address.cloud === choice.cloud) &&
      (choice.matches?.(series.name) ?? true)
    if (fits) yield series
  }
}

/** ANSWER_TOO_LARGE naming the limit, and how to stay below it. */
export function tooLarge(
  what: string,
  limit: number,
  advice = 'ask for less (fewer series, a shorter time, a step)',
): LanistaError {
  return new LanistaError(
    'ANSWER_TOO_LARGE',
    `${advice}: found more than ${limit} ${what}, expected at most ${limit}`,
    { data: { limit, what } },
  )
}

function answerOf(window: SampleWindow, series: WindowSeries, query: WindowQuery): SeriesAnswer | undefined {
  const all = window.read(series, -Infinity, Infinity)
  if (!all || all.end === all.start) return undefined
  const fromMs = query.fromMs ?? -Infinity
  const untilMs = query.untilMs ?? Infinity
  const head = headOf(series, trueStepMs(all))
  if (query.function !== undefined && query.stepMs !== undefined) {
    const samples = windows(all, query.function, query.stepMs, fromMs, untilMs)
    return samples.length > 0 ? { ...head, step_ms: query.stepMs, samples } : undefined
  }
  const span = window.read(series, fromMs, untilMs) ?? { ...all, end: all.start }
  if (query.function !== undefined) return { ...head, value: parseFunction(query.function)(span) }
  const start = query.last ? Math.max(span.start, span.end - 1) : span.start
  const samples: [number, number][] = []
  for (let i = start; i < span.end; i++) samples.push([span.timestampsMs[i] as number, span.values[i] as number])
  return samples.length > 0 ? { ...head, samples } : undefined
}

function headOf(series: WindowSeries, stepMs: number | null): Omit<SeriesAnswer, 'samples' | 'value'> {
  const { host, cloud, tenant } = series.address
  return {
    name: series.name.name,
    tags: series.name.tags,
    host,
    cloud,
    tenant,
    unit: series.unit ?? null,
    served_by: '_controller',
    step_ms: stepMs,
  }
}
