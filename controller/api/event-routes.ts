/** `/api/v1/events`: what happened, as agents and the controller said it. */
import * as z from 'zod'
import type { EventFilter, StoredEvent } from '#controller/events/event.ts'
import type { EventStore } from '#controller/events/event-store.ts'
import { nextEvent } from '#controller/events/next-event.ts'
import { compileGlob } from '#protocol/metrics/glob.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import type { Parameters } from './parameters.ts'
import { clash, rangeOf } from './question-parameters.ts'
import type { Route } from './route.ts'

export interface EventRoutesDeps {
  readonly events: EventStore
  readonly clock: Pick<Clock, 'now' | 'after'>
  /** What the operator may see. */
  readonly tenant: string
}

const limitDefault = 100
const limitMax = 10_000
/** Longest wait for an event: below what an idle connection is given. */
const waitMsMax = 20_000

const text = z.string().max(256).optional()

export const eventsShape: z.ZodType = z.array(
  z.strictObject({
    seq: z.int().describe('place in the order in which the controller heard them; `after` takes it'),
    time_ms: z.number().describe('when the controller heard of it'),
    said_ms: z.number().describe('when it happened, by the speaker’s clock'),
    kind: z.string(),
    cloud: z.string(),
    host: z.string().describe('_controller: the controller itself'),
    application: z.string().nullable(),
    id: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
)

export function eventRoutes({ events, clock, tenant }: EventRoutesDeps): Route[] {
  return [
    {
      path: '/api/v1/events',
      summary: 'The newest events that fit, oldest first; with after= the first ones behind it.',
      parameters: z.object({
        kind: text.describe('glob over kinds: rule.*'),
        application: text,
        host: text,
        cloud: text,
        from: text.describe('epoch milliseconds, ISO 8601, or relative like -1h'),
        until: text.describe('the same'),
        after: text.describe('seq of the last event seen'),
        wait: text.describe('how long to wait for one when there is none: 10s; with after='),
        limit: text.describe(`at most; default ${limitDefault}, ${limitMax} allowed`),
      }),
      answer: eventsShape,
      handle: async (parameters, signal) => {
        const filter: EventFilter = { tenant, ...filterOf(parameters), ...rangeOf({ clock, tenant }, parameters) }
        const limit = wholeOf('limit', parameters['limit'], 1, limitMax) ?? limitDefault
        const waitMs = waitOf(parameters)
        const found = events.query(filter, limit)
        if (found.length === 0 && waitMs > 0) await nextEvent(events, filter, { waitMs, clock, signal })
        return { body: (found.length > 0 || waitMs === 0 ? found : events.query(filter, limit)).map(answerOf) }
      },
    },
  ]
}

function filterOf({ kind, application, host, cloud, after }: Parameters): EventFilter {
  const afterSeq = wholeOf('after', after, -1, Number.MAX_SAFE_INTEGER)
  return {
    application,
    host,
    cloud,
    ...(kind === undefined ? {} : { kind: compileGlob(kind) }),
    ...(afterSeq === undefined ? {} : { afterSeq }),
  }
}

function waitOf({ wait, after }: Parameters): number {
  if (wait === undefined) return 0
  if (after === undefined) throw clash('wait', wait, 'after= beside it: the event to wait behind')
  return Math.min(waitMsMax, parseDuration(wait))
}

function wholeOf(parameter: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw clash(parameter, JSON.stringify(text), `a whole number, ${min} to ${max}`)
}

function answerOf({ seq, atMs, saidMs, kind, cloud, host, application, id, fields }: StoredEvent): object {
  return { seq, time_ms: atMs, said_ms: saidMs, kind, cloud, host, application: application ?? null, id, fields }
}
