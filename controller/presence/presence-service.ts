/**
 * The shell of presence: hears births, heartbeats and deaths, lets `#protocol/presence/presence.ts` decide, asks for births,
 * tells deaths, and keeps the hosts in the registry so that a controller that starts again still lists those that are gone.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { parseBirth, parseDeath, parseHeartbeat } from '#protocol/messages/presence.ts'
import {
  type HostPresence,
  initialPresence,
  isGone,
  type PresenceAction,
  type PresenceEvent,
  type PresenceState,
  step,
} from '#protocol/presence/presence.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import {
  type Address,
  buildSubject,
  controllerHost,
  homeCloud,
  hostIdOf,
  isAgentAddress,
  parseHostId,
  parseSubject,
} from '#protocol/subjects/subject.ts'
import { type HostRecord, type HostRow, newHostRecord } from './host-record.ts'
import { HostRows } from './host-rows.ts'

export interface PresenceServiceOptions {
  /** How often agents are told to beat, ms. */
  readonly heartbeatIntervalMs: number
  readonly hostsMax: number
  /** An offline host is forgotten this long after it was last heard, ms. */
  readonly hostRetentionMs: number
  /** The controller's own session number. */
  readonly session: number
  /** Tenants that hear the controller's state from the start; others when their first host is born. */
  readonly tenants: readonly string[]
}

export interface PresenceServiceDeps {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
}

export interface PresenceCounters {
  births: number
  heartbeats: number
  deaths: number
  /** Bodies that are none of the three. */
  malformed: number
  birthsAsked: number
  deathsTold: number
}

/** A host as the presence core and its own words describe it. */
export interface KnownHost {
  readonly record: HostRecord
  readonly presence: HostPresence
}

/** Agents that connected meanwhile hear our state at their birth; this is for those who missed that. */
const stateIntervalMs = 30_000
const forgetIntervalMs = 60_000

