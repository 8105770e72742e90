/**
 * All subscriptions of the controller: kept in the registry, one courier each, changed while everything runs. Only what a change
 * touches is restarted. Samples come from the ingest (`hear`), results of the controller from whoever makes them (`offer`).
 */
import type { Bus } from '#broker/bus.ts'
import type { OwnEvent } from '#controller/events/event-service.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { alarmOf } from './alarm.ts'
import { Courier } from './courier.ts'
import { deliverInTime } from './delivery.ts'
import { expectRoom, isSame, withSecret } from './differences.ts'
import type { HealthChange } from './health.ts'
import { compileMatch } from './matcher.ts'
import { openSink } from './open-sink.ts'
import { type OfferedResult, sourceOf } from './reading.ts'
import { Router, type Taker } from './router.ts'
import { isSecret, secretForm } from './schema.ts'
import { type Subscription, subscriptionId } from './subscription.ts'
import { type Owned, ownedKey, SubscriptionRows } from './subscription-rows.ts'
import { type SubscriptionView, viewOf } from './subscription-view.ts'
import { uplinkOf } from './uplink.ts'

export interface SubscriptionServiceOptions {
  /** Of the controller: part of the ids of readings. */
  readonly session: number
  /** Where secrets are kept, mode 0600. */
  readonly secretsPath: string
}

export interface SubscriptionServiceDeps {
  readonly registry: RegistryStore
  readonly bus: Pick<Bus, 'publish'>
  readonly clock: Clock
  readonly logger: Logger
}

/** What a change came to. */
export type Put = 'created' | 'changed' | 'unchanged'

/** What became of one reading sent to try a sink. */
export interface Trial {
  readonly isDelivered: boolean
  readonly tookMs: number
  /** Why not; null when it was. */
  readonly reason: string | null
}

interface Entry extends Owned, Taker {
  readonly courier: Courier
}

/** Readings waiting in all couriers together; each has an even share, but no more than `queueMax`. */
const queuedMax = 1_000_000
const queueMax = 50_000
/** Changes that wait for the one under way. */
const changesWaitingMax = 64

export class SubscriptionService {
  readonly #options: SubscriptionServiceOptions
  readonly #deps: SubscriptionServiceDeps
  readonly #rows: SubscriptionRows
  readonly #router = new Router()
  readonly #entries = new Map<string, Entry>()
  readonly #changes = new Turns({ atOnceMax: 1, waitingMax: changesWaitingMax })
  readonly #listeners = new Set<() => void>()
  readonly #alarmListeners = new Set<(event: OwnEvent) => void>()
  readonly #alarms: OnceAMinute
  /** Couriers started: with the session, what makes the ids of readings unique. */
  #started = 0
  readonly #closing = new AbortController()
  /** Couriers that were replaced or removed and still deliver what they had. */
  readonly #leaving = new Set<Promise<void>>()

  private constructor(options: SubscriptionServiceOptions, deps: SubscriptionServiceDeps, rows: SubscriptionRows) {
    this.#options = options
    this.#deps = deps
    this.#rows = rows
    this.#alarms = new OnceAMinute(deps.clock)
  }

  /** Goes on with what the registry has. Throws SECRETS_DAMAGED. */
  static async open(options: SubscriptionServiceOptions, deps: SubscriptionServiceDeps): Promise<SubscriptionService> {
    const rows = SubscriptionRows.open(deps.registry, options.secretsPath)
    const service = new SubscriptionService(options, deps, rows)
    for (const owned of await rows.load(deps.logger)) service.#start(owned)
    service.#routeAnew()
    return service
  }

