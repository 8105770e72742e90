/** All that belongs to monitors in the controller, composed: distribution to the agents, and what is computed over all clouds. */
import type { Bus } from '#broker/bus.ts'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import type { EventService } from '#controller/events/event-service.ts'
import type { PresenceService } from '#controller/presence/presence-service.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { ConditionResults } from '#controller/rules/condition-source.ts'
import type { SubscriptionService } from '#controller/subscriptions/subscription-service.ts'
import { keeperCloud } from '#protocol/messages/record.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Address, controllerHost } from '#protocol/subjects/subject.ts'
import { isBehind } from './applied-set.ts'
import { CrossCloud, type CrossCloudCounters } from './cross-cloud.ts'
import { Distribution } from './distribution.ts'
import { NewestResults } from './newest-results.ts'
import { recallFrom } from './recorded-results.ts'
import { Recorder, type RecorderCounters } from './recorder.ts'
import { ResultOutlet } from './result-outlet.ts'
import type { SetGeneration } from './set-generation.ts'

export interface AggregateOptions {
  readonly tenant: string
  /** Of the controller. */
  readonly session: number
  readonly heartbeatIntervalMs: number
}

export interface AggregateDeps {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  readonly applications: ApplicationRegistry
  readonly subscriptions: SubscriptionService
  readonly presence: Pick<PresenceService, 'hosts'>
  readonly queries: Pick<FleetQueries, 'ask'>
  readonly conditions: ConditionResults
  readonly recorder: Recorder
  readonly generation: SetGeneration
  readonly events: Pick<EventService, 'say'>
}

/** What became of monitors in the controller since its start. */
export interface AggregateCounters extends CrossCloudCounters {
  readonly recorder: RecorderCounters & { readonly waiting: number }
  /** Results that the bus did not take. */
  readonly notPublished: number
  /** Messages that told agents what to compute. */
  readonly setsSent: number
  /** Of the set that agents should compute. */
  readonly generation: number
  /** Hosts that are there and compute another one. */
  readonly behind: number
}

export interface AggregatePart extends AsyncDisposable {
  /** What became of monitors, for metrics. */
  readonly counters: AggregateCounters
  /** Idempotent; the recorder is the caller's. */
  close(): Promise<void>
}

/** What keeps results that belong to no cloud: open before the rules, which have some too. */
export function openRecorder(
  tenant: string,
  { bus, clock, logger, presence }: Pick<AggregateDeps, 'bus' | 'clock' | 'logger' | 'presence'>,
): Recorder {
  const agents = (): Address[] => keepersOf(tenant, presence)
  return new Recorder({ bus, clock, logger: logger.child({ component: 'recorder' }), agents })
}

/** Starts the monitors of one tenant. */
export async function openAggregate(options: AggregateOptions, deps: AggregateDeps): Promise<AggregatePart> {
  const { tenant, session } = options
  const {
    bus,
    registry,
    clock,
    applications,
    subscriptions,
    presence,
    queries,
    conditions,
    recorder,
    events,
    generation,
  } = deps
  const closer = new Closer()
  const logger = deps.logger.child({ component: 'aggregate' })
  const outlet = new ResultOutlet(
    tenant,
    { host: controllerHost, session },
    {
      bus,
      conditions,
      subscriptions,
      recorder,
    },
  )
  const crossCloud = closer.use(
    'cross-cloud',
    await CrossCloud.open(options, applications.contexts(tenant), {
      bus,
      clock,
      logger,
      hosts: () => presence.hosts(),
      wantedOf: (application, component) => applications.wanted(tenant, application, component),
      newest: new NewestResults(tenant, { registry, clock, logger }),
      recall: recallFrom(tenant, queries),
      onResults: (results) => outlet.tell(results),
      onAlarm: (event) => events.say(event),
    }),
  )
  const distribution = closer.use(
    'distribution',
    new Distribution(options, {
      bus,
      clock,
      logger,
      hosts: () => presence.hosts(),
      generation,
      set: () => ({
        contexts: applications.contexts(tenant),
        selection: selectionOf(tenant, subscriptions),
        uplinkOf: (host) => subscriptions.uplinkSelectors(host),
      }),
    }),
  )
  closer.defer(
    'applications',
    applications.onChange((change) => {
      if (change.tenant !== tenant || (change.kind !== 'applied' && change.kind !== 'removed')) return
      crossCloud.apply(applications.contexts(tenant))
      distribution.renew()
    }),
  )
  closer.defer(
    'subscriptions',
    subscriptions.onChange(() => distribution.renew()),
  )
  return {
    get counters() {
      const own = [...presence.hosts()].filter(({ record }) => record.address.tenant === tenant)
      return {
        ...crossCloud.counters,
        recorder: { ...recorder.counters, waiting: recorder.waiting },
        notPublished: outlet.notPublished,
        setsSent: distribution.messages,
        generation: generation.current,
        behind: own.filter((known) => isBehind(known, generation.current)).length,
      }
    },
    close: () => closer.close(),
    [Symbol.asyncDispose]: () => closer.close(),
  }
}

/** What hosts are asked to send, as far as it decides which host sends what. */
function selectionOf(tenant: string, subscriptions: SubscriptionService): unknown[] {
  return subscriptions
    .list(tenant)
    .flatMap(({ form: { match, scope, cloud, host } }) =>
      scope === 'cross-cloud' ? [] : [[match, scope, cloud, host]],
    )
}

/** Agents of `home`, those first that are surest to answer. */
function keepersOf(tenant: string, presence: Pick<PresenceService, 'hosts'>): Address[] {
  const order = { online: 0, suspect: 1, unknown: 2 } as const
  return [...presence.hosts()]
    .flatMap(({ record: { address }, presence: { state } }) => {
      if (address.tenant !== tenant || address.cloud !== keeperCloud) return []
      return state === 'offline' || state === 'left' ? [] : [{ address, rank: order[state] }]
    })
    .sort((a, b) => a.rank - b.rank || (a.address.host < b.address.host ? -1 : 1))
    .map(({ address }) => address)
}
