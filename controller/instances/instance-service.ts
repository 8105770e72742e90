/**
 * Instances at work: follows applications, hosts and orders, lets the reconciler decide, writes what it decided, and orders it. A round runs when
 * something has changed, each second while something is waited for, and else each ten; rounds run one after the other, and nothing is ordered that is not on the disk.
 */
import type { Bus } from '#broker/bus.ts'
import type { ApplicationRegistry } from '#controller/applications/application-registry.ts'
import type { CodeService } from '#controller/code/code-service.ts'
import { every } from '#controller/every.ts'
import type { OrderService } from '#controller/orders/order-service.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type ExecOutcome, execOutcomeSchema, instanceKey, instanceVerbs } from '#protocol/instances/instance-orders.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import type { Drain, Fleet } from './fleet.ts'
import { fleetHosts, wantedComponents } from './fleet-view.ts'
import { HostReports } from './host-reports.ts'
import { InstanceLog, type LogChoice } from './instance-log.ts'
import { type InstanceRecord, instanceName } from './instance-record.ts'
import { drainChange, type InstanceRows, readInstanceRows, recordChange, rowsOf } from './instance-rows.ts'
import type { Membership } from './membership.ts'
import { OrderWatch } from './order-watch.ts'
import { reconcile } from './reconcile.ts'
import type { Decided, DueOrder } from './round.ts'

export interface InstanceServiceDeps {
  readonly bus: Pick<Bus, 'request' | 'subscribe'>
  readonly registry: RegistryStore
  readonly applications: Pick<ApplicationRegistry, 'list' | 'onChange'>
  readonly orders: Pick<OrderService, 'issue' | 'call' | 'onSettled' | 'rows'>
  readonly hosts: () => Iterable<KnownHost>
  readonly code: Pick<CodeService, 'decide' | 'onChange'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface InstanceCounters {
  readonly rounds: number
  readonly created: number
  readonly ordered: number
  /** Orders that could not be issued, and rounds that could not be written. */
  readonly failed: number
}

/** Changes by hand that wait for their turn. */
const waitingMax = 64
/** What happens at once is looked at once, ms. */
const calmMs = 20
const tickMs = 1000
const idleTickMs = 10_000
/** Right after a start not all hosts are known yet: one that is not known then is gone, ms. */
const knownAfterMs = 600_000
/** How long a restart may take to be begun. */
const restartMs = 30_000

export class InstanceService {
  readonly #tenant: string
  readonly #deps: InstanceServiceDeps
  readonly #rows: InstanceRows
  readonly #watch = new OrderWatch()
  readonly #reports: HostReports
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  readonly #stop = new AbortController()
  readonly #stops: (() => void)[] = []
  readonly #quiet: OnceAMinute
  readonly #counters = { rounds: 0, created: 0, ordered: 0, failed: 0 }
  readonly #openedAtMs: number
  #decided: Decided | undefined
  #codes: Fleet['codes'] = new Map()
  #running: Promise<void> = Promise.resolve()
  #isDue = false
  #cancel: (() => void) | undefined

  private constructor(tenant: string, deps: InstanceServiceDeps, rows: InstanceRows) {
    this.#tenant = tenant
    this.#deps = deps
    this.#rows = rows
    this.#openedAtMs = deps.clock.monotonic()
    this.#quiet = new OnceAMinute(deps.clock)
    const { bus, clock, logger, hosts } = deps
    this.#reports = HostReports.start({ tenant, bus, clock, logger, hosts, onChange: () => this.#kick() })
  }

  /** Reads the instances there are, and goes on with them. */
  static async open(tenant: string, deps: InstanceServiceDeps): Promise<InstanceService> {
    const service = new InstanceService(tenant, deps, await readInstanceRows(tenant, deps.registry))
    service.#watch.restore(tenant, deps.orders.rows(), deps.clock.now())
    service.#follow()
    return service
  }

  get counters(): InstanceCounters {
    return this.#counters
  }

