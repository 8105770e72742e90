/** The controller's own metrics: one line each here, one family each at `/metrics`. */
import type { BusCounters } from '#broker/bus.ts'
import type { EmbeddedBrokerCounters } from '#broker/embedded.ts'
import type { AggregateCounters } from '#controller/aggregate/aggregate-part.ts'
import type { EventServiceCounters } from '#controller/events/event-service.ts'
import type { EventCounters } from '#controller/events/event-store.ts'
import type { IngestCounters } from '#controller/ingest/ingest-limits.ts'
import type { OrderCounters } from '#controller/orders/order-events.ts'
import { countStates, type HostView } from '#controller/presence/host-view.ts'
import type { PresenceCounters } from '#controller/presence/presence-service.ts'
import type { QueryCounters } from '#controller/query/fleet-queries.ts'
import type { RuleCounters } from '#controller/rules/rule-engine.ts'
import type { SubscriptionView } from '#controller/subscriptions/subscription-view.ts'
import type { WindowStats } from '#controller/window/window.ts'
import { version } from '#protocol/runtime/version.ts'
import { aggregateFamilies } from './aggregate-families.ts'
import { type BlobsSource, blobFamilies } from './blob-families.ts'
import { counter, gauge, info, labelled } from './family.ts'
import { type InstancesSource, instanceFamilies } from './instance-families.ts'
import type { MetricFamily } from './open-metrics.ts'
import type { HttpCounters } from './server.ts'

export interface OwnSources {
  readonly ingest: Readonly<IngestCounters>
  readonly presence: Readonly<PresenceCounters>
  readonly queries: QueryCounters
  readonly orders: OrderCounters & { readonly open: number }
  readonly hostsRefused: number
  readonly hostWriteFailures: number
  readonly hosts: readonly HostView[]
  readonly window: WindowStats
  readonly subscriptions: readonly SubscriptionView[]
  readonly rules: RuleCounters
  readonly aggregate: AggregateCounters
  readonly instances: InstancesSource
  readonly blobs: BlobsSource
  readonly events: EventCounters & EventServiceCounters & { readonly kept: number }
  readonly http: Readonly<HttpCounters>
  /** Of buses that count. */
  readonly bus: BusCounters | undefined
  /** Of the broker, where it is in our own process. */
  readonly broker: EmbeddedBrokerCounters | undefined
  readonly rssBytes: number
  readonly uptimeSeconds: number
}

export function ownFamilies(sources: OwnSources): MetricFamily[] {
  const { bus } = sources
  return [
    info('build', 'The running version.', { version }),
    gauge('uptime_seconds', 'seconds', 'Time since the start.', sources.uptimeSeconds),
    gauge('memory_rss_bytes', 'bytes', 'Resident memory of the process.', sources.rssBytes),
    ...ingestFamilies(sources.ingest),
    ...hostFamilies(sources),
    ...windowFamilies(sources.window),
    ...queryFamilies(sources.queries),
    ...orderFamilies(sources.orders),
    ...subscriptionFamilies(sources.subscriptions),
    ...aggregateFamilies(sources.aggregate),
    ...instanceFamilies(sources.instances),
    ...blobFamilies(sources.blobs),
    ...ruleFamilies(sources.rules),
    ...eventFamilies(sources.events),
    labelled('counter', 'http_requests', 'HTTP requests by outcome.', 'outcome', httpOutcomes(sources.http)),
    counter(
      'http_connections_dropped',
      'HTTP connections closed at once because there were too many.',
      sources.http.connectionsDropped,
    ),
    ...(bus
      ? [
          labelled(
            'counter',
            'bus_messages',
            'Messages of our bus by what became of them.',
            'outcome',
            busOutcomes(bus),
          ),
        ]
      : []),
    ...(bus ? [counter('bus_connections', 'Times the bus came up.', bus.connections)] : []),
    ...(sources.broker ? brokerFamilies(sources.broker) : []),
  ]
}

