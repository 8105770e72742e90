/** The shapes of answers about subscriptions. */
import * as z from 'zod'
import { comparisons } from '#protocol/monitors/model.ts'

const count = z.number().min(0)
const time = z.number().nullable().describe('epoch ms')

export const subscriptionShape: z.ZodType = z.strictObject({
  id: z.string().describe('name, or application.name'),
  name: z.string(),
  application: z.string().nullable(),
  match: z.union([z.string(), z.array(z.string())]).describe('selectors'),
  scope: z.enum(['host', 'cloud', 'cross-cloud']).optional(),
  cloud: z.string().optional(),
  host: z.string().optional(),
  ...Object.fromEntries(comparisons.map((comparison) => [comparison, z.number().optional()])),
  onChange: z.boolean().optional(),
  to: z.record(z.string(), z.unknown()).describe('the sink, without its secret'),
  externalReferences: z.record(z.string(), z.string()).optional(),
  has_secret: z.boolean(),
  state: z.enum(['idle', 'delivering', 'failing']),
  last_error: z.string().nullable(),
  last_error_ms: time,
  last_delivery_ms: time,
  queued: count.describe('readings that wait'),
  passed: count.describe('readings that the filter let pass'),
  delivered: count,
  unsendable: count.describe('without a form in this sink: unknown values, names it cannot say'),
  refused: count.describe('in batches that the sink refused'),
  dropped: count.describe('the oldest of a full queue'),
  series_limit: count.describe('of more series than a filter remembers'),
  attempts: count.describe('batches handed to the sink'),
  failures: count.describe('of them those it did not take'),
})

export const subscriptionsShape: z.ZodType = z.array(subscriptionShape)

export const trialShape: z.ZodType = z.strictObject({
  id: z.string(),
  is_delivered: z.boolean(),
  took_ms: z.number(),
  reason: z.string().nullable(),
})
