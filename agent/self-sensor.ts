/** What the agent counts about itself, as a sensor among the others, so that every bound and every drop is a metric. */
import type { MetricDescription, OpenSensor, Reading, Sensor } from '#sensors/sensor.ts'
import { aggregateMetrics, aggregateReadings } from './aggregate/aggregate-readings.ts'
import type { AggregateCounts } from './aggregate/counts.ts'
import type { CarbonCounters } from './intake/carbon/carbon-server.ts'
import type { Intake } from './intake/intake.ts'
import type { LanceCounters } from './lance/lance.ts'
import type { JournalCounters } from './orders/journal-events.ts'
import type { PublisherCounters } from './publish/publisher.ts'
import type { QueryCounters } from './query/query-service.ts'
import type { RingCounters } from './ring/ring-counters.ts'
import type { Store } from './store/store.ts'
import type { UplinkCounters } from './uplink/uplink.ts'

export interface SelfSources {
  readonly intake: Pick<Intake, 'accepted' | 'refusedSeries' | 'topTalkers'>
  readonly store: Pick<Store, 'seriesCount' | 'stats'>
  readonly aggregate: AggregateCounts
  readonly carbon: () => Promise<CarbonCounters> | undefined
  readonly link: () =>
    | {
        readonly uplink: UplinkCounters
        readonly lag: number
        readonly publisher: PublisherCounters
        readonly query: QueryCounters
        readonly ring: RingCounters
        readonly orders: JournalCounters & { readonly open: number }
        /** Undefined where no instances are run. */
        readonly instances: LanceCounters | undefined
      }
    | undefined
}

const described: readonly (readonly [
  name: string,
  unit: string,
  kind: 'gauge' | 'counter',
  meaning: string,
  tag?: string,
])[] = [
  ['agent.intake.accepted', 'samples', 'counter', 'samples taken from sensors and clients'],
  ['agent.series.by_prefix', 'count', 'gauge', 'series of the ten prefixes that have most', 'prefix'],
  ['agent.series.by_client', 'count', 'counter', 'series made by the ten clients that made most', 'client'],
  ['agent.series.refused', 'count', 'counter', 'times a new series was refused because a budget was used up', 'budget'],
  ['agent.series.refused_client', 'count', 'counter', 'the same by client, of these ten', 'client'],
  ['agent.store.hash_collisions', 'count', 'counter', 'times a new series was refused: another name has its hash'],
  ['agent.store.series', 'count', 'gauge', 'series in the store'],
  ['agent.store.bytes', 'bytes', 'gauge', 'bytes of the store on disk'],
  ['agent.store.dropped', 'samples', 'counter', 'samples accepted and not kept', 'reason'],
  ['agent.carbon.accepted', 'samples', 'counter', 'lines and points taken by the carbon port'],
  ['agent.carbon.rejected', 'lines', 'counter', 'lines and points refused by the carbon port', 'reason'],
  ['agent.carbon.connections', 'count', 'gauge', 'open connections'],
  ['agent.carbon.kernel_drops', 'datagrams', 'counter', 'datagrams the kernel dropped for the carbon port'],
  ['agent.uplink.lag', 'samples', 'gauge', 'samples committed and not acknowledged by the controller'],
  ['agent.uplink.bytes', 'bytes', 'counter', 'bytes of samples sent'],
  ['agent.uplink.resent', 'batches', 'counter', 'batches sent again'],
  ['agent.publish.published', 'messages', 'counter', 'metric messages to operators'],
  ['agent.query.answered', 'messages', 'counter', 'pages of queries and reports answered'],
  ['agent.query.bytes', 'bytes', 'counter', 'bytes of these answers'],
  ['agent.query.refused', 'messages', 'counter', 'queries not answered', 'reason'],
  ['agent.publish.skipped', 'messages', 'counter', 'metric messages not sent', 'reason'],
  ['agent.ring.members', 'count', 'gauge', 'living members of the ring, this host included'],
  [
    'agent.ring.degree',
    'count',
    'gauge',
    'copies of this host that are complete but for the last minute, its own included',
  ],
  ['agent.ring.lag_samples', 'samples', 'gauge', 'samples that the holder furthest behind lacks'],
  ['agent.ring.lag', 'seconds', 'gauge', 'how long that holder has lacked some'],
  ['agent.ring.held_owners', 'count', 'gauge', 'hosts whose samples are held here'],
  ['agent.ring.held_bytes', 'bytes', 'gauge', 'bytes of their samples'],
  ['agent.ring.bytes_out', 'bytes', 'counter', 'bytes of samples sent to holders'],
  ['agent.ring.bytes_in', 'bytes', 'counter', 'bytes of samples taken from owners and holders'],
  ['agent.ring.repaired_bytes', 'bytes', 'counter', 'bytes fetched to mend copies'],
  ['agent.ring.refused', 'messages', 'counter', 'messages of peers not taken', 'reason'],
  ['agent.orders.open', 'count', 'gauge', 'orders received and not over'],
  ['agent.orders.received', 'messages', 'counter', 'orders of the controller that were heard, repeated ones included'],
  ['agent.orders.started', 'count', 'counter', 'orders given to their handler'],
  ['agent.orders.refused', 'messages', 'counter', 'orders not taken, and messages that were none', 'reason'],
  ['agent.orders.forgotten', 'count', 'counter', 'ends removed that no controller ever acknowledged'],
  ['agent.instances.known', 'count', 'gauge', 'instances ordered on this host and not removed'],
  ['agent.instances.running', 'count', 'gauge', 'those that run'],
  ['agent.instances.refused', 'count', 'counter', 'orders about instances that could not be carried out'],
  ['agent.instances.reaped', 'count', 'counter', 'instances removed because nobody knew of them'],
  ['agent.ring.damaged', 'count', 'counter', 'held rows put aside because they could not be read'],
]

