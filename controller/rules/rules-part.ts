/** Everything that rules need, composed: events -> executor -> engine -> desk; closed in reverse. */
import type { Bus } from '#broker/bus.ts'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import { ruleBookOf, wantedCountsOf } from '#controller/applications/rule-book.ts'
import { EventService } from '#controller/events/event-service.ts'
import { EventStore, eventStoreDefaults } from '#controller/events/event-store.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { ConditionSource } from './condition-source.ts'
import { RegistryExecutor } from './registry-executor.ts'
import type { ResultSink } from './result-sink.ts'
import { RuleDesk } from './rule-desk.ts'
import { RuleEngine } from './rule-engine.ts'

export interface RulesDeps {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  readonly applications: ApplicationRegistry
  readonly queries: Pick<FleetQueries, 'ask'>
  /** Results of cross-cloud monitors. */
  readonly conditions: ConditionSource
  /** Takes decisions as metrics. */
  readonly sink: ResultSink
}

export interface RulesPart {
  readonly events: EventService
  readonly engine: RuleEngine
  readonly desk: RuleDesk
  /** Judges nothing more, waits for actions under way, writes events. Idempotent. */
  close(): Promise<void>
}

/** Starts the rules of one tenant. */
export async function openRules(tenant: string, deps: RulesDeps): Promise<RulesPart> {
  const { bus, registry, clock, applications, queries, conditions, sink } = deps
  const closer = new Closer()
  const closing = new AbortController()
  const eventDeps = { bus, registry, clock, logger: deps.logger.child({ component: 'events' }) }
  const store = closer.use('event store', await EventStore.open(eventStoreDefaults, eventDeps))
  const events = closer.use('events', EventService.start({ ...eventDeps, store }))
  const wanted = wantedCountsOf(applications, tenant, closing.signal)
  const executor = await RegistryExecutor.open(tenant, { registry, wanted, events })
  const logger = deps.logger.child({ component: 'rules' })
  const book = ruleBookOf(applications, tenant)
  const engine = closer.use(
    'rules',
    await RuleEngine.open({ tenant }, { book, conditions, executor, events, sink, registry, clock, logger }),
  )
  const desk = new RuleDesk(tenant, { engine, queries, events, clock })
  closer.defer('actions', () => closing.abort(new LanistaError('CLOSED', 'start the controller again: it is closed')))
  return { events, engine, desk, close: () => closer.close() }
}
