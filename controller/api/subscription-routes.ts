/** `/api/v1/subscriptions`: who is told what, and how that goes. */
import * as z from 'zod'
import { requireSubscription } from '#controller/subscriptions/parse.ts'
import type { SubscriptionService } from '#controller/subscriptions/subscription-service.ts'
import type { SubscriptionView } from '#controller/subscriptions/subscription-view.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Route } from './route.ts'
import { subscriptionShape, subscriptionsShape, trialShape } from './subscription-shapes.ts'

export interface SubscriptionRoutesDeps {
  readonly subscriptions: SubscriptionService
  /** What the operator may see and change. */
  readonly tenant: string
}

const formBytesMax = 65_536
const secretBytesMax = 4096

const id = z.string().max(129).describe('name, or application.name')
const parameters = z.object({ id })
const path = '/api/v1/subscriptions'

export function subscriptionRoutes({ subscriptions, tenant }: SubscriptionRoutesDeps): Route[] {
  return [
    {
      path,
      summary: 'All subscriptions, those of applications included, and what became of their readings.',
      parameters: z.object({}),
      answer: subscriptionsShape,
      handle: () => ({ body: subscriptions.list(tenant).map(answerOf) }),
    },
    {
      path: `${path}/:id`,
      summary: 'One subscription.',
      parameters,
      answer: subscriptionShape,
      handle: ({ id = '' }) => ({ body: answerOf(subscriptions.get(tenant, id)) }),
    },
    {
      path: `${path}/:id`,
      method: 'PUT',
      takes: { bytesMax: formBytesMax, types: ['application/json'] },
      summary:
        'Makes or changes a subscription that belongs to no application; without a secret it keeps the one it has.',
      parameters,
      answer: z.strictObject({ id: z.string(), outcome: z.enum(['created', 'changed', 'unchanged']) }),
      handle: async ({ id = '' }, _signal, { text }) => {
        refuseOwned(id)
        const outcome = await subscriptions.put(tenant, requireSubscription(id, jsonOf(text)))
        return { status: outcome === 'created' ? 201 : 200, body: { id, outcome } }
      },
    },
    {
      path: `${path}/:id`,
      method: 'DELETE',
      summary: 'Ends a subscription that belongs to no application.',
      parameters,
      answer: z.strictObject({ id: z.string() }),
      handle: async ({ id = '' }) => {
        refuseOwned(id)
        await subscriptions.remove(tenant, id)
        return { body: { id } }
      },
    },
    {
      path: `${path}/:id/secret`,
      method: 'PUT',
      takes: { bytesMax: secretBytesMax, types: ['text/plain'] },
      summary: 'Sets its token, password or signing key; an empty body removes it. It is never told again.',
      parameters,
      answer: z.strictObject({ id: z.string(), has_secret: z.boolean() }),
      handle: async ({ id = '' }, _signal, { text }) => {
        const secret = text.replace(/\r?\n$/, '')
        await subscriptions.setSecret(tenant, id, secret === '' ? undefined : secret)
        return { body: { id, has_secret: secret !== '' } }
      },
    },
    {
      path: `${path}/:id/test`,
      method: 'POST',
      summary: 'Sends one reading, lanista.subscription.test = 1, and says what came of it.',
      quietMs: 30_000,
      parameters,
      answer: trialShape,
      handle: async ({ id = '' }, signal) => {
        const { isDelivered, tookMs, reason } = await subscriptions.try(tenant, id, signal)
        return { body: { id, is_delivered: isDelivered, took_ms: tookMs, reason } }
      },
    },
  ]
}

function answerOf({ id, name, application, form, hasSecret, queued, health, counters }: SubscriptionView): object {
  return {
    id,
    name,
    application,
    ...form,
    has_secret: hasSecret,
    state: health.state,
    last_error: health.lastError,
    last_error_ms: health.lastErrorMs,
    last_delivery_ms: health.lastDeliveryMs,
    queued,
    passed: counters.passed,
    delivered: counters.delivered,
    unsendable: counters.unsendable,
    refused: counters.refused,
    dropped: counters.dropped,
    series_limit: counters.seriesLimit,
    attempts: counters.attempts,
    failures: counters.failures,
  }
}

/** A dot stands in ids of applications alone. */
function refuseOwned(id: string): void {
  if (!id.includes('.')) return
  const [application = ''] = id.split('.')
  throw new LanistaError(
    'SUBSCRIPTION_OWNED',
    `change the file of the application ${application} and apply it: found its subscription ${JSON.stringify(id)}, expected one of no application`,
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LanistaError('BODY_INVALID', `send the subscription as JSON: found ${messageOf(cause)}`, { cause })
  }
}