/** Prefixes, and clients, that are named at a time, and both together from one start to the next. */
const talkersMax = 10
const namedMax = 100

const units = new Map(described.map(([name, unit]) => [name, unit]))

/** The sensor `self`. Counters that are still zero and carry a reason are left out. */
export function selfSensor(sources: SelfSources): Sensor<null> {
  return {
    name: 'self',
    metrics: [
      ...described.map(
        ([name, unit, kind, meaning, tag]): MetricDescription => ({
          name,
          unit,
          kind,
          meaning,
          tags: tag ? [tag] : [],
        }),
      ),
      ...aggregateMetrics,
    ],
    privileges: 'none',
    parse: () => null,
    open: (): OpenSensor => {
      const named = new Set<string>()
      return { read: () => readSelf(sources, named), close: () => {} }
    },
  }
}

async function readSelf(
  { intake, store, aggregate, carbon, link }: SelfSources,
  named: Set<string>,
): Promise<Reading[]> {
  const { bytes, dropped, collisions } = store.stats()
  return [
    reading('agent.intake.accepted', intake.accepted),
    ...talkerReadings(intake, named),
    reading('agent.store.series', store.seriesCount),
    reading('agent.store.bytes', bytes),
    ...byReason('agent.store.dropped', dropped),
    ...(collisions > 0 ? [reading('agent.store.hash_collisions', collisions)] : []),
    ...carbonReadings(await carbon()),
    ...aggregateReadings(aggregate),
    ...linkReadings(link()),
  ]
}

function carbonReadings(counters: CarbonCounters | undefined): Reading[] {
  if (!counters) return []
  const drops = counters.udpKernelDrops
  return [
    reading('agent.carbon.accepted', counters.accepted),
    ...byReason('agent.carbon.rejected', counters.rejected),
    reading('agent.carbon.connections', counters.tcp.open + (counters.pickle?.open ?? 0)),
    ...(drops === undefined ? [] : [reading('agent.carbon.kernel_drops', drops)]),
  ]
}

