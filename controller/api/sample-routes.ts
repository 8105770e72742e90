/** `/api/v1/metrics`, `/api/v1/query`: which series the agents' stores hold, and what is in them. */
import * as z from 'zod'
import { answerText } from '#controller/query/answer-text.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import { metricOf } from '#controller/query/metric-list.ts'
import type { Question } from '#controller/query/question.ts'
import { askAnywhere, type WideQueriesDeps } from '#controller/query/wide-queries.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { metricsShape, queryShape } from './answer-shapes.ts'
import type { Parameters } from './parameters.ts'
import { clash, rangeOf, selectionOf } from './question-parameters.ts'
import { type Route, type RouteAnswer, TextStream } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface SampleRoutesDeps {
  readonly queries: FleetQueries
  /** Session of a host as far as it is known. */
  readonly sessionOf: WideQueriesDeps['sessionOf']
  readonly clock: Pick<Clock, 'now'>
  /** What the operator may see. */
  readonly tenant: string
}

const text = z.string().max(1024)
const match = text.describe(
  'Graphite glob over names, then ;tag=value, ;tag!=value, ;tag=~regex, ;tag!=~regex: `cpu.*;core=~[01]`',
)
const host = text
  .optional()
  .describe(
    'glob over host tokens, or over tenant.cloud.host: `web-*`; `_cloud`, `_controller`: results of whole clouds, of all clouds',
  )
const cloud = text.optional().describe('glob over cloud tokens')
const time = (meaning: string): z.ZodOptional<z.ZodString> =>
  text.optional().describe(`${meaning}: epoch milliseconds, ISO 8601, or relative like -1h`)

export function sampleRoutes(deps: SampleRoutesDeps): Route[] {
  return [
    {
      path: '/api/v1/metrics',
      summary: 'Series that the stores of the hosts know, by name, with their newest samples of the last day.',
      parameters: z.object({ match: match.optional(), host, cloud }),
      answer: metricsShape,
      handle: (parameters, signal) => listMetrics(deps, parameters, signal),
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

/** How far back a newest sample is looked for, ms: behind it are series that say nothing any more. */
const newestWithinMs = 86_400_000

async function listMetrics(deps: SampleRoutesDeps, parameters: Parameters, signal: AbortSignal): Promise<RouteAnswer> {
  const { tenant, clock } = deps
  const { host, cloud } = parameters
  const fromMs = clock.now() - newestWithinMs
  const question = { tenant, host, cloud, ...selectionOf(parameters), fromMs, last: false, names: true }
  const { rows, unanswered, answered } = await askAnywhere(question, deps, signal)
  return { body: rows.map(metricOf), headers: unansweredHeaders(unanswered, answered) }
}

async function query(deps: SampleRoutesDeps, parameters: Parameters, signal: AbortSignal): Promise<RouteAnswer> {
  const { rows, unanswered, answered } = await askAnywhere(questionOf(deps, parameters), deps, signal)
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
