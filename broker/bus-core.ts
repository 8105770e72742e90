/**
 * All that the forms of the bus have in common: checks before sending, the subscription table, open requests, states and
 * counters. A driver attaches one `Connection` after another and hands over what it receives.
 */
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { permissionsOf, type Role } from '#protocol/permissions.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { parsePattern } from '#protocol/subjects/pattern.ts'
import { controllerHost, replySubject } from '#protocol/subjects/subject.ts'
import { AllowList } from './allow-list.ts'
import type {
  BusCounters,
  BusMessage,
  BusState,
  BusStateChange,
  BusSubscription,
  CountedBus,
  PublishOptions,
  RequestOptions,
} from './bus.ts'
import type { Connection, Receiver } from './connection.ts'
import { checkBody, checkLiteral, isLiteral } from './message-check.ts'
import { OpenRequests } from './open-requests.ts'
import { SendWindow } from './send-window.ts'
import { StateFeed } from './state-feed.ts'
import { type Handler, SubscriptionTable } from './subscription-table.ts'

export interface BusCoreOptions {
  /** Whose permissions are checked before anything is sent. */
  readonly role: Role
}

export interface BusCoreDeps {
  readonly clock: Clock
  readonly logger: Logger
}

type Counts = { -readonly [K in keyof BusCounters]: BusCounters[K] }

