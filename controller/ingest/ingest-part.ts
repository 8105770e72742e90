/** Ingest, composed: what hosts send goes into the window, and past it to the subscriptions. */
import type { Bus } from '#broker/bus.ts'
import type { ControllerSettings } from '#controller/config.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { SubscriptionService } from '#controller/subscriptions/subscription-service.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import { windowTarget } from '#controller/window/window-target.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { ingestLimits } from './ingest-limits.ts'
import { IngestService } from './ingest-service.ts'

export interface IngestPartDeps {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  readonly window: SampleWindow
  readonly subscriptions: Pick<SubscriptionService, 'hear'>
}

/** Starts to take in what hosts send. */
export function openIngest(
  { hostsMax, hostRetentionMs }: ControllerSettings,
  { bus, registry, clock, logger, window, subscriptions }: IngestPartDeps,
): Promise<IngestService<WindowSeries>> {
  return IngestService.open(
    { limits: { ...ingestLimits, hostsMax }, hostRetentionMs },
    {
      bus,
      registry,
      clock,
      logger: logger.child({ component: 'ingest' }),
      targetOf: (host) => windowTarget(window, host, clock, (...sample) => subscriptions.hear(...sample)),
    },
  )
}
