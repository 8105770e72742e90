/**
 * An MQTT broker inside the controller's process: aedes with our table in its hooks, memory only, QoS 0, clean sessions. It
 * keeps nothing but retained births and, for its own life, each agent's newest login. The controller is no client: it has a
 * bus in process. Reasons and figures: shared/reference/bus-proof.md §4.
 */
import type { Socket } from 'node:net'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { patternOfFilter, topicOf } from '#protocol/subjects/mqtt.ts'
import { matchesPattern } from '#protocol/subjects/pattern.ts'
import { subjectTokensMax } from '#protocol/subjects/subject.ts'
import {
  type AedesPublishPacket,
  type Client,
  createAedes,
  type InsideBroker,
  type InsideClient,
  packetOf,
} from './aedes-inside.ts'
import type { CountedBus } from './bus.ts'
import { BusCore } from './bus-core.ts'
import { bodyBytesMax, dialTimeoutMs } from './connection.ts'
import { type BrokerUser, type BrokerUsers, brokerUserId } from './credentials.ts'
import {
  allowsFilter,
  allowsForward,
  birthTopicEndedBy,
  EmbeddedGate,
  judgePublish,
  type Principal,
  refuseConnect,
  requestOf,
} from './embedded-gate.ts'
import { Listener } from './listener.ts'
import { localConnection } from './local-connection.ts'

export interface EmbeddedBrokerOptions {
  /** Address to listen on; loopback unless told otherwise. */
  readonly host: string
  /** 0 = any free port; `port` tells which. */
  readonly port: number
  /** Connections in all; more are cut at once. Default 10,000. */
  readonly connectionsMax?: number | undefined
  /** Connections from one address; default 2,048. */
  readonly connectionsPerAddressMax?: number | undefined
  /** Bytes waiting for one client before it is cut as too slow; default 16 MiB, as on our nats-server. */
  readonly backlogBytesMax?: number | undefined
}

export interface EmbeddedBrokerDeps {
  readonly clock: Clock
  readonly logger: Logger
}

/** What the broker refused, and whom it cut, since it was opened. */
export interface EmbeddedBrokerCounters {
  readonly logins: number
  readonly loginsRefused: number
  readonly publishesRefused: number
  readonly subscriptionsRefused: number
  /** Connections over a cap. */
  readonly cutOverCap: number
  /** Packets whose header announced more than the largest body. */
  readonly cutTooLarge: number
  /** Clients that did not read. */
  readonly cutTooSlow: number
}

/** A header announcing more than this is cut before the packet is read: the largest body, its topic, and room to spare. */
const packetBytesMax = bodyBytesMax + 4096
/** The same before the login: client id, will and password need no more. */
const connectBytesMax = 8192
/** Topic filters of one client; one more is refused. As on our nats-server. */
const filtersMax = 256

type Counts = { -readonly [K in keyof EmbeddedBrokerCounters]: EmbeddedBrokerCounters[K] }

