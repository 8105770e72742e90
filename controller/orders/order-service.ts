/**
 * Orders for agents, as the rest of the controller issues them. `issue` is for what is to happen whenever the host can: it
 * resolves once the order is on our disk, and from then on the order ends in exactly one terminal state. `call` is for what is to
 * happen now. The core decides; here are the registry, the bus, the signature, and who waits for what.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { encodeOrder, type Sign } from '#protocol/orders/envelope-encoder.ts'
import { newOrderId } from '#protocol/orders/order.ts'
import { type OrdersSettled, parseReport, settledOrdersMax } from '#protocol/orders/report.ts'
import { isTerminal } from '#protocol/orders/states.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { buildSubject, controllerHost, hostIdOf, parseHostId, parseSubject } from '#protocol/subjects/subject.ts'
import { type OrderAsk, orderLifetimeMs, wishOf } from './order-ask.ts'
import { OrderCore } from './order-core.ts'
import { nobodyThere, tooLate, unknownOrder, unwritten } from './order-errors.ts'
import type { OrderAction, OrderCoreOptions, OrderCounters, OrderEvent } from './order-events.ts'
import { type OrderHost, OrderHosts } from './order-hosts.ts'
import { type OrderRow, parseOrderFacts, parseOrderRow } from './order-row.ts'
import { OrderWaits } from './order-waits.ts'

export interface OrderServiceOptions {
  /** The controller's own session number. */
  readonly session: number
  readonly limits?: Partial<OrderCoreOptions> | undefined
}

export interface OrderServiceDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe' | 'request' | 'states'>
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  /** Signs with the order key. */
  readonly sign: Sign
  /** Every host known. */
  readonly hosts: () => Iterable<OrderHost>
}

const limitsDefault: OrderCoreOptions = {
  hostOpenMax: 1000,
  openMax: 50_000,
  openBytesMax: 67_108_864,
  settledMax: 10_000,
  settledBytesMax: 16_777_216,
  settledKeepMs: 604_800_000,
  sendsMax: 500,
}
const rowPrefix = 'order!'
const factsKey = 'orders!facts'
const tickMs = 250