  /** Subscriptions of a tenant, in order of their ids. */
  list(tenant: string): SubscriptionView[] {
    const those = [...this.#entries.values()].filter((entry) => entry.tenant === tenant)
    return those.map(viewOf).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** One of them. Throws SUBSCRIPTION_UNKNOWN. */
  get(tenant: string, id: string): SubscriptionView {
    return viewOf(this.#require(tenant, id))
  }

  /**
   * Makes or changes one. Without a secret it keeps that of the one before, as long as its target (kind, origin or address) is the same.
   * @throws LanistaError SUBSCRIPTIONS_LIMIT, BUSY, REGISTRY_WRITE_FAILED, SECRETS_UNWRITABLE: nothing has changed then
   */
  async put(tenant: string, subscription: Subscription): Promise<Put> {
    const key = ownedKey({ tenant, subscription })
    return this.#changes.run(async () => {
      const isNew = !this.#entries.has(key)
      const changed = await this.#change(tenant, [subscription], [])
      return isNew ? 'created' : changed > 0 ? 'changed' : 'unchanged'
    }, this.#closing.signal)
  }

  /**
   * Makes these the subscriptions of an application, all others of it go; those that are the same run on. [] when it is removed.
   * Throws as `put`.
   */
  async setApplication(tenant: string, application: string, subscriptions: readonly Subscription[]): Promise<void> {
    const wanted = new Set(subscriptions.map(subscriptionId))
    await this.#changes.run(async () => {
      const gone = [...this.#entries.values()].filter(
        (entry) =>
          entry.tenant === tenant &&
          entry.subscription.application === application &&
          !wanted.has(subscriptionId(entry.subscription)),
      )
      await this.#change(tenant, subscriptions, gone)
    }, this.#closing.signal)
  }

  /**
   * Puts the secrets of these onto the disk, ahead of `setApplication`; what it resolves with takes them back. Throws SECRETS_UNWRITABLE,
   * BUSY: nothing has changed then.
   */
  async keepSecrets(tenant: string, subscriptions: readonly Subscription[]): Promise<() => Promise<void>> {
    const signal = this.#closing.signal
    const put = subscriptions.map((subscription) => ({ tenant, subscription }))
    const takeBack = await this.#changes.run(async () => this.#rows.keep(put), signal)
    return () => this.#changes.run(async () => takeBack(), signal)
  }

  /** Ends one; what its courier has is still delivered if that takes no two seconds. Throws SUBSCRIPTION_UNKNOWN, and as `put`. */
  async remove(tenant: string, id: string): Promise<void> {
    await this.#changes.run(async () => {
      await this.#change(tenant, [], [this.#require(tenant, id)])
    }, this.#closing.signal)
  }