export class EmbeddedBroker implements BrokerUsers, AsyncDisposable {
  readonly #options: EmbeddedBrokerOptions
  readonly #deps: EmbeddedBrokerDeps
  readonly #quiet: OnceAMinute
  readonly #gate = new EmbeddedGate()
  readonly #principals = new WeakMap<Client, Principal>()
  readonly #locals = new Set<BusCore>()
  readonly #listener: Listener
  #aedes: InsideBroker | undefined
  #closing: Promise<void> | undefined
  readonly #counts: Omit<Counts, 'cutOverCap'> = {
    logins: 0,
    loginsRefused: 0,
    publishesRefused: 0,
    subscriptionsRefused: 0,
    cutTooLarge: 0,
    cutTooSlow: 0,
  }

  private constructor(options: EmbeddedBrokerOptions, deps: EmbeddedBrokerDeps) {
    this.#options = options
    this.#deps = { clock: deps.clock, logger: deps.logger.child({ component: 'broker' }) }
    this.#quiet = new OnceAMinute(deps.clock)
    const caps = {
      connectionsMax: options.connectionsMax ?? 10_000,
      connectionsPerAddressMax: options.connectionsPerAddressMax ?? 2048,
    }
    this.#listener = new Listener({ host: options.host, port: options.port, ...caps }, (socket) => this.#accept(socket))
  }

  /** Listens with no users yet. The caller closes it. @throws LanistaError PORT_IN_USE, LISTEN_FAILED */
  static async open(options: EmbeddedBrokerOptions, deps: EmbeddedBrokerDeps): Promise<EmbeddedBroker> {
    const broker = new EmbeddedBroker(options, deps)
    try {
      await broker.#open()
    } catch (error) {
      await broker.close()
      throw error
    }
    return broker
  }

  get host(): string {
    return this.#options.host
  }

  get port(): number {
    return this.#listener.port
  }

  /** `mqtt://host:port` */
  get url(): string {
    return `mqtt://${formatHostPort(this.host, this.port)}`
  }

  get counters(): EmbeddedBrokerCounters {
    return { ...this.#counts, cutOverCap: this.#listener.cutOverCap }
  }

  async addUser(user: BrokerUser): Promise<void> {
    if (user.kind === 'controller') return // in process: it needs no key here
    if (this.#gate.add(user)) this.#hangUp(brokerUserId(user))
  }

  async removeUser(id: string): Promise<void> {
    this.#gate.remove(id)
    this.#hangUp(id)
  }

  /** The controller's bus: in process, `up` at once and until it or the broker is closed. The caller closes it. */
  localBus(): CountedBus {
    const aedes = this.#aedes
    if (!aedes) throw new LanistaError('CLOSED', 'open a new broker: this one is closed')
    const bus = new BusCore({ role: { kind: 'controller' } }, this.#deps)
    const connection = localConnection(aedes, bus, {
      isListening: (hostId, subject) => this.#isListening(hostId, subject),
      onSent: (subject) => this.#forgetBirth(subject),
      onError: (error) => this.#deps.logger.error({ err: error }, 'local_bus_failed'),
    })
    this.#locals.add(bus)
    bus.onClose(async () => {
      this.#locals.delete(bus)
    })
    bus.attachLocal(connection, 'in process')
    return bus
  }

  /** Closes the local buses, then every client, then the port. Nothing is kept. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(): Promise<void> {
    this.#aedes = await createAedes({
      drainTimeout: dialTimeoutMs,
      connectTimeout: dialTimeoutMs,
      keepaliveLimit: 60,
      queueLimit: 64,
      maxTopicLevels: subjectTokensMax,
      concurrency: 1000,
      preConnect: (_client, packet, done) => {
        const refused = refuseConnect(packet)
        if (refused) this.#countLogin(packet.clientId, refused)
        done(refused ? new Error(refused) : null, !refused)
      },
      authenticate: (client, user, password, done) => {
        const principal = this.#login(client, user, password)
        done(principal ? null : Object.assign(new Error('refused'), { returnCode: 5 }), principal !== undefined)
      },
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => {
        done(null, this.#maySubscribe(client, subscription.topic) ? { ...subscription, qos: 0 } : null)
      },
      authorizeForward: (client, packet) => this.#forward(client, packet),
    })
    this.#aedes.on('clientError', (client, error) => this.#clientFailed(client, error))
    this.#aedes.on('connectionError', (client, error) => this.#clientFailed(client, error))
    await this.#listener.open(this.#deps.logger)
  }

  #accept(socket: Socket): void {
    const aedes = this.#aedes
    if (!aedes) {
      socket.destroy()
      return
    }
    const client = aedes.handle(socket)
    // aedes makes the publisher wait for its slowest subscriber; ours are cut at their backlog instead
    client.waitForDrain = (done) => setImmediate(done, null, client)
    socket.on('readable', () => {
      const bytesMax = this.#principals.has(client) ? packetBytesMax : connectBytesMax
      if ((client._parser?.packet?.length ?? 0) <= bytesMax) return
      this.#counts.cutTooLarge++
      socket.destroy()
    })
  }

  #login(client: Client, user: string | undefined, password: Buffer | undefined): Principal | undefined {
    const inUse = this.#aedes?.clients[client.id]
    const inUseBy = inUse && this.#principals.get(inUse)?.userId
    const principal = user && password ? this.#gate.login(client.id, user, password, inUseBy) : undefined
    if (principal) {
      this.#counts.logins++
      this.#principals.set(client, principal)
    } else {
      this.#countLogin(client.id, 'unknown user, wrong password, or a login not newer than the last')
    }
    return principal
  }

  /** A refusal closes the connection, and the will fires. Wills come here too; those of a broker's past have no client. */
  #authorizePublish(
    client: Client | null,
    packet: { topic: string; qos: 0 | 1 | 2; retain: boolean },
    done: (error?: Error | null) => void,
  ): void {
    const judged = judgePublish(client ? this.#principals.get(client) : undefined, packet)
    if ('refused' in judged) {
      this.#refused('publishesRefused', client, judged.refused)
      done(new Error(judged.refused))
      return
    }
    this.#forgetBirth(judged.subject)
    done(null)
    const request = requestOf(judged.subject)
    if (request && !this.#isListening(request.hostId, judged.subject)) {
      this.#aedes?.publish(packetOf(topicOf(request.reply), new Uint8Array(0), false), () => {})
    }
  }

  #maySubscribe(client: Client, filter: string): boolean {
    const filters = Object.keys(this.#aedes?.clients[client.id]?.subscriptions ?? {})
    const fits = filters.length < filtersMax || filters.includes(filter)
    if (fits && allowsFilter(this.#principals.get(client), filter)) return true
    this.#refused('subscriptionsRefused', client, `subscribe to ${filter.slice(0, 200)}${fits ? '' : ', one too many'}`)
    return false
  }

  #forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    if (!allowsForward(this.#principals.get(client), packet.topic)) return null
    if (client.conn.destroyed) return null
    if (client.conn.writableLength <= (this.#options.backlogBytesMax ?? 16 * 1024 * 1024)) return packet
    this.#refused('cutTooSlow', client, 'too slow: it does not read')
    client.conn.destroy()
    return null
  }

  /** Has this host subscribed to what a request to it would reach? */
  #isListening(hostId: string, subject: string): boolean {
    const filters = Object.keys(this.#aedes?.clients[hostId]?.subscriptions ?? {})
    return filters.some((filter) => matchesPattern(patternOfFilter(filter), subject))
  }

  #forgetBirth(subject: string): void {
    const topic = birthTopicEndedBy(subject)
    if (topic === undefined) return
    this.#aedes?.persistence
      .storeRetained({ cmd: 'publish', topic, payload: Buffer.alloc(0), qos: 0, retain: true, dup: false })
      .catch((error: unknown) => this.#deps.logger.error({ err: error, topic }, 'broker_forget_failed'))
  }

  #hangUp(userId: string): void {
    for (const client of Object.values<InsideClient>(this.#aedes?.clients ?? {})) {
      if (this.#principals.get(client)?.userId === userId) client.close()
    }
  }

  #countLogin(clientId: string, reason: string): void {
    this.#counts.loginsRefused++
    const id = clientId.slice(0, 200)
    this.#quiet.pass(`login ${id}`, (suppressed) =>
      this.#deps.logger.warn({ clientId: id, reason, suppressed }, 'broker_login_refused'),
    )
  }

  #refused(
    counter: 'publishesRefused' | 'subscriptionsRefused' | 'cutTooSlow',
    client: Client | null,
    what: string,
  ): void {
    this.#counts[counter]++
    this.#quiet.pass(`${counter} ${client?.id}`, (suppressed) =>
      this.#deps.logger.warn({ clientId: client?.id, what, suppressed }, 'broker_refused'),
    )
  }

  #clientFailed(client: Client, error: Error): void {
    this.#deps.logger.debug({ clientId: client.id, reason: messageOf(error) }, 'broker_client_failed')
  }

  async #close(): Promise<void> {
    for (const bus of this.#locals) await bus.close()
    const aedes = this.#aedes
    this.#aedes = undefined
    if (aedes) await new Promise<void>((resolve) => aedes.close(resolve))
    await this.#listener.close()
  }
}
