/**
 * The composition root: builds the parts in the order samples flow through them, closes them in reverse. Start reading here.
 */
import { loadavg } from 'node:os'
import type { Bus } from '#broker/bus.ts'
import { openBus } from '#broker/open-bus.ts'
import { LanistaError } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { LeaveReport } from '#protocol/messages/leave.ts'
import { leftReason } from '#protocol/messages/presence.ts'
import { nextSession } from '#protocol/presence/session.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { Closer } from '#protocol/runtime/closer.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { version } from '#protocol/runtime/version.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { Collector } from '#sensors/collector.ts'
import { instanceSensor } from '#sensors/instance.ts'
import { readInventory } from '#sensors/inventory.ts'
import { Aggregate } from './aggregate/aggregate.ts'
import { CloudMonitors } from './aggregate/cloud-monitors.ts'
import { BlobFetcher } from './blobs/blob-fetcher.ts'
import { type AgentConfig, uplinkOf } from './config.ts'
import { type Identity, keepSession, openIdentity, takeSession } from './identity.ts'
import { CarbonServer } from './intake/carbon/carbon-server.ts'
import { Intake } from './intake/intake.ts'
import { recordReadings } from './intake/readings.ts'
import type { Lance } from './lance/lance.ts'
import { openLance } from './lance/open-lance.ts'
import { openOrders } from './orders/open-orders.ts'
import type { OrderService } from './orders/order-service.ts'
import { OrderedSensors } from './orders/ordered-sensors.ts'
import { pingHandler } from './orders/ping-handler.ts'
import { refuseOrders } from './orders/refuse-orders.ts'
import { Herald } from './presence/herald.ts'
import { LeaveDesk } from './presence/leave-desk.ts'
import { LeaveFile } from './presence/leave-file.ts'
import { Publisher } from './publish/publisher.ts'
import { QueryService } from './query/query-service.ts'
import { RecordDesk } from './record/record-desk.ts'
import { openRing } from './ring/open-ring.ts'
import type { RingSettings } from './ring/ring-options.ts'
import { StandingRing } from './ring/standing-ring.ts'
import { type SelfSources, selfSensor } from './self-sensor.ts'
import { type SensorSettings, sensorList } from './sensor-list.ts'
import { openStore } from './store/open-store.ts'
import { localShareOf } from './store/options.ts'
import type { HistoryStore, Store } from './store/store.ts'
import { openUpgrade, resumedVerbs } from './upgrade/open-upgrade.ts'
import { noLauncher, type restartReason, type UpgradeOptions } from './upgrade/upgrade-handler.ts'
import { Uplink } from './uplink/uplink.ts'

export interface AgentDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Of the launcher that started us; without one no order upgrades this agent. */
  readonly upgrade?: UpgradeOptions | undefined
}

