/** `/api/v1/ring`: the rings of the clouds, as their members see them. */
import * as z from 'zod'
import type { RingQueries } from '#controller/query/ring-queries.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { ringShape } from './answer-shapes.ts'
import type { Route } from './route.ts'
import { unansweredHeaders } from './unanswered.ts'

export interface RingRoutesDeps {
  readonly rings: Pick<RingQueries, 'ask'>
  /** What the operator may see. */
  readonly tenant: string
}

const glob = z.string().max(1024).optional()

export function ringRoutes({ rings, tenant }: RingRoutesDeps): Route[] {
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
  ]
}
