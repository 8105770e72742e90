/**
 * The shell of orders on a host: hears them, checks who said them, lets the journal's core decide, writes, runs handlers, reports.
 * What cannot be sent now is told again: by the core once the bus is up, or when the controller asks again.
 */
import type { Bus, BusMessage, BusStateChange } from '#broker/bus.ts'
import { nkeyVerifier } from '#broker/nkey.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { parseState } from '#protocol/messages/presence.ts'
import { decodeOrder, type Verify } from '#protocol/orders/envelope-decoder.ts'
import { allowsVerb, isOrderId, type Order } from '#protocol/orders/order.ts'
import { encodeReport, type OrderReport, parseSettled } from '#protocol/orders/report.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import {
  type Address,
  buildSubject,
  controllerHost,
  homeCloud,
  hostIdOf,
  parseSubject,
  prefixOf,
} from '#protocol/subjects/subject.ts'
import { carryOut, cut, type HandlerCall } from './carry-out.ts'
import { ControllerTime } from './controller-time.ts'
import { JournalCore } from './journal-core.ts'
import type { JournalAction, JournalCounters, JournalEvent, Refusal } from './journal-events.ts'
import type { JournalRow } from './journal-row.ts'
import type { JournalStore } from './journal-store.ts'
import { handlersByVerb, type OrderHandler } from './order-handler.ts'
import type { OrdersConfig } from './order-options.ts'

export interface OrderServiceOptions extends OrdersConfig {
  readonly address: Address
  /** Orders kept at most. Default 4,096. */
  readonly rowsMax?: number | undefined
  /** Characters of their bodies and results. Default 8 Mi. */
  readonly bytesMax?: number | undefined
  /** Handlers at once. Default 64. */
  readonly runningMax?: number | undefined
  /** Verbs whose handlers can `resume`. Default none. */
  readonly resumes?: ReadonlySet<string> | undefined
}

export interface OrderServiceDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe' | 'states'>
  /** Open; closed by the service. */
  readonly store: JournalStore
  readonly clock: Clock
  readonly logger: Logger
}

interface Running {
  readonly stop: AbortController
  readonly ended: Promise<void>
}

const tickMs = 1000
const progressMs = 1000
/** Orders kept until `start`; more are passed over: they are sent again. */
const earlyMax = 64
/** How long a stopping agent waits for its handlers, ms. */
const closeMs = 2000

export class OrderService implements AsyncDisposable {
  readonly #options: OrderServiceOptions
  readonly #deps: OrderServiceDeps
  readonly #verify: Verify
  readonly #time: ControllerTime
  readonly #core: JournalCore
  readonly #running = new Map<string, Running>()
  readonly #writes = new Set<Promise<void>>()
  readonly #stops: (() => void)[] = []
  readonly #quiet: OnceAMinute
  #handlers: ReadonlyMap<string, OrderHandler> = new Map()
  /** Heard before `start`; undefined from then on. */
  #early: BusMessage[] | undefined = []
  #cancelTick: () => void = () => {}
  #closing: Promise<void> | undefined

