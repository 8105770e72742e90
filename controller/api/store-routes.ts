/** `/api/v1/store`, `/api/v1/store/check|repair|dump`, `/api/v1/export`: the stores of agents as a whole. */
import * as z from 'zod'
import { dumpText, onlyHost } from '#controller/query/dump-text.ts'
import { copiesText, reachable } from '#controller/query/export-copies.ts'
import { exportText } from '#controller/query/export-text.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { HolderDeps } from '#controller/query/holder.ts'
import { repairMs, type StoreQueries } from '#controller/query/store-queries.ts'
import { exportFormats } from '#protocol/query/export-lines.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type Address } from '#protocol/subjects/subject.ts'
import { checkShape, repairShape, storeShape } from './answer-shapes.ts'
import type { Parameters } from './parameters.ts'
import { type RangeDeps, rangeOf, selectionOf } from './question-parameters.ts'
import { type Route, type RouteAnswer, TextStream } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface StoreRoutesDeps extends RangeDeps, HolderDeps {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly queries: Pick<FleetQueries, 'plan' | 'ask'>
  readonly stores: StoreQueries
}

const text = z.string().max(1024)
const host = text.optional().describe('glob over host tokens, or over tenant.cloud.host')
const cloud = text.optional().describe('glob over cloud tokens')
const time = text.optional().describe('epoch milliseconds, ISO 8601, or relative like -1h')

export function storeRoutes(deps: StoreRoutesDeps): Route[] {
  const { tenant, stores } = deps
  return [
    {
      path: '/api/v1/store',
      summary: 'Sizes of the stores of the chosen hosts, together.',
      parameters: z.object({ host, cloud }),
      answer: storeShape,
      handle: async ({ host, cloud }, signal) => {
        const { sum, found, unanswered } = await stores.sizes({ tenant, host, cloud }, signal)
        return { body: sum, headers: unansweredHeaders(unanswered, found.length) }
      },
    },
    {
      path: '/api/v1/store/check',
      summary: 'Lets the stores of the chosen hosts read all they have, and says what cannot be read.',
      parameters: z.object({ host, cloud }),
      answer: checkShape,
      handle: async ({ host, cloud }, signal) => {
        const { found, unanswered } = await stores.check({ tenant, host, cloud }, signal)
        const body = found.map(({ owner, value }) => ({ ...owner, ...value }))
        return { body, headers: unansweredHeaders(unanswered, found.length) }
      },
    },
    {
      path: '/api/v1/store/repair',
      method: 'POST',
      quietMs: repairMs + 90_000,
      summary: 'Lets the stores of the chosen hosts put aside what they cannot read, as they do when they meet it.',
      parameters: z.object({ host, cloud }),
      answer: repairShape,
      handle: async ({ host, cloud }, signal) => {
        const { found, unanswered } = await stores.repair({ tenant, host, cloud }, signal)
        const body = found.map(({ owner, value: { next, ...repair } }) => ({
          ...owner,
          ...repair,
          is_done: next === undefined,
        }))
        return { body, headers: unansweredHeaders(unanswered, found.length) }
      },
    },
    {
      path: '/api/v1/store/dump',
      summary: 'What lies in the store of one host, an entry a line; broken off when the host stops answering.',
      parameters: z.object({ host, cloud }),
      produces: 'application/x-ndjson',
      handle: ({ host, cloud }, signal) => {
        const only = onlyHost(deps.queries.plan({ tenant, host, cloud }))
        return {
          contentType: 'application/x-ndjson; charset=utf-8',
          body: new TextStream(dumpText(only, stores, signal)),
        }
      },
    },
    {
      path: '/api/v1/export',
      summary:
        'All samples of the chosen hosts, one a line, however many, of a host that is gone out of copies; broken off when a host stops answering.',
      parameters: z.object({
        match: text.optional(),
        host,
        cloud,
        from: time,
        until: time,
        format: z.enum(exportFormats).optional().describe('json lines (default) or csv'),
      }),
      produces: 'application/x-ndjson',
      handle: (parameters, signal) => exportAll(deps, parameters, signal),
    },
  ]
}

async function exportAll(deps: StoreRoutesDeps, parameters: Parameters, signal: AbortSignal): Promise<RouteAnswer> {
  const { queries, tenant, clock } = deps
  const { host, cloud, format: asked } = parameters
  const format = asked === 'csv' ? 'csv' : 'json'
  const question = { tenant, host, cloud, last: false, ...selectionOf(parameters), ...rangeOf(deps, parameters) }
  const { plan, missing } = await reachable(queries.plan(question), question, queries, signal)
  const copies = { copies: queries, nowMs: clock.now() }
  const textOfGone = (owner: Address): AsyncIterable<string> => copiesText(owner, question, format, copies, signal)
  return {
    contentType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
    body: new TextStream(exportText(plan, question, format, { ...deps, textOfGone }, signal)),
    headers: unansweredHeaders(missing, plan.length),
  }
}