  /** As it is now. */
  fleet(): Fleet {
    const { hosts, applications, clock } = this.#deps
    const { records, numbers, memberships, drains } = this.#rows
    const reportOf = (host: string, session: number): ReturnType<HostReports['reportOf']> =>
      this.#reports.reportOf(host, session)
    return {
      ...wantedComponents(applications.list(this.#tenant)),
      hosts: fleetHosts(this.#tenant, { hosts: hosts(), drains, reportOf, nowMs: clock.monotonic() }),
      records,
      orders: this.#watch.orders,
      refusals: this.#decided?.refusals,
      numbers,
      memberships,
      codes: this.#codes,
      nowMs: clock.now(),
      knowsHosts: clock.monotonic() - this.#openedAtMs >= knownAfterMs,
    }
  }

  /** What the last round decided; undefined before the first. */
  get decided(): Decided | undefined {
    return this.#decided
  }

  /** By id or by name: `shop-web-1`, `shop/web-1`. Throws NOT_FOUND. */
  find(name: string): InstanceRecord {
    const record = this.#rows.records.get(name.replace('/', '-'))
    if (record) return record
    const known = [...this.#rows.records.values()].slice(0, 20).map(instanceName).join(', ')
    throw new LanistaError('NOT_FOUND', `name another instance: found no ${name}, expected one of ${known || 'none'}`)
  }

  /** Stops an instance, or lets it run again; it stays what it is. Throws NOT_FOUND, BUSY, REGISTRY_WRITE_FAILED. */
  async setStopped(name: string, isStopped: boolean, signal: AbortSignal): Promise<void> {
    await this.#turns.run(async () => {
      const record = { ...this.find(name), isStopped }
      await this.#deps.registry.write([recordChange(this.#tenant, record.id, record)], { sync: true })
      this.#rows.records.set(record.id, record)
    }, signal)
    this.#kick()
  }

  /** Has it stopped and started again now. Throws NOT_FOUND, ORDER_FAILED, HOST_UNAVAILABLE and as OrderService.call. */
  async restart(name: string, signal: AbortSignal): Promise<void> {
    const { id, host } = this.find(name)
    const ask = { target: parseHostId(host), verb: instanceVerbs.restart, body: { id }, key: instanceKey(id) }
    await this.#call(ask, restartMs, signal)
    this.#reports.askSoon(host)
  }

  /** Runs a command inside it. Throws NOT_FOUND, ORDER_FAILED, HOST_UNAVAILABLE and as OrderService.call. */
  async exec(name: string, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<ExecOutcome> {
    const { id, host } = this.find(name)
    const body = { id, command, timeoutMs }
    const result = await this.#call({ target: parseHostId(host), verb: instanceVerbs.exec, body }, timeoutMs, signal)
    const outcome = execOutcomeSchema.safeParse(result === undefined ? undefined : JSON.parse(result))
    if (outcome.success) return outcome.data
    throw new LanistaError('ORDER_FAILED', `use a lanista of one version: ${host} answered in another shape`)
  }

  /** Its log, as its host sends it. Throws NOT_FOUND, and as InstanceLog.open. */
  log(name: string, choice: LogChoice, signal: AbortSignal): Promise<InstanceLog> {
    return InstanceLog.open(this.find(name), choice, this.#deps, signal)
  }

  /** Empties a host, or has instances placed on it again; without a deadline it keeps the one it has. Throws REGISTRY_WRITE_FAILED, BUSY. */
  async drain(host: string, deadlineMs: number | undefined, isDrained: boolean, signal: AbortSignal): Promise<void> {
    await this.#turns.run(async () => {
      const nowMs = this.#deps.clock.now()
      const before = this.#rows.drains.get(host)
      const until = deadlineMs === undefined ? before?.deadlineMs : nowMs + deadlineMs
      const drain: Drain | undefined = isDrained ? { sinceMs: before?.sinceMs ?? nowMs, deadlineMs: until } : undefined
      await this.#deps.registry.write([drainChange(host, drain)], { sync: true })
      if (drain) this.#rows.drains.set(host, drain)
      else this.#rows.drains.delete(host)
    }, signal)
    this.#kick()
  }

  /** Decides nothing more; what was decided is written. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new LanistaError('CLOSED', 'ask the next controller: this one is stopping'))
    for (const stop of this.#stops.splice(0)) stop()
    this.#cancel?.()
    this.#reports.close()
    await this.#running
  }

  #follow(): void {
    const { applications, code, orders, clock } = this.#deps
    this.#stops.push(
      applications.onChange(({ tenant }) => {
        if (tenant === this.#tenant) this.#kick()
      }),
      code.onChange(() => this.#kick()),
      orders.onSettled((row) => {
        if (!this.#watch.settled(row, clock.now())) return
        this.#reports.askSoon(row.target)
        this.#kick()
      }),
      every(clock, tickMs, () => {
        if (this.#isPending) this.#kick()
      }),
      every(clock, idleTickMs, () => this.#kick()),
    )
  }

  /** What waits for its time, or for something that nobody tells, is looked at more often. */
  get #isPending(): boolean {
    const { waits, orders, changes } = this.#decided ?? {}
    return [waits?.size, orders?.length, changes?.size, this.#rows.drains.size].some((count) => count !== 0)
  }

  #kick(): void {
    if (this.#isDue || this.#stop.signal.aborted) return
    this.#isDue = true
    this.#cancel = this.#deps.clock.after(calmMs, () => {
      this.#running = this.#running.then(() => this.#round())
    })
  }