  /** Listens, and keeps what it hears until `start`. Throws NKEY_INVALID. */
  constructor(options: OrderServiceOptions, deps: OrderServiceDeps) {
    const { facts, rows } = deps.store
    this.#options = options
    this.#deps = deps
    this.#verify = nkeyVerifier(options.key)
    this.#quiet = new OnceAMinute(deps.clock)
    this.#time = new ControllerTime(() => deps.clock.monotonic(), facts, rows)
    this.#core = new JournalCore(
      {
        target: hostIdOf(options.address),
        refusalOf: (verb) => this.#refusalOf(verb),
        rowsMax: options.rowsMax ?? 4096,
        bytesMax: options.bytesMax ?? 8_388_608,
        runningMax: options.runningMax ?? 64,
        resumes: options.resumes,
      },
      facts,
      rows,
    )
    this.#listen()
  }

  /** Id of the journal, for the birth: orders are meant for one journal alone. */
  get journal(): string {
    return this.#core.facts.journal
  }

  /** Orders that are not over. */
  get open(): number {
    return this.#core.open
  }

  get counters(): JournalCounters {
    return this.#core.counters
  }

  /** Takes up what was received and not started, and what was heard meanwhile. Once. Throws VERB_TWICE. */
  start(handlers: readonly OrderHandler[]): void {
    this.#handlers = handlersByVerb(handlers)
    const early = this.#early ?? []
    this.#early = undefined
    this.#tick()
    for (const message of early) this.#hear(message)
    void this.#follow(this.#deps.bus.states())
  }

  #listen(): void {
    const { bus } = this.#deps
    const own = prefixOf(this.#options.address)
    const home = `lanista.${this.#options.address.tenant}.${homeCloud}.${controllerHost}`
    const subscriptions = [
      bus.subscribe(`${home}.state`, ({ body }) => this.#hearTime(body)),
      bus.subscribe(`${own}.order.>`, (message) => this.#hear(message)),
      bus.subscribe(`${own}.control.settled.>`, ({ body }) => this.#hearSettled(body)),
    ]
    this.#stops.push(...subscriptions.map((subscription) => () => subscription.close()))
  }

  /** Hears no more; handlers get two seconds to end, and what they did is recorded. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop()
    this.#cancelTick()
    this.#step({ kind: 'stop' })
    const reason = new LanistaError('AGENT_STOPPING', 'order it again: the agent was stopped')
    for (const { stop } of this.#running.values()) stop.abort(reason)
    const all = Promise.all([...this.#running.values()].map(({ ended }) => ended))
    await Promise.race([all, this.#deps.clock.sleep(closeMs)])
    while (this.#writes.size > 0) await Promise.all(this.#writes)
    await this.#deps.store.close()
  }

  async #follow(states: AsyncIterable<BusStateChange>): Promise<void> {
    for await (const { state } of states) {
      if (this.#closing) return
      if (state === 'up') this.#step({ kind: 'connected' })
    }
  }

  #tick(): void {
    this.#step({ kind: 'tick' })
    this.#cancelTick = this.#deps.clock.after(tickMs, () => this.#tick())
  }

  #hearTime(body: Uint8Array): void {
    try {
      this.#time.hear(Math.floor(parseState(body).nowMs))
    } catch {
      // whoever keeps presence tells of it
    }
  }

  #hear(message: BusMessage): void {
    if (this.#early) {
      if (this.#early.length < earlyMax) this.#early.push(message)
      return
    }
    const { subject, body } = message
    const [verb = '', id = '', ...more] = parseSubject(subject).rest
    if (!isOrderId(id) || more.length > 0) return
    try {
      const order = decodeOrder(body, this.#verify)
      if (order.id !== id || order.verb !== verb) throw misnamed(order)
      this.#time.hear(order.sentMs)
      this.#step({ kind: 'received', order })
    } catch (error) {
      if (!isLanistaError(error)) throw error
      const refusal = { code: error.code, reason: cut(error.message) }
      this.#quiet.pass(error.code, (suppressed) =>
        this.#deps.logger.warn({ id, verb, ...refusal, suppressed }, 'order_refused'),
      )
      this.#step({ kind: 'unverified', id, verb, refusal })
    }
  }

  #hearSettled(body: Uint8Array): void {
    try {
      this.#step({ kind: 'settled', ids: parseSettled(body).orders })
    } catch (error) {
      this.#quiet.pass('settled', () => this.#deps.logger.warn({ error: messageOf(error) }, 'settled_refused'))
    }
  }

  #refusalOf(verb: string): Refusal | undefined {
    if (!this.#handlers.has(verb)) return { code: 'VERB_UNKNOWN', reason: `this agent knows no order ${verb}` }
    if (allowsVerb(this.#options.allow, verb)) return undefined
    return { code: 'VERB_NOT_ALLOWED', reason: `the allow-list of this host does not name ${verb}` }
  }

  #step(event: JournalEvent): void {
    for (const action of this.#core.step(event, this.#time.now())) this.#act(action)
  }

  #act(action: JournalAction): void {
    switch (action.kind) {
      case 'write': {
        const written = this.#write(action).finally(() => this.#writes.delete(written))
        this.#writes.add(written)
        return
      }
      case 'start':
        return this.#start(action.row, (handler) => handler.handle.bind(handler))
      case 'resume':
        return this.#start(action.row, (handler) => handler.resume?.bind(handler))
      case 'hurry': {
        const reason = new LanistaError('ORDER_OUTDATED', 'look at the newer order: one for the same key has come')
        this.#running.get(action.id)?.stop.abort(reason)
        return
      }
      case 'report':
        return this.#report(action.report)
    }
  }

  async #write(change: Extract<JournalAction, { kind: 'write' }>): Promise<void> {
    try {
      await this.#deps.store.write(change)
    } catch (error) {
      const reason = cut(messageOf(error))
      this.#quiet.pass('write', (suppressed) =>
        this.#deps.logger.error({ reason, suppressed }, 'order_journal_unwritten'),
      )
      return this.#step({ kind: 'unrecorded', reason })
    }
    this.#step({ kind: 'recorded' })
  }

  #start(row: JournalRow, callOf: (handler: OrderHandler) => HandlerCall | undefined): void {
    const handler = this.#handlers.get(row.verb)
    const call = handler && callOf(handler)
    if (!call || this.#closing) return // on the disk as started just when the agent stopped: interrupted
    const stop = new AbortController()
    const { id, key, verb } = row
    const context = { id, key, signal: stop.signal, progress: this.#progressOf(id) }
    this.#deps.logger.info({ id, verb, key }, 'order_started')
    const ended = carryOut(call, row, context).then((end) => {
      this.#running.delete(id)
      if (!end) return
      this.#deps.logger.info({ id, verb, ...end }, 'order_ended')
      this.#step({ kind: 'finished', id, end })
    })
    this.#running.set(id, { stop, ended })
  }

  #progressOf(id: string): (text: string) => void {
    let saidAt = Number.NEGATIVE_INFINITY
    return (text) => {
      const now = this.#deps.clock.monotonic()
      if (now - saidAt < progressMs || !this.#running.has(id)) return
      saidAt = now
      this.#report({ id, journal: this.journal, state: 'started', progress: cut(text) })
    }
  }

  #report(report: OrderReport): void {
    try {
      this.#deps.bus.publish(
        buildSubject(this.#options.address, 'reply', controllerHost, report.id),
        encodeReport(report),
      )
    } catch (error) {
      this.#deps.logger.debug({ id: report.id, error: messageOf(error) }, 'order_report_unsent')
    }
  }
}

function misnamed({ verb, id }: Order): LanistaError {
  return new LanistaError('ORDER_INVALID', `send the order under its own name: found ${verb} ${id} under another`)
}
