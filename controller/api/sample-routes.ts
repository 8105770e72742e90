/** `/api/v1/metrics`: the window over HTTP; `/api/v1/query`: the agents' stores. */
import * as z from 'zod'
import { answerText } from '#controller/query/answer-text.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { Question } from '#controller/query/question.ts'
import { chooseSeries, type QueryLimits, type SeriesChoice, tooLarge } from '#controller/window/query.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import { compileSelector } from '#protocol/metrics/selector.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { metricsShape, queryShape } from './answer-shapes.ts'
import type { Parameters } from './parameters.ts'
import { clash, rangeOf, selectionOf } from './question-parameters.ts'
import { type Route, type RouteAnswer, TextStream } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface SampleRoutesDeps {
  readonly window: SampleWindow
  readonly queries: FleetQueries
  readonly clock: Pick<Clock, 'now'>
  /** What the operator may see. */
  readonly tenant: string
  readonly limits: QueryLimits
}

const text = z.string().max(1024)
const match = text.describe(
  'Graphite glob over names, then ;tag=value, ;tag!=value, ;tag=~regex, ;tag!=~regex: `cpu.*;core=~[01]`',
)
const host = text.optional().describe('host token, or tenant.cloud.host; for samples a glob: `web-*`')
const cloud = text.optional().describe('cloud token')
const time = (meaning: string): z.ZodOptional<z.ZodString> =>
  text.optional().describe(`${meaning}: epoch milliseconds, ISO 8601, or relative like -1h`)

export function sampleRoutes(deps: SampleRoutesDeps): Route[] {
  return [
    {
      path: '/api/v1/metrics',
      summary: 'Series with recent samples, by name.',
      parameters: z.object({ match: match.optional(), host, cloud }),
      answer: metricsShape,
      handle: (parameters) => ({ body: listMetrics(deps, choiceOf(deps, parameters)) }),
    },
    {
      path: '/api/v1/query',
      summary:
        'Samples of the series that match, or a function of them, out of the stores of the hosts that have them.',
      parameters: z.object({
        match,
        host,
        cloud,
        from: time('first moment, included'),
        until: time('last moment, included'),
        last: z.enum(['true', 'false']).optional().describe('the newest sample alone'),
        function: text.optional().describe('count, sum, mean, min, max, median, p95, rate, …'),
        step: text.optional().describe('one value of the function for each step, like 1m'),
      }),
      answer: queryShape,
      handle: (parameters, signal) => query(deps, parameters, signal),
    },
  ]
}

async function query(deps: SampleRoutesDeps, parameters: Parameters, signal: AbortSignal): Promise<RouteAnswer> {
  const { rows, unanswered, answered } = await deps.queries.ask(questionOf(deps, parameters), signal)
  return { body: new TextStream(answerText(rows)), headers: unansweredHeaders(unanswered, answered) }
}

/** The question in the parameters. Throws QUERY_INVALID, SELECTOR_INVALID, TIME_INVALID, DURATION_INVALID. */
function questionOf(deps: SampleRoutesDeps, parameters: Parameters): Question {
  const { host, cloud, last, function: functionName, step } = parameters
  if (step !== undefined && functionName === undefined)
    throw clash('function', 'nothing', 'a function to apply to each step')
  if (last === 'true' && functionName !== undefined) throw clash('last', 'it with a function', 'one of the two')
  return {
    tenant: deps.tenant,
    host,
    cloud,
    ...selectionOf(parameters),
    ...rangeOf(deps, parameters),
    last: last === 'true',
    function: functionName,
    stepMs: step === undefined ? undefined : parseDuration(step),
  }
}

function listMetrics({ window, limits }: SampleRoutesDeps, choice: SeriesChoice): unknown[] {
  const found: WindowSeries[] = []
  for (const series of chooseSeries(window, choice)) {
    found.push(series)
    if (found.length > limits.seriesMax) throw tooLarge('series', limits.seriesMax)
  }
  return found.sort((a, b) => (a.canonical < b.canonical ? -1 : 1)).flatMap((series) => metricOf(window, series))
}

function metricOf(window: SampleWindow, series: WindowSeries): unknown[] {
  const span = window.read(series, -Infinity, Infinity)
  if (!span || span.end === span.start) return []
  const { host, cloud, tenant } = series.address
  const last = [span.timestampsMs[span.end - 1], span.values[span.end - 1]]
  return [{ name: series.name.name, tags: series.name.tags, host, cloud, tenant, unit: series.unit ?? null, last }]
}

function choiceOf({ tenant }: SampleRoutesDeps, { match, host, cloud }: Parameters): SeriesChoice {
  return { tenant, matches: match === undefined ? undefined : compileSelector(match), host, cloud }
}
