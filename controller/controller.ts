/**
 * The controller, composed: registry -> applications -> window -> subscriptions -> ingest -> presence -> rules -> aggregate -> api, in the order the data
 * flows; closed in reverse.
 * The bus is the caller's: open before, closed after.
 */
import type { Bus, BusCounters } from '#broker/bus.ts'
import type { EmbeddedBrokerCounters } from '#broker/embedded.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { ApiTokens } from './access/api-tokens.ts'
import { openAggregate, openRecorder } from './aggregate/aggregate-part.ts'
import { alsoRecorded } from './aggregate/also-recorded.ts'
import { SetGeneration } from './aggregate/set-generation.ts'
import { openApi } from './api/api-part.ts'
import { sayApplications } from './applications/application-event.ts'
import { ApplicationRegistry } from './applications/application-registry.ts'
import { followSubscriptions } from './applications/subscription-follower.ts'
import { AuditLog } from './audit/audit-log.ts'
import { openBlobs } from './blobs/blobs-part.ts'
import { tellCode } from './code/code-news.ts'
import { CodeService } from './code/code-service.ts'
import { type ControllerOptions, type ControllerSettings, settingsOf } from './config.ts'
import { every } from './every.ts'
import { openIngest } from './ingest/ingest-part.ts'
import { InstanceService } from './instances/instance-service.ts'
import { tellOrderEnds } from './orders/order-news.ts'
import { openOrders } from './orders/orders-part.ts'
import { openControllerSession } from './presence/controller-session.ts'
import { listHosts } from './presence/host-list.ts'
import type { HostView } from './presence/host-view.ts'
import { PresenceService } from './presence/presence-service.ts'
import { openQueries } from './query/query-part.ts'
import { LevelRegistryStore } from './registry/level-registry-store.ts'
import { ConditionResults } from './rules/condition-source.ts'
import { PublishedResults } from './rules/published-results.ts'
import { openRules } from './rules/rules-part.ts'
import { openSecrets } from './secrets/secrets-part.ts'
import { alsoOffered } from './subscriptions/also-offered.ts'
import { SubscriptionService } from './subscriptions/subscription-service.ts'
import { UpgradeService } from './upgrade/upgrade-service.ts'
import { SampleWindow } from './window/window.ts'

export interface ControllerDeps {
  /** With the role of the controller; it may still be connecting. */
  readonly bus: Bus & { readonly counters?: BusCounters }
  /** Of the broker, where it is in our own process. */
  readonly brokerCounters?: (() => EmbeddedBrokerCounters) | undefined
  readonly clock: Clock
  readonly logger: Logger
}

export interface Controller extends AsyncDisposable {
  /** `http://host:port` of the API; it answers from now on. */
  readonly httpUrl: string
  /** Public nkey (`U…`) that agents must know to take our orders. */
  readonly orderKey: string
  /** Every host of the operator's tenant, present or not. */
  hosts(): readonly HostView[]
  /** Ends the API, acknowledges what was ingested, writes the registry. Idempotent; leaves the bus open. */
  close(): Promise<void>
}

/** How often expired samples are dropped: each sweep looks at every sample. */
const sweepIntervalMsMax = 15_000

/**
 * Starts a controller that listens and answers when the promise resolves.
 * @throws LanistaError CONFIG_INVALID, DATA_DIR_UNWRITABLE, DATA_DIR_LOCKED, REGISTRY_DAMAGED, PORT_IN_USE, HTTP_LISTEN_FAILED;
 * nothing is left open then
 */