function linkReadings(link: ReturnType<SelfSources['link']>): Reading[] {
  if (!link) return []
  return [
    reading('agent.uplink.lag', link.lag),
    reading('agent.uplink.bytes', link.uplink.bytes),
    reading('agent.uplink.resent', link.uplink.resent),
    reading('agent.publish.published', link.publisher.published),
    reading('agent.query.answered', link.query.answered),
    reading('agent.query.bytes', link.query.bytes),
    ...byReason('agent.query.refused', { refused: link.query.refused, unsent: link.query.unsent }),
    ...byReason('agent.publish.skipped', { not_up: link.publisher.notUp, unnameable: link.publisher.unnameable }),
    ...ringReadings(link.ring),
    ...orderReadings(link.orders),
    ...instanceReadings(link.instances),
  ]
}

/** The top talkers. Whoever has been among them keeps a series, so their number is bounded: later ones go unnamed. */
function talkerReadings(intake: SelfSources['intake'], named: Set<string>): Reading[] {
  const { prefixes, clients } = intake.topTalkers(talkersMax)
  const isNamed = (key: string): boolean => named.has(key) || (named.size < namedMax && named.add(key).size > 0)
  const tagged = (name: string, value: number, tags: Record<string, string>): Reading => ({
    ...reading(name, value),
    tags,
  })
  // a tag's value never begins with ~
  const valueOf = (name: string): string => name.replace(/^~/, '_')
  return [
    ...prefixes
      .filter(({ name }) => isNamed(`prefix ${name}`))
      .map(({ name, series }) => tagged('agent.series.by_prefix', series, { prefix: valueOf(name) })),
    ...clients
      .filter(({ name }) => isNamed(`client ${name}`))
      .flatMap(({ name, series, refused }) => [
        tagged('agent.series.by_client', series, { client: valueOf(name) }),
        ...(refused > 0 ? [tagged('agent.series.refused_client', refused, { client: valueOf(name) })] : []),
      ]),
    ...Object.entries(intake.refusedSeries)
      .filter(([, count]) => count > 0)
      .map(([budget, count]) => tagged('agent.series.refused', count, { budget })),
  ]
}

function ringReadings(ring: RingCounters): Reading[] {
  return [
    reading('agent.ring.members', ring.members),
    reading('agent.ring.degree', ring.degree),
    reading('agent.ring.lag_samples', ring.lagSamples),
    reading('agent.ring.lag', ring.lagSeconds),
    reading('agent.ring.held_owners', ring.heldOwners),
    reading('agent.ring.held_bytes', ring.heldBytes),
    reading('agent.ring.bytes_out', ring.bytesOut),
    reading('agent.ring.bytes_in', ring.bytesIn),
    reading('agent.ring.repaired_bytes', ring.repairedBytes),
    ...byReason('agent.ring.refused', { ...ring.refused }),
    reading('agent.ring.damaged', ring.damaged),
  ]
}

function orderReadings(orders: NonNullable<ReturnType<SelfSources['link']>>['orders']): Reading[] {
  return [
    reading('agent.orders.open', orders.open),
    reading('agent.orders.received', orders.received),
    reading('agent.orders.started', orders.started),
    ...byReason('agent.orders.refused', orders.refused),
    ...(orders.forgotten > 0 ? [reading('agent.orders.forgotten', orders.forgotten)] : []),
  ]
}

function instanceReadings(instances: LanceCounters | undefined): Reading[] {
  if (!instances) return []
  return [
    reading('agent.instances.known', instances.known),
    reading('agent.instances.running', instances.running),
    reading('agent.instances.refused', instances.refused),
    reading('agent.instances.reaped', instances.reaped),
  ]
}

function byReason(name: string, counts: Readonly<Record<string, number>>): Reading[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => ({ ...reading(name, count), tags: { reason } }))
}

function reading(name: string, value: number): Reading {
  return { name, value, unit: units.get(name) }
}
