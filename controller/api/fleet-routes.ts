/** `/api/v1/hosts`, `/health`, `/connection`, and `/metrics`: the controller about its fleet and itself. */
import * as z from 'zod'
import type { BusState } from '#broker/bus.ts'
import { countStates, type HostView } from '#controller/presence/host-view.ts'
import type { WindowStats } from '#controller/window/window.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { version } from '#protocol/runtime/version.ts'
import { connectionShape, healthShape, hostsShape } from './answer-shapes.ts'
import { formatOpenMetrics, type MetricFamily, openMetricsType } from './open-metrics.ts'
import type { Route } from './route.ts'

export interface Connection {
  readonly brokerUrl: string
  readonly user: string
  readonly tenant: string
}

export interface FleetRoutesDeps {
  /** Hosts of the operator's tenant, in order of cloud and name. */
  readonly hosts: () => readonly HostView[]
  readonly busState: () => BusState
  readonly windowStats: () => WindowStats
  readonly connection: Connection
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** The controller's own metrics. */
  readonly ownFamilies: () => readonly MetricFamily[]
  /** The fleet's newest values. */
  readonly fleetFamilies: () => readonly MetricFamily[]
}

export function fleetRoutes(deps: FleetRoutesDeps): Route[] {
  const startedAt = deps.clock.monotonic()
  const { brokerUrl, user, tenant } = deps.connection
  return [
    {
      path: '/api/v1/hosts',
      summary: 'Every host the controller knows, present or not, with its vital signs.',
      parameters: z.object({}),
      answer: hostsShape,
      handle: () => ({ body: deps.hosts() }),
    },
    {
      path: '/api/v1/health',
      summary: 'Whether the controller can do its work; 503 while it is cut off from the broker.',
      parameters: z.object({}),
      answer: healthShape,
      handle: () => health(deps, startedAt),
    },
    {
      path: '/api/v1/connection',
      summary: 'Where to subscribe. The password there is the token of this API.',
      parameters: z.object({}),
      answer: connectionShape,
      handle: () => ({ body: { broker: brokerUrl, user, tenant } }),
    },
    {
      path: '/metrics',
      summary: 'The controller’s own metrics as OpenMetrics 1.0 text.',
      parameters: z.object({
        fleet: z.enum(['0', '1']).optional().describe('1 = the newest value of every series too'),
      }),
      produces: openMetricsType,
      handle: ({ fleet }) => {
        const families = fleet === '1' ? [...deps.ownFamilies(), ...deps.fleetFamilies()] : deps.ownFamilies()
        return { contentType: openMetricsType, body: formatOpenMetrics(families) }
      },
    },
  ]
}

function health(
  { hosts, busState, windowStats, clock }: FleetRoutesDeps,
  startedAt: number,
): { status: number; body: unknown } {
  const broker = busState()
  const { series, samples, bytes } = windowStats()
  const isUp = broker === 'up'
  return {
    status: isUp ? 200 : 503,
    body: {
      status: isUp ? 'ok' : 'degraded',
      version,
      uptime_ms: Math.round(clock.monotonic() - startedAt),
      now_ms: clock.now(),
      broker,
      hosts: countStates(hosts()),
      window: { series, samples, bytes },
    },
  }
}