  async #round(): Promise<void> {
    this.#isDue = false
    if (this.#stop.signal.aborted) return
    try {
      await this.#turns.run(() => this.#reconcile(), this.#stop.signal)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#counters.failed++
      this.#quiet.pass('round', (suppressed) =>
        this.#deps.logger.error({ error: messageOf(error), suppressed }, 'instances_not_reconciled'),
      )
    }
  }

  async #reconcile(): Promise<void> {
    const { clock, registry } = this.#deps
    this.#codes = await this.#deps.code.decide(this.fleet())
    const decided = reconcile(this.fleet())
    const rows = rowsOf(this.#tenant, decided)
    if (rows.length > 0) await registry.write(rows, { sync: true })
    this.#counters.rounds++
    for (const [id, record] of decided.changes) this.#keep(id, record)
    for (const [prefix, number] of decided.numbers) this.#rows.numbers.set(prefix, number)
    for (const [component, membership] of decided.memberships) this.#keepMembership(component, membership)
    this.#decided = decided
    for (const order of decided.orders) this.#watch.issuing(order, clock.now())
    await Promise.all(decided.orders.map((order) => this.#issue(order)))
    this.#watch.prune((id) => this.#rows.records.has(id), clock.now())
    if (decided.isCut) this.#kick()
  }

  #keep(id: string, record: InstanceRecord | undefined): void {
    const { records } = this.#rows
    const { logger } = this.#deps
    if (!record) {
      records.delete(id)
      logger.info({ instance: id }, 'instance_gone')
      return
    }
    const before = records.get(id)
    records.set(id, record)
    if (!before) {
      this.#counters.created++
      logger.info({ instance: id, host: record.host }, 'instance_placed')
    } else if (record.isLeaving && !before.isLeaving) logger.info({ instance: id }, 'instance_leaves')
  }

  #keepMembership(component: string, membership: Membership): void {
    const { memberships } = this.#rows
    const { term, master } = membership
    if (memberships.get(component)?.term !== term) {
      this.#deps.logger.info({ serving: component, term, master: master.id }, 'master_elected')
    }
    memberships.set(component, membership)
  }

  async #issue(due: DueOrder): Promise<void> {
    const { id, host, verb, body } = due
    try {
      const row = await this.#deps.orders.issue({ target: parseHostId(host), verb, body, key: instanceKey(id) })
      this.#watch.issued(id, row.id)
      this.#counters.ordered++
    } catch (error) {
      this.#counters.failed++
      this.#watch.refused(id, messageOf(error), this.#deps.clock.now())
      this.#quiet.pass('issue', (suppressed) =>
        this.#deps.logger.warn({ instance: id, host, error: messageOf(error), suppressed }, 'instance_not_ordered'),
      )
    }
  }

  async #call(
    ask: Parameters<OrderService['call']>[0],
    limitMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const row = await this.#deps.orders.call(ask, limitMs + restartMs, signal)
    if (row.state === 'done') return row.result
    throw new LanistaError(
      'ORDER_FAILED',
      `look at the host: the order was ${row.state}: ${row.reason ?? 'no reason given'}`,
      {
        data: { state: row.state, code: row.code },
      },
    )
  }
}