function ingestFamilies(ingest: Readonly<IngestCounters>): MetricFamily[] {
  return [
    counter('ingest_samples', 'Samples handed to the window.', ingest.samples),
    counter('ingest_duplicate_samples', 'Samples of ranges seen before.', ingest.duplicates),
    labelled('counter', 'ingest_messages', 'Messages of samples by kind and fate.', 'kind', {
      batch: ingest.batches,
      dictionary: ingest.dictionaries,
      undecodable: ingest.undecodable,
      no_agent: ingest.noAgent,
      unknown_series: ingest.unknownSeries,
      hosts_limit: ingest.hostsLimit,
    }),
    labelled('counter', 'ingest_dropped_samples', 'Samples acknowledged and not kept, by reason.', 'reason', {
      series_limit: ingest.droppedSeriesLimit,
      name: ingest.droppedName,
    }),
    labelled('counter', 'ingest_acks', 'Acknowledgements by fate.', 'outcome', {
      sent: ingest.acks,
      unsent: ingest.acksUnsent,
    }),
    labelled('counter', 'ingest_forgotten', 'State given up at its bound.', 'what', {
      ranges: ingest.rangesForgotten,
      stores: ingest.storesForgotten,
    }),
    counter('ingest_persist_failures', 'Writes of acknowledged ranges that failed.', ingest.persistFailures),
    gauge('ingest_hosts', undefined, 'Hosts with ingest state.', ingest.hosts),
    gauge('ingest_open_series', undefined, 'Series names known, all hosts.', ingest.openSeries),
  ]
}

function hostFamilies({ hosts, presence, hostsRefused, hostWriteFailures }: OwnSources): MetricFamily[] {
  return [
    labelled('gauge', 'hosts', 'Hosts by state.', 'state', countStates(hosts)),
    labelled('counter', 'presence_messages', 'Presence messages by kind.', 'kind', {
      birth: presence.births,
      heartbeat: presence.heartbeats,
      death: presence.deaths,
      malformed: presence.malformed,
      hosts_limit: hostsRefused,
      birth_asked: presence.birthsAsked,
      death_told: presence.deathsTold,
    }),
    counter('presence_persist_failures', 'Writes of hosts that failed.', hostWriteFailures),
  ]
}

function windowFamilies(window: WindowStats): MetricFamily[] {
  return [
    gauge('window_series', undefined, 'Series with recent samples.', window.series),
    gauge('window_samples', undefined, 'Samples in the window.', window.samples),
    gauge('window_bytes', 'bytes', 'Memory of the window’s columns.', window.bytes),
    labelled(
      'counter',
      'window_dropped_samples',
      'Samples that left the window or did not enter it, by reason.',
      'reason',
      window.dropped,
    ),
  ]
}

function queryFamilies(queries: QueryCounters): MetricFamily[] {
  return [
    counter('query_questions', 'Questions to the stores of agents.', queries.questions),
    labelled('counter', 'query_hosts', 'Hosts asked, by outcome.', 'outcome', {
      answered: queries.answered,
      unanswered: queries.unanswered,
    }),
    counter('query_answers_invalid', 'Answers of agents that were not what was asked for.', queries.invalid),
    counter('query_pages', 'Pages of answers.', queries.pages),
    counter('query_page_bytes', 'Bytes of these pages.', queries.bytes),
  ]
}