export interface Agent extends AsyncDisposable {
  readonly address: Address
  /** `host:port` of the carbon port, once it listens. */
  readonly carbon: string | undefined
  readonly store: Store
  /** Samples committed and not acknowledged by the controller. */
  readonly lag: number
  /** Resolves when this host was asked to leave for good and is done with it: `drain` then. Never rejects. */
  readonly departed: Promise<LeaveReport>
  /** Resolves when another bundle is to be started in its place: `drain` then. Never rejects. */
  readonly restartAsked: Promise<typeof restartReason>
  /** For `systemctl status`. */
  statusLine(): string
  /**
   * Reads the sensors of this configuration from now on; those that stay the same go on undisturbed. All or nothing.
   * @throws LanistaError SENSOR_UNKNOWN, SENSOR_PARAMETERS, SENSOR_DUPLICATE
   */
  configureSensors(config: SensorSettings): void
  /** Resolves when every sensor has been read once and, where there is a broker, all of it is acknowledged; rejects with the signal's reason. */
  cycled(signal: AbortSignal): Promise<void>
  /** Finishes first: takes nothing more in, commits, sends what it can until the signal, says goodbye, closes. */
  drain(signal: AbortSignal): Promise<void>
  /** Now: what is accepted is committed, the rest stays in the store for the next start. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts an agent. It measures and takes lines at once; the broker may come later, or never.
 * @throws LanistaError DATA_DIR_UNWRITABLE, IDENTITY_INVALID, IDENTITY_OTHER, STORE_LOCKED, PORT_IN_USE, SENSOR_PARAMETERS
 */
export async function startAgent(config: AgentConfig, deps: AgentDeps): Promise<Agent> {
  const closer = new Closer()
  try {
    return await compose(config, deps, closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function compose(config: AgentConfig, deps: AgentDeps, closer: Closer): Promise<Agent> {
  const { clock, logger } = deps
  const address: Address = { tenant: config.tenant, cloud: config.cloud, host: config.host }
  const identity = await openIdentity(config.data, address)
  const part = (component: string): { clock: Clock; logger: Logger } => ({ clock, logger: logger.child({ component }) })

  const store = closer.use('store', await openStore(storeOptions(config), part('store')))
  const intake = new Intake({ ...config.seriesBudget, seriesMax: config.seriesMax }, { store, ...part('intake') })
  const aggregate = closer.use(
    'aggregate',
    new Aggregate({ address, data: config.data }, { store, intake, ...part('aggregate') }),
  )
  const carbon = config.carbon
    ? closer.use('carbon', await CarbonServer.open(config.carbon, { ...part('carbon'), sink: intake }))
    : undefined
  const carbonAddress = carbon && config.carbon && formatHostPort(config.carbon.host, carbon.port)

  const link =
    config.broker.length > 0
      ? await openLink(config, deps, closer, {
          identity,
          store,
          intake,
          aggregate,
          carbon: carbonAddress,
          stopIntake: () => stopIntake(),
        })
      : undefined
  aggregate.start()

  const sources: SelfSources = {
    intake,
    store,
    aggregate: aggregate.counts,
    carbon: () => carbon?.counters(),
    link: () =>
      link && {
        uplink: link.uplink.counters,
        lag: link.uplink.lag,
        publisher: link.publisher.counters,
        query: link.query.counters,
        ring: link.rings.current.counters,
        orders: { open: link.orderCounts.open, ...link.orderCounts.counters },
        instances: link.lance?.counters,
      },
  }
  const collector = closer.use(
    'sensors',
    new Collector(
      { allow: config.allow },
      { ...part('sensors'), onReadings: (_, timestampMs, readings) => recordReadings(intake, timestampMs, readings) },
    ),
  )
  const lance = link?.lance
  const own = [selfSensor(sources), ...(lance ? [instanceSensor(() => lance.running())] : [])]
  const sensors = new OrderedSensors(
    { data: config.data, base: config },
    {
      configure: (settings) => collector.configure(sensorList(settings, ...own)),
      logger: part('sensors').logger,
    },
  )
  lance?.start()
  const upgrade =
    link && openUpgrade(address, deps.upgrade ?? noLauncher, { ...link, store, logger: part('upgrade').logger })
  const handlers = [lance?.handler, upgrade?.handler].flatMap((handler) => handler ?? [])
  link?.orders?.start([pingHandler(), sensors.handler, ...handlers])
  const stopIntake = async (): Promise<void> => {
    await carbon?.close()
    await collector.close()
  }
  closer.use('leave', new LeaveFile(config.data, link?.leaveDesk ?? lonely, part('presence')))

  return {
    address,
    carbon: carbonAddress,
    store,
    get lag() {
      return link?.uplink.lag ?? 0
    },
    departed: link?.leaveDesk.outcome ?? new Promise(() => {}),
    restartAsked: upgrade?.restartAsked ?? new Promise(() => {}),
    statusLine: () =>
      `${store.seriesCount} series, ${intake.accepted} samples, ${link?.uplink.lag ?? 0} to send, broker ${link?.bus.state ?? 'none'}`,
    configureSensors: (settings) => sensors.rebase(settings),
    cycled: async (signal) => {
      await collector.firstRound(signal)
      await store.commit()
      if (!link) return
      await link.bus.up(signal)
      await allAcknowledged(link.uplink, clock, signal)
    },
    drain: async (signal) => {
      await stopIntake()
      await store.commit()
      // what cannot be sent now stays in the store
      if (link?.bus.state === 'up') await allAcknowledged(link.uplink, clock, signal).catch(() => {})
      await closer.close()
    },
    close: () => closer.close(),
    [Symbol.asyncDispose]: () => closer.close(),
  }
}

interface Link {
  readonly bus: Bus
  readonly blobs: BlobFetcher
  readonly uplink: Uplink
  readonly publisher: Publisher
  readonly query: QueryService
  readonly rings: StandingRing
  readonly leaveDesk: LeaveDesk
  /** Absent where no controller's orders are taken. */
  readonly orders: OrderService | undefined
  readonly orderCounts: Pick<OrderService, 'open' | 'counters'>
  /** Absent where no instances are run. */
  readonly lance: Lance | undefined
}

interface LinkParts {
  readonly identity: Identity
  readonly store: HistoryStore
  readonly intake: Intake
  readonly aggregate: Aggregate
  readonly carbon: string | undefined
  /** Takes nothing more in. */
  readonly stopIntake: () => Promise<void>
}

/** Everything that needs the broker. */
async function openLink(config: AgentConfig, deps: AgentDeps, closer: Closer, parts: LinkParts): Promise<Link> {
  const { clock, logger } = deps
  const { identity, store, intake, aggregate } = parts
  const { address } = identity
  const startedAtMs = clock.now()
  let session = takeSession(config.data, startedAtMs)
  const take = (next: number): void => {
    session = next
    keepSession(config.data, next)
  }

  const bus = openBus(
    {
      url: config.broker,
      role: { kind: 'agent', address },
      credential: { kind: 'nkey', seed: identity.seed, session: () => session },
      name: `${hostIdOf(address)}/${version}`,
      will: () => ({
        subject: buildSubject(address, 'death'),
        body: encodeJson({ session, reason: 'connection lost' }),
      }),
      service: { version, description: 'lanista agent' },
    },
    { clock, logger: logger.child({ component: 'bus' }) },
  )
  // the goodbye of `presence` is on its way when this runs: drain flushes it, and closes even when it cannot
  closer.defer('bus', () => bus.drain(AbortSignal.timeout(2000)).catch(() => {}))

  const publisher = closer.use('publisher', new Publisher({ address, publish: config.publish }, { bus, store, clock }))
  intake.listen((seriesId, timestampMs, value) => publisher.note(seriesId, timestampMs, value))
  const uplink = closer.use(
    'uplink',
    new Uplink(
      { address, uplink: uplinkOf(config) },
      { bus, store, clock, logger: logger.child({ component: 'uplink' }) },
    ),
  )
  const recordLogger = logger.child({ component: 'record' })
  closer.use('record', new RecordDesk({ address }, { bus, intake, store, logger: recordLogger }))
  const blobs = closer.use(
    'blobs',
    new BlobFetcher({ address }, { bus, clock, logger: logger.child({ component: 'blobs' }) }),
  )
  const lance =
    config.orders && config.instances
      ? closer.use(
          'lance',
          await openLance(
            { address, config: config.instances, data: config.data },
            {
              bus,
              clock,
              logger: logger.child({ component: 'lance' }),
              session: () => session,
              sink: intake,
              blobs,
              onSeen: (instance) => aggregate.instanceSeen(instance),
            },
          ),
        )
      : undefined
  const orders = config.orders
    ? closer.use(
        'orders',
        await openOrders(
          { address, config: config.orders, folder: `${config.data}/orders`, resumes: resumedVerbs },
          { bus, clock, logger: logger.child({ component: 'orders' }) },
        ),
      )
    : undefined
  const orderCounts = orders ?? closer.use('orders', refuseOrders(address, bus))
  const herald = new Herald(
    { address, heartbeatIntervalMs: config.heartbeatIntervalMs },
    {
      bus,
      clock,
      logger: logger.child({ component: 'presence' }),
      session: () => session,
      renewSession: take,
      birth: () => ({
        version,
        pid: process.pid,
        ...(parts.carbon ? { carbon: parts.carbon } : {}),
        labels: config.labels,
        inventory: readInventory(),
        storeId: store.storeId,
        ...(orders ? { journal: orders.journal } : {}),
        startedAtMs,
      }),
      heartbeat: () => ({
        load: loadavg()[0] ?? 0,
        lagSamples: uplink.lag,
        dropped: droppedOf(store),
        storeFault: store.stats().fault,
        generation: aggregate.generation,
      }),
    },
  )
  closer.defer('presence', () => herald.close(leaveDesk.hasLeft ? leftReason : 'stopped'))
  // also where nothing is to be copied: the journal waits for the ring to let go of what it need not keep
  const ringLogger = logger.child({ component: 'ring' })
  const renewSession = (above: number): void => {
    take(nextSession(above, clock.now()))
    herald.announce()
  }
  const rings = closer.use(
    'ring',
    await StandingRing.open({
      open: () =>
        openRing(
          { address, settings: ringSettings(config, store), storeFolder: storeOptions(config).folder },
          { bus, store, clock, logger: ringLogger, session: () => session, renewSession },
        ),
      renewSession: () => renewSession(session),
      clock,
      logger: ringLogger,
    }),
  )
  closer.use(
    'monitors',
    new CloudMonitors(
      { address, data: config.data },
      {
        aggregate,
        bus,
        store,
        clock,
        logger: logger.child({ component: 'aggregate' }),
        session: () => session,
        view: () => rings.current.view,
        copiesOf: (host) => rings.current.historyOf(host),
        selectUplink: (selectors) => uplink.select(selectors),
      },
    ),
  )
  const query = closer.use(
    'query',
    new QueryService(
      { address },
      {
        bus,
        store,
        clock,
        logger: logger.child({ component: 'query' }),
        copiesOf: (host) => rings.current.historyOf(host),
        heldSamples: () => rings.current.heldSamples,
      },
    ),
  )
  const leaveDesk = closer.use(
    'leave',
    new LeaveDesk(
      { address },
      {
        bus,
        clock,
        logger: logger.child({ component: 'presence' }),
        departure: {
          get hasHeirs() {
            return rings.current.hasHeirs
          },
          get toHandOver() {
            return rings.current.toHandOver
          },
          handOver: async (signal) => {
            await parts.stopIntake()
            await rings.current.leave(signal)
          },
        },
      },
    ),
  )
  return { bus, blobs, uplink, publisher, query, rings, leaveDesk, orders, orderCounts, lance }
}

/** Without a broker there is nobody who has copies. */
const lonely: Pick<LeaveDesk, 'ask'> = {
  ask: () =>
    Promise.reject(new LanistaError('LEAVE_REFUSED', 'just stop this agent: it has no broker, so nobody has copies')),
}

/** Resolves when everything committed is acknowledged; rejects with the signal's reason. */
async function allAcknowledged(uplink: Uplink, clock: Clock, signal: AbortSignal): Promise<void> {
  while (uplink.lag > 0) await clock.sleep(20, signal)
}

/** A host's failure domain is its label `zone`. */
function ringSettings({ ring, labels, heartbeatIntervalMs }: AgentConfig, store: HistoryStore): RingSettings {
  return { ...ring, zone: labels['zone'] ?? '', heartbeatIntervalMs, bytesMax: store.sharedBytesMax }
}

function storeOptions(config: AgentConfig): Parameters<typeof openStore>[0] {
  const { store, ring } = config
  return { folder: `${config.data}/store`, ...store, localShare: store.localShare ?? localShareOf(ring.copies) }
}

function droppedOf(store: Store): number {
  return Object.values(store.stats().dropped).reduce((sum, count) => sum + count, 0)
}
