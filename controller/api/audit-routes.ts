/** `/api/v1/audit`: who changed what, and whether that list is whole. */
import * as z from 'zod'
import type { AuditLog } from '#controller/audit/audit-log.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { rangeOf } from './question-parameters.ts'
import type { Route } from './route.ts'

export interface AuditRoutesDeps {
  readonly audit: AuditLog
  readonly clock: Pick<Clock, 'now'>
  /** Whose entries the operator may see. */
  readonly tenant: string
}

const limitDefault = 100
const limitMax = 10_000
const text = z.string().max(64).optional()

export function auditRoutes({ audit, clock, tenant }: AuditRoutesDeps): Route[] {
  return [
    {
      path: '/api/v1/audit',
      summary: 'Requests that changed something or were refused, the newest that fit, oldest first.',
      parameters: z.object({
        from: text.describe('epoch milliseconds, ISO 8601, or relative like -1h'),
        until: text.describe('the same'),
        limit: text.describe(`at most; default ${limitDefault}, ${limitMax} allowed`),
      }),
      answer: z.array(
        z.strictObject({
          index: z.int().describe('place in the chain'),
          time_ms: z.number(),
          who: z.string(),
          from: z.string().describe('address of the client'),
          action: z.string(),
          status: z.int(),
          outcome: z.string().describe('done, or the code of the refusal'),
        }),
      ),
      handle: async (parameters) => {
        const range = rangeOf({ clock, tenant }, parameters)
        const entries = await audit.list({
          tenant,
          fromMs: range.fromMs ?? 0,
          untilMs: range.untilMs ?? Number.MAX_SAFE_INTEGER,
          limit: limitOf(parameters['limit']),
        })
        return {
          body: entries.map(({ index, atMs, who, from, action, status, outcome }) => {
            return { index, time_ms: atMs, who, from, action, status, outcome }
          }),
        }
      },
    },
    {
      path: '/api/v1/audit/check',
      summary: 'Reads the whole chain: which entries were changed or are missing, and the hash of the newest.',
      quietMs: 60_000,
      parameters: z.object({}),
      answer: z.strictObject({
        entries: z.int(),
        hash: z.string(),
        findings: z.array(z.strictObject({ index: z.int(), kind: z.enum(['changed', 'missing']) })),
      }),
      handle: async () => ({ body: await audit.check() }),
    },
  ]
}

function limitOf(given: string | undefined): number {
  const limit = given === undefined ? limitDefault : Number(given)
  if (/^\d+$/.test(given ?? '1') && limit >= 1 && limit <= limitMax) return limit
  throw new LanistaError('QUERY_INVALID', `give limit a whole number: found ${given}, expected 1 to ${limitMax}`)
}