  /** Gives one another secret, or none. Throws SUBSCRIPTION_INVALID, SUBSCRIPTION_UNKNOWN, and as `put`. */
  async setSecret(tenant: string, id: string, secret: string | undefined): Promise<void> {
    if (secret !== undefined && !isSecret(secret)) {
      throw new LanistaError('SUBSCRIPTION_INVALID', `send another secret: expected ${secretForm}`)
    }
    await this.#changes.run(async () => {
      const { subscription } = this.#require(tenant, id)
      await this.#replace([{ tenant, subscription: { ...subscription, secret } }], [])
    }, this.#closing.signal)
  }

  /** Sends one reading, `lanista.subscription.test` = 1, past queue and filter, once. Throws SUBSCRIPTION_UNKNOWN. */
  async try(tenant: string, id: string, signal: AbortSignal): Promise<Trial> {
    const { subscription } = this.#require(tenant, id)
    const { clock } = this.#deps
    const address = { tenant, cloud: 'home', host: 'test' }
    const source = sourceOf(address, { name: 'lanista.subscription.test', tags: {} }, undefined)
    const startedAt = clock.monotonic()
    const reading = { id: `${this.#options.session}-test`, source, timestampMs: clock.now(), value: 1 }
    const sink = openSink(tenant, subscription, this.#deps)
    const reason = await deliverInTime(sink, [reading], clock, signal).then(() => null, messageOf)
    return { isDelivered: reason === null, tookMs: Math.round(clock.monotonic() - startedAt), reason }
  }

  /** A sample of a host that the window took. Never throws or waits. */
  hear(series: WindowSeries, timestampMs: number, value: number): void {
    this.#router.hear(series, timestampMs, value)
  }

  /** A result of a cross-cloud monitor, or the decision of a rule, when it is made. Never throws or waits. */
  offer(result: OfferedResult): void {
    this.#router.offer(result)
  }

  /** Selectors of the series that this host must send because somebody subscribed to them. */
  uplinkSelectors(host: Address): string[] {
    return uplinkOf(host, this.#entries.values())
  }

  /** Calls `listener` after each change of the subscriptions, until the returned function is called. It must not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /**
   * Calls `listener` with `subscription.failing` when deliveries of one fail or readings are lost, and `subscription.recovered` when that
   * is over; at most one of each a minute and subscription. It must not throw. Until the returned function is called.
   */
  onAlarm(listener: (event: OwnEvent) => void): () => void {
    this.#alarmListeners.add(listener)
    return () => {
      this.#alarmListeners.delete(listener)
    }
  }

  /** Every subscription of every tenant, for metrics. */
  all(): SubscriptionView[] {
    return [...this.#entries.values()].map(viewOf)
  }

  /** Tries for up to two seconds to deliver what is there; the rest is dropped and told in the log. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new LanistaError('CLOSED', 'start the controller again: it is closing'))
    this.#router.setTakers([])
    await this.#changes.run(async () => {}, new AbortController().signal) // those that waited have left
    const couriers = [...this.#entries.values()].map(({ courier }) => courier)
    await Promise.all([...couriers.map((courier) => courier.close()), ...this.#leaving])
    const abandoned = couriers.reduce((sum, { counters }) => sum + counters.abandoned, 0)
    if (abandoned > 0) this.#deps.logger.warn({ readings: abandoned }, 'subscriptions_abandoned')
  }

  #require(tenant: string, id: string): Entry {
    const entry = this.#entries.get(`${tenant}.${id}`)
    if (entry) return entry
    const known = this.list(tenant).map((view) => view.id)
    throw new LanistaError(
      'SUBSCRIPTION_UNKNOWN',
      `name another subscription: found ${JSON.stringify(id.slice(0, 140))}, expected one of ${known.slice(0, 20).join(', ') || 'none'}`,
    )
  }

  /** Takes over secrets, leaves alone what is the same; returns how many were put. */
  async #change(tenant: string, put: readonly Subscription[], gone: readonly Entry[]): Promise<number> {
    const owned = put.map((subscription) => {
      const one = { tenant, subscription }
      return withSecret(one, this.#entries.get(ownedKey(one)))
    })
    const changed = owned.filter((one) => !isSame(one, this.#entries.get(ownedKey(one))))
    if (changed.length > 0 || gone.length > 0) await this.#replace(changed, gone)
    return changed.length
  }

  async #replace(put: readonly Owned[], gone: readonly Entry[]): Promise<void> {
    const after = new Map<string, Owned>(this.#entries)
    for (const entry of gone) after.delete(ownedKey(entry))
    for (const owned of put) after.set(ownedKey(owned), owned)
    if (put.length > 0) expectRoom([...after.values()])
    await this.#rows.write(put, gone)
    for (const entry of gone) {
      this.#entries.delete(ownedKey(entry))
      void this.#leave(entry.courier)
    }
    for (const owned of put) this.#start(owned)
    this.#routeAnew()
    for (const listener of this.#listeners) listener()
  }

  /** Starts its courier, behind that of the subscription it replaces. */
  #start(owned: Owned): void {
    const { tenant, subscription } = owned
    const key = ownedKey(owned)
    const before = this.#entries.get(key)
    const idPrefix = `${this.#options.session}.${++this.#started}`
    let alarms = 0
    const courier = new Courier(
      { filter: subscription.filter, idPrefix, queueMax: () => this.#queueMax() },
      {
        sink: openSink(tenant, subscription, this.#deps),
        clock: this.#deps.clock,
        onHealth: (change) =>
          this.#alarms.pass(`${key} ${change.kind}`, () => this.#raise(owned, `${idPrefix}-${++alarms}`, change)),
      },
      before && this.#leave(before.courier),
    )
    const wants = compileMatch(subscription)
    this.#entries.set(key, { tenant, subscription, courier, wants, take: (reading) => courier.take(reading) })
  }

  /** Lets a courier end by itself; resolves when it has. */
  #leave(courier: Courier): Promise<void> {
    const left = courier.close().finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
    return left
  }

  #raise(owned: Owned, id: string, change: HealthChange): void {
    const event = alarmOf(owned, id, change)
    const { subscription: name, reason } = event.fields
    if (change.kind === 'failing') this.#deps.logger.warn({ subscription: name, reason }, 'subscription_failing')
    else this.#deps.logger.info({ subscription: name }, 'subscription_recovered')
    for (const listener of this.#alarmListeners) listener(event)
  }

  #routeAnew(): void {
    this.#router.setTakers([...this.#entries.values()])
  }

  #queueMax(): number {
    return Math.min(queueMax, Math.floor(queuedMax / this.#entries.size))
  }
}