/** Sums over all subscriptions: which of them it was is said by `/api/v1/subscriptions`. */
function subscriptionFamilies(subscriptions: readonly SubscriptionView[]): MetricFamily[] {
  const sum = (of: (one: SubscriptionView) => number): number =>
    subscriptions.reduce((total, one) => total + of(one), 0)
  const inState = (state: string): number => subscriptions.filter(({ health }) => health.state === state).length
  return [
    labelled('gauge', 'subscriptions', 'Subscriptions by state.', 'state', {
      idle: inState('idle'),
      delivering: inState('delivering'),
      failing: inState('failing'),
    }),
    gauge(
      'subscription_queued_readings',
      undefined,
      'Readings waiting for their sinks.',
      sum(({ queued }) => queued),
    ),
    labelled('gauge', 'subscription_readings', 'Readings of the subscriptions there are, by fate.', 'fate', {
      delivered: sum(({ counters }) => counters.delivered),
      unsendable: sum(({ counters }) => counters.unsendable),
      refused: sum(({ counters }) => counters.refused),
      dropped: sum(({ counters }) => counters.dropped),
      series_limit: sum(({ counters }) => counters.seriesLimit),
    }),
    labelled('gauge', 'subscription_deliveries', 'Batches handed to sinks by outcome.', 'outcome', {
      taken: sum(({ counters }) => counters.attempts - counters.failures),
      failed: sum(({ counters }) => counters.failures),
    }),
  ]
}

function ruleFamilies(rules: RuleCounters): MetricFamily[] {
  return [
    counter('rule_rounds', 'Windows of applications judged.', rules.rounds),
    counter('rule_rounds_late', 'Those judged without all their results.', rules.late),
    counter('rule_decisions', 'Rules judged.', rules.decisions),
    labelled('counter', 'rule_actions', 'Decisions that were to change something, by outcome.', 'outcome', {
      scaled: rules.scaled,
      raised: rules.raised,
      not_done: rules.notDone,
    }),
    counter('rule_write_failures', 'Writes of what is remembered of rules that failed.', rules.writeFailures),
  ]
}

function eventFamilies(events: OwnSources['events']): MetricFamily[] {
  return [
    gauge('events_kept', undefined, 'Events that can be asked for.', events.kept),
    counter('events_appended', 'Events kept since the start.', events.appended),
    labelled('counter', 'events_dropped', 'Events not kept, or no longer, by reason.', 'reason', {
      repeated: events.repeated,
      count: events.droppedByCount,
      bytes: events.droppedByBytes,
      age: events.droppedByAge,
      malformed: events.malformed,
      too_many: events.tooMany,
    }),
    counter('event_write_failures', 'Writes of events that failed.', events.writeFailures),
    counter('events_not_published', 'Own events that the bus did not take.', events.notPublished),
  ]
}

function orderFamilies(orders: OwnSources['orders']): MetricFamily[] {
  return [
    gauge('orders_open', undefined, 'Orders that are not over.', orders.open),
    counter('orders_issued', 'Orders issued.', orders.issued),
    counter('orders_sent', 'Copies of orders sent, the first ones included.', orders.sent),
    labelled('counter', 'orders_settled', 'Orders that ended, by state.', 'state', orders.settled),
    labelled('counter', 'order_reports', 'What agents said of orders, by what it was.', 'kind', {
      taken: orders.reports - orders.strange - orders.conflicts,
      strange: orders.strange,
      conflict: orders.conflicts,
    }),
  ]
}

function brokerFamilies(broker: EmbeddedBrokerCounters): MetricFamily[] {
  return [
    counter('broker_logins', 'Clients that our broker let in.', broker.logins),
    labelled('counter', 'broker_refused', 'What our broker refused, by kind.', 'what', {
      login: broker.loginsRefused,
      publish: broker.publishesRefused,
      subscribe: broker.subscriptionsRefused,
    }),
    labelled('counter', 'broker_cut', 'Connections that our broker cut, by reason.', 'reason', {
      over_cap: broker.cutOverCap,
      too_large: broker.cutTooLarge,
      too_slow: broker.cutTooSlow,
    }),
  ]
}

function httpOutcomes({ requests, refused, unauthorized, failed }: Readonly<HttpCounters>): Record<string, number> {
  return { answered: requests - refused - unauthorized - failed, refused, unauthorized, failed }
}

function busOutcomes(bus: BusCounters): Record<string, number> {
  return {
    published: bus.published,
    received: bus.received,
    malformed: bus.malformed,
    refused: bus.refused,
    not_sent: bus.notSent,
    refused_by_broker: bus.refusedByBroker,
    handler_error: bus.handlerErrors,
  }
}
