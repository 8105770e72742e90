/** The API, composed: every route with the part that answers it, and the counters of all parts as metrics. */
import type { Bus, BusCounters } from '#broker/bus.ts'
import type { EmbeddedBrokerCounters } from '#broker/embedded.ts'
import type { ApiToken, ApiTokens } from '#controller/access/api-tokens.ts'
import type { AggregatePart } from '#controller/aggregate/aggregate-part.ts'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import type { AuditLog } from '#controller/audit/audit-log.ts'
import type { BlobDesk } from '#controller/blobs/blob-desk.ts'
import type { BlobStore } from '#controller/blobs/blob-store.ts'
import type { CodeService } from '#controller/code/code-service.ts'
import type { ControllerSettings } from '#controller/config.ts'
import type { IngestService } from '#controller/ingest/ingest-service.ts'
import type { InstanceService } from '#controller/instances/instance-service.ts'
import type { OrderService } from '#controller/orders/order-service.ts'
import type { HostView } from '#controller/presence/host-view.ts'
import type { PresenceService } from '#controller/presence/presence-service.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { PossibleHost } from '#controller/query/plan.ts'
import { possibleHosts } from '#controller/query/query-part.ts'
import { RingQueries } from '#controller/query/ring-queries.ts'
import { StoreQueries } from '#controller/query/store-queries.ts'
import type { RulesPart } from '#controller/rules/rules-part.ts'
import type { SecretStore } from '#controller/secrets/secret-store.ts'
import type { SubscriptionService } from '#controller/subscriptions/subscription-service.ts'
import type { UpgradeService } from '#controller/upgrade/upgrade-service.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { applicationRoutes } from './application-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { codeRoutes } from './code-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { fleetFamilies } from './fleet-families.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { instanceRoutes } from './instance-routes.ts'
import { orderRoutes } from './order-routes.ts'
import { ownFamilies } from './own-families.ts'
import { ringRoutes } from './ring-routes.ts'
import { ruleRoutes } from './rule-routes.ts'
import { sampleRoutes } from './sample-routes.ts'
import { secretRoutes } from './secret-routes.ts'
import { ApiServer, newHttpCounters } from './server.ts'
import { serviceRoutes } from './service-routes.ts'
import { storeRoutes } from './store-routes.ts'
import { subscriptionRoutes } from './subscription-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { upgradeRoutes } from './upgrade-routes.ts'

/** Everything that answers, open before and closed after. */
export interface ApiParts {
  readonly bus: Bus & { readonly counters?: BusCounters }
  readonly brokerCounters?: (() => EmbeddedBrokerCounters) | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly rules: RulesPart
  readonly aggregate: AggregatePart
  readonly orders: OrderService
  readonly upgrades: UpgradeService
  readonly instances: InstanceService
  readonly code: CodeService
  readonly blobs: BlobStore
  readonly blobDesk: BlobDesk
  readonly window: SampleWindow
  readonly ingest: IngestService<WindowSeries>
  readonly presence: PresenceService
  readonly hosts: () => HostView[]
  readonly queries: FleetQueries
  readonly subscriptions: SubscriptionService
  readonly audit: AuditLog
  readonly tokens: ApiTokens
  /** None without a master key. */
  readonly secrets: SecretStore | undefined
  readonly applications: ApplicationRegistry
}

/** Listens and answers when the promise resolves. Throws PORT_IN_USE, HTTP_LISTEN_FAILED. */
export function openApi(settings: ControllerSettings, parts: ApiParts): Promise<ApiServer> {
  const { bus, clock, logger, window, ingest, presence, hosts, queries, subscriptions, applications, orders } = parts
  const { instances, rules, aggregate } = parts
  const { tenant, connection, operatorToken } = settings
  const startedAt = clock.monotonic()
  const http = newHttpCounters()
  const known = (): PossibleHost[] => possibleHosts(presence)
  const stores = new StoreQueries({ bus, clock, plan: (choice) => queries.plan(choice) })
  const routes = [
    ...sampleRoutes({ queries, clock, tenant, sessionOf: (host) => presence.sessionOf(host) }),
    ...orderRoutes({ orders, hosts: known, tenant }),
    ...upgradeRoutes({ upgrades: parts.upgrades, hosts: known, tenant }),
    ...instanceRoutes({ instances, applications, hosts: known, tenant }),
    ...serviceRoutes({ fleet: () => instances.fleet(), orders }),
    ...codeRoutes({ code: parts.code }),
    ...ringRoutes({ bus, hosts: known, rings: new RingQueries({ bus, hosts: known }), tenant }),
    ...storeRoutes({ bus, queries, stores, clock, tenant }),
    ...applicationRoutes({ applications, queries, clock, tenant }),
    ...subscriptionRoutes({ subscriptions, tenant }),
    ...tokenRoutes({ tokens: parts.tokens, tenant }),
    ...auditRoutes({ audit: parts.audit, clock, tenant }),
    ...secretRoutes({ secrets: parts.secrets, tenant }),
    ...ruleRoutes({ rules: rules.desk, clock, tenant }),
    ...eventRoutes({ events: rules.events.store, clock, tenant }),
    ...fleetRoutes({
      hosts,
      busState: () => bus.state,
      windowStats: () => window.stats(),
      connection: { ...connection, tenant },
      clock,
      fleetFamilies: () => fleetFamilies(window, tenant),
      ownFamilies: () =>
        ownFamilies({
          ingest: ingest.counters,
          presence: presence.counters,
          queries: queries.counters,
          orders: { ...orders.counters, open: orders.open },
          hostsRefused: presence.refused,
          hostWriteFailures: presence.persistFailures,
          hosts: hosts(),
          window: window.stats(),
          subscriptions: subscriptions.all(),
          aggregate: aggregate.counters,
          instances: { fleet: instances.fleet(), counters: instances.counters },
          blobs: { keptBytes: parts.blobs.bytes, desk: parts.blobDesk.counters },
          rules: rules.engine.counters,
          events: {
            ...rules.events.counters,
            ...rules.events.store.counters,
            kept: rules.events.store.size.events,
          },
          http,
          bus: bus.counters,
          broker: parts.brokerCounters?.(),
          rssBytes: process.memoryUsage.rss(),
          uptimeSeconds: (clock.monotonic() - startedAt) / 1000,
        }),
    }),
  ]
  return ApiServer.open(
    { host: settings.httpHost, port: settings.httpPort, credential: { user: connection.user, token: operatorToken } },
    {
      routes,
      recognise: (token) => ofTenant(tenant, parts.tokens.recognise(token)),
      audit: (fact) => parts.audit.append({ ...fact, tenant }),
      counters: http,
      logger: logger.child({ component: 'http' }),
    },
  )
}

/** The routes answer for one tenant: the token of another opens nothing. */
function ofTenant(tenant: string, token: ApiToken | undefined): ApiToken | undefined {
  return token?.tenant === tenant ? token : undefined
}
