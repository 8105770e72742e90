/** `/api/v1/ring`: the rings of the clouds, as their members see them; `/api/v1/hosts/leave`: out of one for good. */
import * as z from 'zod'
import { askToLeave, type LeaveQueryDeps } from '#controller/query/leave-query.ts'
import type { RingQueries } from '#controller/query/ring-queries.ts'
import { LanistaError } from '#protocol/errors.ts'
import { leaveMsDefault, leaveMsMax } from '#protocol/messages/leave.ts'
import { formatDuration, parseDuration } from '#protocol/runtime/time.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { leaveShape, ringShape } from './answer-shapes.ts'
import type { Route } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface RingRoutesDeps extends LeaveQueryDeps {
  readonly rings: Pick<RingQueries, 'ask'>
  /** What the operator may see. */
  readonly tenant: string
}

const glob = z.string().max(1024).optional()

/** How long an answer waits for the outcome, ms: shorter than any client's patience. */
const leaveWaitMs = 10_000

export function ringRoutes(deps: RingRoutesDeps): Route[] {
  const { rings, tenant } = deps
  return [
    {
      path: '/api/v1/ring',
      summary: 'Each host in the ring of its cloud: place, copies, how far they are behind, whose copies it has.',
      parameters: z.object({ cloud: glob.describe('glob over cloud tokens') }),
      answer: ringShape,
      handle: async ({ cloud }, signal) => {
        const views = await rings.ask({ tenant, cloud }, signal)
        const silent = views.filter(({ ring }) => ring === 'silent').map(hostIdOf)
        return { body: views, headers: unansweredHeaders(silent, views.length - silent.length) }
      },
    },
    {
      path: '/api/v1/hosts/leave',
      method: 'POST',
      quietMs: 60_000,
      summary: 'Lets one host hand over and leave for good, or says how far it is: ask again while it is leaving.',
      parameters: z.object({
        host: glob.describe('its token, or tenant.cloud.host'),
        cloud: glob.describe('glob over cloud tokens'),
        deadline: z.string().max(32).optional().describe('time to hand over, like 5m (default)'),
        force: z.enum(['0', '1']).optional().describe('1 = leave then all the same'),
      }),
      answer: leaveShape,
      handle: async ({ host, cloud, deadline, force }, signal) => {
        const ask = { deadlineMs: deadlineOf(deadline), isForced: force === '1', waitMs: leaveWaitMs }
        const { owner, report } = await askToLeave({ tenant, host, cloud }, ask, deps, signal)
        return { body: { ...owner, state: report.state, to_hand_over: report.toHandOver } }
      },
    },
  ]
}

/** Throws DURATION_INVALID. */
function deadlineOf(text: string | undefined): number {
  const ms = text === undefined ? leaveMsDefault : parseDuration(text)
  if (ms <= leaveMsMax) return ms
  throw new LanistaError('DURATION_INVALID', `give a deadline up to ${formatDuration(leaveMsMax)}: found ${text}`)
}