export async function startController(options: ControllerOptions, deps: ControllerDeps): Promise<Controller> {
  const settings = settingsOf(options)
  const closer = new Closer()
  try {
    return await compose(settings, deps, closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function compose(settings: ControllerSettings, deps: ControllerDeps, closer: Closer): Promise<Controller> {
  const { bus, clock } = deps
  const { tenant } = settings
  const registry = closer.use('registry', await LevelRegistryStore.open(settings.dataDir, 'registry'))
  const session = await openControllerSession(registry, clock.now())
  const audit = await AuditLog.open({}, { registry, clock, logger: deps.logger.child({ component: 'audit' }) })
  const tokens = await ApiTokens.open({ registry, clock, logger: deps.logger.child({ component: 'access' }) })
  const secrets = await openSecrets(settings, { registry, clock, logger: deps.logger.child({ component: 'secrets' }) })
  const { blobs, blobDesk } = await openBlobs(settings, { ...deps, registry })
  closer.use('blobs', blobDesk)
  const applications = await ApplicationRegistry.open({
    registry,
    clock,
    logger: deps.logger.child({ component: 'applications' }),
  })
  const window = openWindow(settings, clock, closer)
  const subscriptions = closer.use('subscriptions', await openSubscriptions(settings, session, { ...deps, registry }))
  closer.defer('applications', await followSubscriptions(tenant, { applications, subscriptions, logger: deps.logger }))
  const ingest = closer.use('ingest', await openIngest(settings, { ...deps, registry, window, subscriptions }))
  const presence = closer.use(
    'presence',
    await PresenceService.open(
      { ...settings, session, tenants: [tenant] },
      { bus, registry, clock, logger: deps.logger.child({ component: 'presence' }) },
    ),
  )
  const { orders, orderKey } = await openOrders({ ...settings, session }, { ...deps, registry, presence })
  closer.use('orders', orders)
  const upgradeDeps = { registry, orders, blobs, clock, logger: deps.logger.child({ component: 'upgrades' }) }
  const upgrades = closer.use('upgrades', await UpgradeService.open(tenant, upgradeDeps))
  const generation = await SetGeneration.open(tenant, { registry, clock })
  const codeLogger = deps.logger.child({ component: 'code' })
  const codeDeps = { registry, blobs, applications, clock, logger: codeLogger }
  const code = closer.use('code', await CodeService.open(tenant, codeDeps))
  const instances = closer.use(
    'instances',
    await InstanceService.open(tenant, {
      bus,
      registry,
      applications,
      orders,
      hosts: () => presence.hosts(),
      code,
      clock,
      logger: deps.logger.child({ component: 'instances' }),
    }),
  )
  const hosts = (): HostView[] =>
    listHosts(tenant, {
      hosts: presence.hosts(),
      window,
      generation: generation.current,
      samplesPerSecond: (host) => ingest.samplesPerSecond(host),
    })
  const queries = openQueries(settings, { ...deps, window, ingest, presence })
  const conditions = new ConditionResults()
  closer.defer(
    'conditions',
    applications.onChange(({ kind, application }) => {
      if (kind === 'removed') conditions.forget(application)
    }),
  )
  const published = new PublishedResults(tenant, { bus, clock, logger: deps.logger })
  const recorder = closer.use('recorder', openRecorder(tenant, { ...deps, presence }))
  const sink = alsoOffered(tenant, subscriptions, alsoRecorded(published, recorder))
  const rules = closer.use(
    'rules',
    await openRules(tenant, { ...deps, registry, applications, queries, conditions, sink }),
  )
  const aggregateParts = { registry, applications, subscriptions, presence, queries, conditions, recorder, generation }
  const aggregate = closer.use(
    'aggregate',
    await openAggregate({ ...settings, session }, { ...deps, ...aggregateParts, events: rules.events }),
  )
  closer.defer('application events', sayApplications(applications, rules.events))
  closer.defer('order events', tellOrderEnds(orders, rules.events))
  closer.defer('code events', tellCode(tenant, code, rules.events))
  closer.defer(
    'alarms',
    subscriptions.onAlarm((event) => rules.events.say(event)),
  )
  const api = closer.use(
    'api',
    await openApi(settings, {
      ...deps,
      window,
      ingest,
      presence,
      hosts,
      queries,
      subscriptions,
      audit,
      tokens,
      secrets,
      applications,
      orders,
      upgrades,
      instances,
      code,
      blobs,
      blobDesk,
      rules,
      aggregate,
    }),
  )
  deps.logger.info({ httpUrl: api.url, session }, 'controller_started')
  return {
    httpUrl: api.url,
    orderKey,
    hosts,
    close: () => closer.close(),
    [Symbol.asyncDispose]: () => closer.close(),
  }
}

function openWindow(settings: ControllerSettings, clock: Clock, closer: Closer): SampleWindow {
  const { windowMs, windowSamplesMax } = settings
  const seriesMax = Math.floor(windowSamplesMax / 4)
  const window = new SampleWindow({ windowMs, samplesMax: windowSamplesMax, seriesMax })
  closer.defer(
    'window',
    every(clock, Math.min(windowMs, sweepIntervalMsMax), () => window.sweep(clock.now())),
  )
  return window
}

function openSubscriptions(
  { dataDir }: ControllerSettings,
  session: number,
  { bus, registry, clock, logger }: ControllerDeps & { registry: LevelRegistryStore },
): Promise<SubscriptionService> {
  return SubscriptionService.open(
    { session, secretsPath: `${dataDir}/subscription-secrets.json` },
    { bus, registry, clock, logger: logger.child({ component: 'subscriptions' }) },
  )
}
