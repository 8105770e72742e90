/** The shapes of the JSON answers, for the OpenAPI document and the contract tests. */
import * as z from 'zod'
import { ringViewFields } from '#controller/query/ring-view-shape.ts'
import { hostStates } from '#protocol/presence/presence.ts'

const tags = z.record(z.string(), z.string()).describe('tag values by tag name')
const percent = z.number().nullable().describe('percent')
const line = z.object({ slope: z.number().describe('a second'), intercept: z.number() })
const functionValue = z.union([z.number(), line]).nullable().describe('null = unknown; leastSquares gives a line')

const place = {
  host: z.string().describe('host token'),
  cloud: z.string(),
  tenant: z.string(),
}

export const hostsShape: z.ZodType = z.array(
  z.strictObject({
    id: z.string().describe('host token'),
    tenant: z.string(),
    cloud: z.string(),
    state: z.enum(hostStates),
    session: z.int().nullable(),
    version: z.string().nullable(),
    pid: z.int().nullable().describe('process id of the agent'),
    carbon: z.string().nullable().describe('where it takes carbon lines, host:port'),
    labels: z.record(z.string(), z.string()),
    inventory: z.record(z.string(), z.union([z.string(), z.number()])),
    last_seen_ms: z.number().nullable(),
    skew_ms: z.number().nullable().describe('its clock minus the controller’s'),
    lag_samples: z.number().nullable().describe('accepted there, not acknowledged here'),
    dropped: z.number().nullable().describe('samples it dropped since its start'),
    store_fault: z.string().nullable().describe('why its store cannot write now, such as disk_full'),
    monitors: z.enum(['applied', 'behind']).nullable().describe('whether it computes the newest set of monitors'),
    samples_per_second: z.number(),
    vitals: z.strictObject({
      cpu: percent,
      memory: percent,
      disk: percent.describe('percent of / in use'),
      network: z.number().nullable().describe('bytes a second, both ways'),
    }),
  }),
)

export const metricsShape: z.ZodType = z.array(
  z.strictObject({
    name: z.string(),
    tags,
    ...place,
    unit: z.string().nullable(),
    served_by: z.string().describe('host whose store knows it; _controller: out of its window of recent samples'),
    last: z.tuple([z.number(), z.number()]).nullable().describe('newest [timestampMs, value] of the last day'),
  }),
)

export const queryShape: z.ZodType = z.array(
  z.strictObject({
    name: z.string(),
    tags,
    ...place,
    unit: z.string().nullable(),
    served_by: z.string().describe('host whose store answered; _controller: out of its window of recent samples'),
    step_ms: z.number().nullable(),
    samples: z
      .array(z.tuple([z.number(), functionValue]))
      .optional()
      .describe('[timestampMs, value], ascending'),
    value: functionValue.optional(),
  }),
)

const count = z.number().min(0)

export const storeShape: z.ZodType = z.strictObject({
  series: count,
  points: count,
  bytes: count.describe('on disk, tiers included'),
  bytes_per_point: count.describe('tiers apart'),
  areas: z.record(z.string(), z.strictObject({ points: count, bytes: count, bytes_max: count })),
  tiers: z.record(z.string(), z.strictObject({ points: count.describe('windows'), bytes: count })),
})

const damages = z.array(z.strictObject({ kind: z.string(), where: z.string(), reason: z.string() }))

export const checkShape: z.ZodType = z.array(
  z.strictObject({
    ...place,
    series: count,
    rows: count,
    blocks: count,
    pages: count,
    tierBlocks: count,
    journalSamples: count,
    samples: count,
    damaged: count,
    damages,
  }),
)

export const repairShape: z.ZodType = z.array(
  z.strictObject({
    ...place,
    rows: count.describe('found readable, like all counts here'),
    blocks: count,
    pages: count,
    tierBlocks: count,
    damaged: count,
    put_aside: count.describe('less than damaged while the disk takes no writes'),
    damages,
    is_done: z.boolean().describe('false: it took too long, or the host stopped answering; repair again'),
  }),
)

export const ringShape: z.ZodType = z.array(z.strictObject(ringViewFields))

export const leaveShape: z.ZodType = z.strictObject({
  ...place,
  state: z
    .enum(['leaving', 'left', 'stayed'])
    .describe('stayed: not all was handed over in time; a member again when its agent is started again'),
  to_hand_over: z
    .array(z.strictObject({ owner: z.string(), samples: count }))
    .describe('samples that not all have who are to keep them'),
})

export const healthShape: z.ZodType = z.strictObject({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  uptime_ms: z.number(),
  now_ms: z.number(),
  broker: z.enum(['connecting', 'up', 'down', 'closed']),
  hosts: z.record(z.string(), z.int()).describe('hosts by state'),
  window: z.strictObject({ series: z.int(), samples: z.int(), bytes: z.int() }),
})

export const connectionShape: z.ZodType = z.strictObject({
  broker: z.string().describe('URL of the broker'),
  user: z.string().describe('user name there; the password is the token of this API'),
  tenant: z.string(),
})