export class PresenceService {
  readonly counters: Readonly<PresenceCounters>
  readonly #options: PresenceServiceOptions
  readonly #deps: PresenceServiceDeps
  readonly #counters: PresenceCounters = {
    births: 0,
    heartbeats: 0,
    deaths: 0,
    malformed: 0,
    birthsAsked: 0,
    deathsTold: 0,
  }
  readonly #records = new Map<string, HostRecord>()
  readonly #tenants: Set<string>
  readonly #rows: HostRows
  readonly #logged: OnceAMinute
  readonly #stops: (() => void)[] = []
  readonly #stop = new AbortController()
  #following: Promise<void> | undefined
  #state: PresenceState
  #ids = 0

  private constructor(options: PresenceServiceOptions, deps: PresenceServiceDeps) {
    this.#options = options
    this.#deps = deps
    this.counters = this.#counters
    this.#tenants = new Set(options.tenants)
    this.#logged = new OnceAMinute(deps.clock)
    this.#state = initialPresence(options)
    this.#rows = new HostRows({ ...deps, rowOf: (id) => this.#rowOf(id) })
  }

  /** Reads the hosts known from before, then listens. */
  static async open(options: PresenceServiceOptions, deps: PresenceServiceDeps): Promise<PresenceService> {
    const service = new PresenceService(options, deps)
    for await (const [id, row] of service.#rows.read()) service.#restore(id, row)
    service.#listen()
    return service
  }

  /** Messages of hosts above `hostsMax`. */
  get refused(): number {
    return this.#state.refused
  }

  /** Writes of hosts that failed. */
  get persistFailures(): number {
    return this.#rows.failures
  }

  /** Every host known, present or not. */
  *hosts(): Iterable<KnownHost> {
    for (const [id, presence] of this.#state.hosts) {
      const record = this.#records.get(id)
      if (record) yield { record, presence }
    }
  }

  /** The newest session of a host; 0 = it is not known. */
  sessionOf(host: Address): number {
    return this.#state.hosts.get(hostIdOf(host))?.session ?? 0
  }

  /** Stops listening and writes what was learnt. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort()
    for (const stop of this.#stops.splice(0).reverse()) stop()
    await this.#following
    for (const id of this.#records.keys()) this.#rows.touch(id)
    await this.#rows.flush()
  }

  #restore(id: string, { session, isDead, hasLeft, birth, lastSeenMs }: HostRow): void {
    const address = parseHostId(id)
    this.#records.set(id, { ...newHostRecord(address), birth, lastSeenMs })
    this.#tenants.add(address.tenant)
    this.#step({ kind: 'restored', host: id, session, isDead, hasLeft })
  }

  #listen(): void {
    const { bus, clock } = this.#deps
    const tickMs = this.#options.heartbeatIntervalMs / 2
    for (const kind of ['birth', 'heartbeat', 'death'] as const) {
      const subscription = bus.subscribe(`lanista.*.*.*.${kind}`, (message) => this.#hear(kind, message))
      this.#stops.push(() => subscription.close())
    }
    this.#stops.push(every(clock, tickMs, () => this.#step({ kind: 'tick' })))
    this.#stops.push(every(clock, stateIntervalMs, () => this.#tellAll()))
    this.#stops.push(every(clock, forgetIntervalMs, () => this.#forget()))
    this.#following = this.#follow()
  }

  /** The bus outlives us. */
  async #follow(): Promise<void> {
    for await (const { state } of this.#deps.bus.states(this.#stop.signal)) {
      this.#step({ kind: state === 'up' ? 'brokerBack' : 'brokerLost' })
      if (state === 'up') this.#tellAll()
    }
  }

  #hear(kind: 'birth' | 'heartbeat' | 'death', { subject, body }: BusMessage): void {
    const { address } = parseSubject(subject)
    if (!isAgentAddress(address)) {
      this.#counters.malformed++
      return
    }
    try {
      if (kind === 'birth') this.#onBirth(address, body)
      else if (kind === 'heartbeat') this.#onHeartbeat(address, body)
      else this.#onDeath(address, body)
    } catch (error) {
      if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
      this.#counters.malformed++
      const host = hostIdOf(address)
      this.#logged.pass(host, (suppressed) =>
        this.#deps.logger.warn({ host, kind, suppressed, error: error.message }, 'presence_malformed'),
      )
    }
  }

  #onBirth(address: Address, body: Uint8Array): void {
    const birth = parseBirth(body)
    this.#counters.births++
    const id = hostIdOf(address)
    const known = this.#step({ kind: 'birth', host: id, session: birth.session })
    if (!known?.isBorn || known.session !== birth.session || known.isDead) return
    const record = this.#recordOf(id, address)
    if (record.heartbeat?.session !== birth.session) record.heartbeat = undefined // one of this session may overtake it
    record.birth = birth
    record.lastSeenMs = this.#deps.clock.now()
    this.#rows.touch(id)
    this.#tenants.add(address.tenant)
    this.#tell(address.tenant)
  }

  #onHeartbeat(address: Address, body: Uint8Array): void {
    const heartbeat = parseHeartbeat(body)
    this.#counters.heartbeats++
    const id = hostIdOf(address)
    const known = this.#step({ kind: 'heartbeat', host: id, session: heartbeat.session })
    if (!known || known.session !== heartbeat.session || known.isDead) return
    const record = this.#recordOf(id, address)
    record.heartbeat = heartbeat
    record.lastSeenMs = this.#deps.clock.now()
    record.skewMs = heartbeat.nowMs - record.lastSeenMs
  }

  #onDeath(address: Address, body: Uint8Array): void {
    const { session, reason } = parseDeath(body)
    this.#counters.deaths++
    const id = hostIdOf(address)
    if (this.#step({ kind: 'death', host: id, session, reason })) this.#recordOf(id, address)
  }

  #recordOf(id: string, address: Address): HostRecord {
    const record = this.#records.get(id) ?? newHostRecord(address)
    this.#records.set(id, record)
    return record
  }

  /** Steps the core and does what it says; returns what is known of the event's host afterwards. */
  #step(event: PresenceEvent): HostPresence | undefined {
    const { state, actions } = step(this.#state, event, this.#deps.clock.monotonic())
    this.#state = state
    for (const action of actions) this.#act(action)
    return 'host' in event ? state.hosts.get(event.host) : undefined
  }

  #act(action: PresenceAction): void {
    const address = parseHostId(action.host)
    switch (action.kind) {
      case 'changed':
        this.#deps.logger.info(action, 'host_changed')
        this.#rows.touch(action.host)
        return
      case 'askBirth':
        this.#counters.birthsAsked++
        this.#publish(buildSubject(address, 'control', 'birth', `b${(this.#ids++).toString(36)}`), {})
        return
      case 'publishDeath': {
        this.#counters.deathsTold++
        const { session, reason } = action
        const subject = buildSubject(ownAddress(address.tenant), 'death', address.cloud, address.host)
        this.#publish(subject, { session, reason })
      }
    }
  }

  #forget(): void {
    const beforeMs = this.#deps.clock.now() - this.#options.hostRetentionMs
    for (const { record, presence } of this.hosts()) {
      if (!isGone(presence.state) || (record.lastSeenMs ?? 0) >= beforeMs) continue
      const host = hostIdOf(record.address)
      this.#step({ kind: 'forgotten', host })
      this.#records.delete(host)
      this.#deps.logger.info({ host }, 'host_forgotten')
      this.#rows.touch(host)
    }
  }

  #tellAll(): void {
    for (const tenant of this.#tenants) this.#tell(tenant)
  }

  #tell(tenant: string): void {
    const { session, heartbeatIntervalMs } = this.#options
    this.#publish(buildSubject(ownAddress(tenant), 'state'), {
      session,
      nowMs: this.#deps.clock.now(),
      heartbeatIntervalMs,
    })
  }

  /** What cannot be sent now is said again: by the next tick, heartbeat or state. */
  #publish(subject: string, body: object): void {
    try {
      this.#deps.bus.publish(subject, encodeJson(body))
    } catch (error) {
      if (isLanistaError(error, 'NOT_UP')) return
      this.#logged.pass(subject, (suppressed) =>
        this.#deps.logger.warn({ subject, suppressed, error: messageOf(error) }, 'presence_not_sent'),
      )
    }
  }

  #rowOf(id: string): HostRow | undefined {
    const known = this.#state.hosts.get(id)
    const record = this.#records.get(id)
    if (!known || !record) return undefined
    const { session, isDead, state } = known
    const { birth, lastSeenMs } = record
    return { session, isDead, ...(state === 'left' ? { hasLeft: true } : {}), birth, lastSeenMs }
  }
}

function ownAddress(tenant: string): Address {
  return { tenant, cloud: homeCloud, host: controllerHost }
}