export class OrderService implements AsyncDisposable {
  readonly #deps: OrderServiceDeps
  readonly #session: number
  readonly #core: OrderCore
  readonly #hosts = new OrderHosts()
  readonly #issued = new OrderWaits()
  readonly #settled = new OrderWaits()
  /** Calls not sent yet, by order: what to do when nobody is there. */
  readonly #calls = new Map<string, { readonly signal: AbortSignal; readonly deadlineMs: number }>()
  readonly #listeners = new Set<(row: OrderRow) => void>()
  readonly #quiet: OnceAMinute
  readonly #stops: (() => void)[] = []
  #acknowledged = new Map<string, string[]>()
  #acks = 0
  #writing: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(options: OrderServiceOptions, deps: OrderServiceDeps, core: OrderCore) {
    this.#deps = deps
    this.#session = options.session
    this.#core = core
    this.#quiet = new OnceAMinute(deps.clock)
  }

  /** Takes up the orders in the registry, and listens. */
  static async open(options: OrderServiceOptions, deps: OrderServiceDeps): Promise<OrderService> {
    const rows: OrderRow[] = []
    for await (const { value } of deps.registry.list(rowPrefix)) {
      const row = parseOrderRow(value)
      if (row) rows.push(row)
    }
    const facts = parseOrderFacts(await deps.registry.get(factsKey))
    const service = new OrderService(options, deps, new OrderCore({ ...limitsDefault, ...options.limits }, facts, rows))
    service.#listen()
    return service
  }

  get counters(): OrderCounters {
    return this.#core.counters
  }

  /** Orders that are not over. */
  get open(): number {
    return this.#core.open
  }

  /** Controller time, epoch ms: what expiry is judged by. */
  get nowMs(): number {
    return this.#core.nowMs
  }

  get(id: string): OrderRow | undefined {
    return this.#core.get(id)
  }

  /** All that are kept, the oldest first. */
  rows(): Iterable<OrderRow> {
    return this.#core.rows()
  }

  /**
   * Issues a durable order: it survives absence, ours and the host's, and once this resolves it ends in one terminal state. Wait for
   * that with `settled`, or hear it by `onSettled`.
   * @param lifetimeMs not started later than this from now; default an hour, at most a week
   * @throws LanistaError ORDER_INVALID, BUSY (too many open), REGISTRY_WRITE_FAILED (it may have been issued or not), CLOSED
   */
  async issue(ask: OrderAsk, lifetimeMs: number = orderLifetimeMs): Promise<OrderRow> {
    return this.#issue(ask, lifetimeMs, newOrderId())
  }

  /**
   * Has something done now, and waits for its end. After the time limit the order is not started any more, but one that was started
   * goes on.
   * @returns the order with its terminal state, `done` or another
   * @throws LanistaError HOST_UNAVAILABLE (nobody is there: told at once), ORDER_UNANSWERED, and as `issue`; the signal's reason
   */
  async call(ask: OrderAsk, deadlineMs: number, signal: AbortSignal): Promise<OrderRow> {
    this.#look()
    const target = hostIdOf(ask.target)
    if (![...this.#deps.hosts()].some(({ id, isHere }) => id === target && isHere)) throw nobodyThere(target)
    const late = new AbortController()
    const cancel = this.#deps.clock.after(deadlineMs, () => late.abort(tooLate(target, deadlineMs)))
    const either = AbortSignal.any([signal, late.signal])
    const id = newOrderId()
    this.#calls.set(id, { signal: either, deadlineMs })
    try {
      const settled = this.#settled.wait(id, either)
      settled.catch(() => {}) // issuing may fail first; then nobody waits any more
      await this.#issue(ask, deadlineMs, id)
      return await settled
    } finally {
      cancel()
      late.abort()
      this.#calls.delete(id)
    }
  }

  /** The order once it has ended. Throws ORDER_UNKNOWN, CLOSED, the signal's reason. */
  async settled(id: string, signal: AbortSignal): Promise<OrderRow> {
    const row = this.#core.get(id)
    if (!row) throw unknownOrder(id)
    return isTerminal(row.state) ? row : this.#settled.wait(id, signal)
  }

  /**
   * Takes an order back: one that was never sent is superseded at once, for another a `ping` under its key is issued, which makes it
   * superseded unless it has been started, and asks its handler to end if it has. Throws ORDER_UNKNOWN, and as `issue`.
   */
  async cancel(id: string): Promise<OrderRow> {
    this.#step({ kind: 'cancel', id })
    const row = this.#core.get(id)
    if (!row) throw unknownOrder(id)
    if (isTerminal(row.state)) return row
    await this.issue({ target: parseHostId(row.target), verb: 'ping', key: row.key })
    return this.#core.get(id) ?? row
  }

  /** Calls back for each order that ends, once our disk has that; the returned function ends it. A crash may skip one. */
  onSettled(listener: (row: OrderRow) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Sends and hears no more; orders go on with the next start. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    this.#issued.close()
    this.#settled.close()
    await this.#writing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #issue(ask: OrderAsk, lifetimeMs: number, id: string): Promise<OrderRow> {
    if (this.#isClosed) throw new LanistaError('CLOSED', 'ask the next controller: this one is stopping')
    const wish = wishOf(ask, lifetimeMs, id)
    this.#core.expectRoom(wish.target, wish.body.length)
    const issued = this.#issued.wait(id)
    this.#step({ kind: 'issue', wish })
    return issued
  }

  #listen(): void {
    const { bus, clock } = this.#deps
    const replies = bus.subscribe(`lanista.*.*.*.reply.${controllerHost}.>`, (message) => this.#hear(message))
    this.#stops.push(() => replies.close())
    this.#stops.push(
      every(clock, tickMs, () => {
        this.#look()
        this.#step({ kind: 'tick' })
      }),
    )
    const follow = async (): Promise<void> => {
      for await (const { state } of bus.states()) {
        if (this.#isClosed) return
        if (state === 'up') this.#hosts.forget()
      }
    }
    void follow()
    this.#look()
  }

  /** Answers to queries come on the same subjects, under other ids. */
  #hear({ subject, body }: BusMessage): void {
    if (!subject.startsWith('ord-', subject.lastIndexOf('.') + 1) || body.length === 0) return
    const target = hostIdOf(parseSubject(subject).address)
    try {
      this.#step({ kind: 'reported', target, report: parseReport(body) })
    } catch (error) {
      if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
      this.#quiet.pass(target, (suppressed) =>
        this.#deps.logger.warn({ target, suppressed, error: error.message }, 'order_report_malformed'),
      )
    }
  }

  #look(): void {
    const targets = new Set(this.#core.targets())
    for (const event of this.#hosts.look(this.#deps.hosts(), targets, this.#deps.clock.now())) this.#step(event)
  }

  #step(event: OrderEvent): void {
    for (const action of this.#core.step(event, this.#deps.clock.now())) this.#act(action)
    this.#acknowledge()
  }

  #act(action: OrderAction): void {
    switch (action.kind) {
      case 'write':
        this.#writing = this.#write(action)
        return
      case 'issued':
        return this.#issued.resolve(action.row)
      case 'unissued':
        return this.#issued.reject(action.id, unwritten())
      case 'send':
        return this.#send(action)
      case 'acknowledge':
        this.#acknowledged.set(action.target, [...(this.#acknowledged.get(action.target) ?? []), action.id])
        return
      case 'settled':
        return this.#tell(action.row)
    }
  }

  async #write({ facts, rows, sync }: Extract<OrderAction, { kind: 'write' }>): Promise<void> {
    const changes: RegistryChange[] = [{ key: factsKey, value: facts }]
    for (const [id, value] of rows) {
      const key = rowPrefix + id
      changes.push(value ? { key, value } : { key, remove: true })
    }
    let isWritten = true
    try {
      await this.#deps.registry.write(changes, { sync })
    } catch (error) {
      isWritten = false
      this.#quiet.pass('write', (suppressed) =>
        this.#deps.logger.error({ error: messageOf(error), suppressed }, 'orders_not_persisted'),
      )
    }
    if (!this.#isClosed) this.#step({ kind: isWritten ? 'recorded' : 'unrecorded' })
  }

  /** What cannot be sent now is sent again by the core. */
  #send({ row, journal, sentMs }: Extract<OrderAction, { kind: 'send' }>): void {
    const subject = buildSubject(parseHostId(row.target), 'order', row.verb, row.id)
    const bytes = encodeOrder({ ...row, journal, session: this.#session, sentMs }, this.#deps.sign)
    const call = this.#calls.get(row.id)
    try {
      if (!call) return this.#deps.bus.publish(subject, bytes)
      this.#calls.delete(row.id)
      this.#deps.bus.request(subject, bytes, call).catch((error: unknown) => {
        if (isLanistaError(error, 'NO_ONE_THERE')) this.#settled.reject(row.id, nobodyThere(row.target))
      })
    } catch (error) {
      this.#deps.logger.debug({ id: row.id, error: messageOf(error) }, 'order_unsent')
    }
  }

  /** One message a host for all ends that came with one write. */
  #acknowledge(): void {
    const acknowledged = this.#acknowledged
    if (acknowledged.size === 0) return
    this.#acknowledged = new Map()
    for (const [target, ids] of acknowledged) {
      for (let i = 0; i < ids.length; i += settledOrdersMax) {
        const settled: OrdersSettled = { orders: ids.slice(i, i + settledOrdersMax) }
        const subject = buildSubject(parseHostId(target), 'control', 'settled', `s${this.#acks++}`)
        try {
          this.#deps.bus.publish(subject, encodeJson(settled))
        } catch (error) {
          this.#deps.logger.debug({ target, error: messageOf(error) }, 'orders_settled_unsent')
        }
      }
    }
  }

  #tell(row: OrderRow): void {
    const { id, target, verb, state, code } = row
    this.#deps.logger.info({ id, target, verb, state, code }, 'order_settled')
    this.#settled.resolve(row)
    for (const listener of this.#listeners) listener(row)
  }
}