/** One bus; see `Bus` for what it promises. The driver that made it calls `attach`, `detach` and the methods of `Receiver`. */
export class BusCore implements CountedBus, Receiver {
  readonly #logger: Logger
  readonly #quiet: OnceAMinute
  readonly #mayPublish: AllowList
  readonly #maySubscribe: AllowList
  readonly #table: SubscriptionTable
  readonly #requests: OpenRequests
  readonly #feed = new StateFeed({ state: 'connecting', reason: 'opened' })
  readonly #closers: (() => Promise<void>)[] = []
  #connection: Connection | undefined
  #window: SendWindow | undefined
  #closing: Promise<void> | undefined
  readonly #counts: Counts = {
    published: 0,
    received: 0,
    malformed: 0,
    refused: 0,
    notSent: 0,
    refusedByBroker: 0,
    handlerErrors: 0,
    connections: 0,
  }

  constructor(options: BusCoreOptions, deps: BusCoreDeps) {
    const permissions = permissionsOf(options.role)
    this.#logger = deps.logger
    this.#quiet = new OnceAMinute(deps.clock)
    this.#mayPublish = new AllowList(permissions.publish)
    this.#maySubscribe = new AllowList(permissions.subscribe)
    this.#requests = new OpenRequests(deps.clock)
    this.#table = new SubscriptionTable((error, pattern) => this.#handlerFailed(error, pattern))
    const replies = replyPatternOf(options.role)
    if (replies) this.#table.add(replies, ({ subject, body }) => this.#requests.answer(subject, body))
  }

  get state(): BusState {
    return this.#feed.state
  }

  get counters(): BusCounters {
    return { ...this.#counts }
  }

  states(signal?: AbortSignal | undefined): AsyncIterable<BusStateChange> {
    return this.#feed.states(signal)
  }

  up(signal: AbortSignal): Promise<void> {
    return this.#feed.up(signal)
  }

  publish(subject: string, body: Uint8Array, options: PublishOptions = {}): void {
    this.#counting(() => this.#send(subject, body, options.retain ?? false, undefined))
  }

  subscribe(pattern: string, handler: Handler): BusSubscription {
    return this.#counting(() => {
      parsePattern(pattern)
      if (!this.#maySubscribe.allows(pattern)) throw denied(`subscribe to ${pattern}`)
      if (this.state === 'closed') throw closed()
      const remove = this.#table.add(pattern, handler)
      this.#connection?.subscribe([pattern])
      return {
        pattern,
        close: () => {
          if (remove()) this.#connection?.unsubscribe(pattern)
        },
      }
    })
  }

  // async, so that every failure is a rejection
  async request(subject: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    if (this.state === 'closed') throw closed()
    const reply = this.#counting(() => replySubject(subject))
    return await this.#requests.open(reply, options, () =>
      this.#counting(() => this.#send(subject, body, false, reply)),
    )
  }

  async flush(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const connection = this.#connection
    if (this.state !== 'up' || !connection) throw this.#notUp()
    await orAbort(
      connection.flush().catch((cause: unknown) => {
        throw new LanistaError('NOT_UP', `flush later: the connection ended, ${messageOf(cause)}`, { cause })
      }),
      signal,
    )
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#table.clear()
    try {
      if (this.state === 'up') await this.flush(signal)
    } finally {
      await this.close()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // What follows is for drivers.

  /** Runs at close, after the requests have been ended. */
  onClose(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** Subscribes everything on a fresh connection; `up` once the broker has confirmed. Rejects when the connection ends first. */
  async attach(connection: Connection, reason: string): Promise<void> {
    this.#begin(connection)
    await connection.flush()
    this.#confirm(connection, reason)
  }

  /** The same in process, where there is nothing to wait for: `up` at once. */
  attachLocal(connection: Connection, reason: string): void {
    this.#begin(connection)
    this.#confirm(connection, reason)
  }

  #begin(connection: Connection): void {
    this.#connection = connection
    connection.subscribe(this.#table.patterns)
  }

  #confirm(connection: Connection, reason: string): void {
    if (this.state === 'closed' || this.#connection !== connection) return
    this.#window = new SendWindow(() => connection.flush())
    this.#counts.connections++
    this.#feed.set('up', reason)
    this.#logger.info({ reason }, 'bus_up')
  }

  /** The connection is gone. */
  detach(reason: string): void {
    const wasUp = this.state === 'up'
    this.#connection = undefined
    this.#window = undefined
    if (!wasUp) return
    this.#feed.set('down', reason)
    this.#logger.warn({ reason }, 'bus_down')
  }

  deliver(message: BusMessage): void {
    if (this.#accepts(message)) this.#table.deliver(message)
  }

  deliverTo(pattern: string, message: BusMessage): void {
    if (this.#accepts(message)) this.#table.deliverTo(pattern, message)
  }

  refusedByBroker(what: string): void {
    this.#counts.refusedByBroker++
    this.#quiet.pass('refused', (suppressed) => this.#logger.error({ what, suppressed }, 'bus_refused_by_broker'))
  }

  #accepts(message: BusMessage): boolean {
    if (this.state === 'closed') return false
    if (isLiteral(message.subject)) {
      this.#counts.received++
      return true
    }
    this.#counts.malformed++
    return false
  }

  #send(subject: string, body: Uint8Array, retain: boolean, reply: string | undefined): void {
    checkLiteral(subject)
    checkBody(body)
    if (!this.#mayPublish.allows(subject)) throw denied(`publish ${subject}`)
    if (retain && !subject.endsWith('.birth')) throw denied(`retain ${subject}, only births are retained`)
    if (this.state !== 'up' || !this.#connection) throw this.#notUp()
    const bytes = subject.length + body.length
    this.#window?.check(bytes)
    this.#connection.send(subject, body, { retain, replySubject: reply })
    this.#window?.add(bytes)
    this.#counts.published++
  }

  /** Runs `act`; what it throws is counted by what it means. */
  #counting<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (isLanistaError(error, 'NOT_UP') || isLanistaError(error, 'BUSY')) this.#counts.notSent++
      else if (!isLanistaError(error, 'CLOSED')) this.#counts.refused++
      throw error
    }
  }

  #notUp(): LanistaError {
    return new LanistaError('NOT_UP', `publish when the bus is up: it is ${this.state} (${this.#feed.reason})`)
  }

  #handlerFailed(error: unknown, pattern: string): void {
    this.#counts.handlerErrors++
    this.#quiet.pass(`handler ${pattern}`, (suppressed) =>
      this.#logger.error({ pattern, suppressed, err: error }, 'bus_handler_failed'),
    )
  }

  async #close(): Promise<void> {
    this.#feed.set('closed', 'closed by its owner')
    this.#table.clear()
    this.#requests.failAll(closed())
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
    for (const close of this.#closers) await close()
  }
}

/** The standing subscription for answers; an operator asks nothing. */
function replyPatternOf(role: Role): string | undefined {
  if (role.kind === 'controller') return `lanista.*.*.*.reply.${controllerHost}.>`
  if (role.kind === 'operator') return undefined
  const { tenant, cloud, host } = role.address
  return `lanista.${tenant}.${cloud}.*.reply.${host}.>`
}

function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function denied(what: string): LanistaError {
  return new LanistaError('DENIED', `ask for the permission first: not allowed to ${what.slice(0, 300)}`)
}

function closed(): LanistaError {
  return new LanistaError('CLOSED', 'open a new bus: this one is closed')
}
