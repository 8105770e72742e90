/** `/api/v1/orders`: what hosts were told to do, and what became of it. */
import * as z from 'zod'
import type { OrderAsk } from '#controller/orders/order-ask.ts'
import { unknownOrder } from '#controller/orders/order-errors.ts'
import type { OrderRow } from '#controller/orders/order-row.ts'
import type { OrderService } from '#controller/orders/order-service.ts'
import { orderView } from '#controller/orders/order-view.ts'
import { type PossibleHost, planHosts } from '#controller/query/plan.ts'
import { LanistaError } from '#protocol/errors.ts'
import { orderBodyBytesMax, orderKeyLengthMax } from '#protocol/orders/order.ts'
import { shownStates } from '#protocol/orders/states.ts'
import { parseDuration } from '#protocol/runtime/time.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import type { Parameters } from './parameters.ts'
import type { Route, RouteAnswer } from './route.ts'

export interface OrderRoutesDeps {
  readonly orders: OrderService
  readonly hosts: () => Iterable<PossibleHost>
  /** Whose hosts the operator may order. */
  readonly tenant: string
}

/** What `POST /api/v1/orders` takes. */
interface OrderForm {
  readonly host: string
  readonly cloud?: string | undefined
  readonly verb: string
  readonly body?: unknown
  readonly key?: string | undefined
  readonly lifetime?: string | undefined
  readonly now?: string | undefined
}

/** Orders in one answer where nobody says otherwise, and at most. */
const listed = { usual: 100, max: 10_000 }
/** Longest time a caller may wait. */
const callMsMax = 600_000

const text = z.string().min(1).max(1024)
const formSchema: z.ZodType<OrderForm> = z.strictObject({
  host: text,
  cloud: text.optional(),
  verb: text,
  body: z.unknown().optional(),
  key: z.string().max(orderKeyLengthMax).optional(),
  lifetime: text.optional(),
  now: text.optional(),
})

const known = z.string().nullable()
const shape = z.strictObject({
  id: z.string(),
  tenant: z.string(),
  cloud: z.string(),
  host: z.string(),
  verb: z.string(),
  key: z.string().describe('of two orders with one key the newer counts'),
  state: z.enum(shownStates as [string, ...string[]]).describe('unknown: overdue, and the host has not answered yet'),
  generation: z.int(),
  issued_ms: z.number(),
  expires_ms: z.number(),
  settled_ms: z.number().nullable(),
  code: known,
  reason: known,
  progress: known,
  result: z.unknown(),
})
const id = z.string().max(64).describe('id of the order')
const path = '/api/v1/orders'

export function orderRoutes(deps: OrderRoutesDeps): Route[] {
  const { orders, tenant } = deps
  const find = (id = ''): OrderRow => {
    const row = orders.get(id)
    if (!row || parseHostId(row.target).tenant !== tenant) throw unknownOrder(id)
    return row
  }
  return [
    {
      path,
      summary: 'Orders, the newest first.',
      parameters: z.object({
        host: text.optional().describe('host token, or tenant.cloud.host'),
        state: z.enum(shownStates as [string, ...string[]]).optional(),
        limit: z.string().max(6).optional().describe(`orders at most, default ${listed.usual}, up to ${listed.max}`),
      }),
      answer: z.array(shape),
      handle: (parameters) => ({ body: list(deps, parameters) }),
    },
    {
      path: `${path}/:id`,
      summary: 'One order.',
      parameters: z.object({ id }),
      answer: shape,
      handle: ({ id }) => ({ body: orderView(find(id), orders.nowMs) }),
    },
    {
      path,
      method: 'POST',
      takes: { bytesMax: orderBodyBytesMax + 8192, types: ['application/json'] },
      quietMs: callMsMax + 10_000,
      summary:
        'Orders a host to do something: JSON with host, cloud, verb, body, key, and either lifetime (whenever it can, so long) or now (wait so long for the end).',
      parameters: z.object({}),
      answer: shape,
      handle: (_parameters, signal, { text }) => order(deps, text, signal),
    },
    {
      path: `${path}/:id`,
      method: 'DELETE',
      summary: 'Takes an order back: it is superseded unless it has been started, and then asked to end sooner.',
      parameters: z.object({ id }),
      answer: shape,
      handle: async ({ id }) => ({ body: orderView(await orders.cancel(find(id).id), orders.nowMs) }),
    },
  ]
}

function list({ orders, tenant }: OrderRoutesDeps, { host, state, limit }: Parameters): object[] {
  const isHost = (id: string, token: string): boolean => host === undefined || host === token || host === id
  const views = [...orders.rows()]
    .filter(({ target }) => parseHostId(target).tenant === tenant && isHost(target, parseHostId(target).host))
    .map((row) => orderView(row, orders.nowMs))
    .filter((view) => state === undefined || view.state === state)
    .toSorted((a, b) => b.generation - a.generation)
  return views.slice(0, limitOf(limit))
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? listed.usual : Number(text)
  if (Number.isInteger(limit) && limit >= 1 && limit <= listed.max) return limit
  throw new LanistaError('QUERY_INVALID', `change limit: found ${String(text)}, expected 1 to ${listed.max}`)
}

async function order(deps: OrderRoutesDeps, text: string, signal: AbortSignal): Promise<RouteAnswer> {
  const { orders } = deps
  const form = parseForm(text)
  const ask: OrderAsk = { target: targetOf(deps, form), verb: form.verb, body: form.body, key: form.key }
  const lifetimeMs = form.lifetime === undefined ? undefined : parseDuration(form.lifetime)
  const row =
    form.now === undefined
      ? await orders.issue(ask, lifetimeMs)
      : await orders.call(ask, Math.min(parseDuration(form.now), callMsMax), signal)
  return { status: form.now === undefined ? 202 : 200, body: orderView(row, orders.nowMs) }
}

/** The one host that is meant. Throws HOST_UNKNOWN. */
function targetOf({ hosts, tenant }: OrderRoutesDeps, { host, cloud }: OrderForm): OrderAsk['target'] {
  const found = planHosts(hosts(), { tenant, host, cloud })
  const [only] = found
  if (only && found.length === 1) return only.owner
  throw new LanistaError(
    'HOST_UNKNOWN',
    `name one host, or its cloud too: found ${found.length} that match ${host}, expected one`,
  )
}

function parseForm(text: string): OrderForm {
  const result = formSchema.safeParse(jsonOf(text))
  if (result.success) {
    if (result.data.now === undefined || result.data.lifetime === undefined) return result.data
    throw bodyInvalid('both now and lifetime, expected one of them')
  }
  const issue = result.error.issues[0]
  throw bodyInvalid(issue ? `${dotted(issue.path)}: expected ${expectedOf(issue)}` : 'another shape')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw bodyInvalid('no JSON')
  }
}

function bodyInvalid(found: string): LanistaError {
  return new LanistaError('BODY_INVALID', `correct the order: found ${found}`)
}
