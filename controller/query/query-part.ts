/** Questions to the fleet, composed: who is asked, what is near, and the bounds of an answer. */
import type { Bus } from '#broker/bus.ts'
import type { ControllerSettings } from '#controller/config.ts'
import type { IngestService } from '#controller/ingest/ingest-service.ts'
import type { PresenceService } from '#controller/presence/presence-service.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { FleetQueries } from './fleet-queries.ts'
import type { PossibleHost } from './plan.ts'

export interface QueriesDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  readonly window: SampleWindow
  readonly ingest: Pick<IngestService<WindowSeries>, 'storeCount'>
  readonly presence: Pick<PresenceService, 'hosts'>
}

/** Questions over all hosts that presence knows. */
export function openQueries(
  { answerSeriesMax, answerSamplesMax, queryDeadlineMs }: ControllerSettings,
  { bus, clock, logger, window, ingest, presence }: QueriesDeps,
): FleetQueries {
  const hosts = (): PossibleHost[] =>
    possibleHosts(presence).map((host) => ({ ...host, hasLostStore: ingest.storeCount(hostIdOf(host.address)) > 1 }))
  return new FleetQueries(
    { seriesMax: answerSeriesMax, samplesMax: answerSamplesMax, deadlineMs: queryDeadlineMs },
    { bus, clock, window, hosts, logger: logger.child({ component: 'query' }) },
  )
}

/** Every host that presence knows, as one that may have samples. */
export function possibleHosts(presence: Pick<PresenceService, 'hosts'>): PossibleHost[] {
  return [...presence.hosts()].map(({ record, presence: { state } }) => ({ address: record.address, state }))
}
