/**
 * Monitors over all clouds: hears what the clouds merged, lets `#protocol/monitors/wide-core.ts` decide, and tells the results. Which clouds
 * are expected follows from the hosts in the registry, and these go by leaving alone, so a cloud that falls silent stays expected.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import type { OwnEvent } from '#controller/events/event-service.ts'
import { every } from '#controller/every.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { MonitorContext, MonitorResult } from '#protocol/monitors/model.ts'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import { type ContextPlan, type PlannedMonitor, planContext } from '#protocol/monitors/plan.ts'
import type { WantedOf } from '#protocol/monitors/wanted.ts'
import { type WideAction, WideCore } from '#protocol/monitors/wide-core.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { cloudHost, controllerHost, parseSubject } from '#protocol/subjects/subject.ts'
import { cloudsOf, membersOf } from './cloud-list.ts'
import { MergedAsks } from './merged-asks.ts'
import { type CloudHosts, type Doubt, doubtOf } from './merged-doubt.ts'
import type { NewestResults } from './newest-results.ts'
import type { WindowResults } from './result-outlet.ts'

export interface CrossCloudOptions {
  readonly tenant: string
  /** Of the controller: tells its lives apart. */
  readonly session: number
}

/** Reads what is recorded of a monitor from a window end on. Rejects when not all could be asked, or with the signal's reason. */
export type Recall = (
  application: string,
  monitor: string,
  fromMs: number,
  signal: AbortSignal,
) => Promise<MonitorResult[]>

export interface CrossCloudDeps {
  readonly bus: Pick<Bus, 'subscribe' | 'publish'>
  readonly clock: Clock
  readonly logger: Logger
  readonly hosts: () => Iterable<KnownHost>
  readonly wantedOf: WantedOf
  readonly newest: NewestResults
  readonly recall: Recall
  /** Takes the results of a window. Must not throw. */
  readonly onResults: (results: WindowResults) => void
  /** Takes an event that somebody should look into. */
  readonly onAlarm: (event: OwnEvent) => void
}

export interface CrossCloudCounters {
  /** Windows published, and those published again with another value. */
  readonly published: number
  readonly revised: number
  /** Merged partials taken or looked at. */
  readonly heard: number
  /** Merged partials refused, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** Windows that a cloud has said nothing of in time. */
  readonly missed: number
}

/** Windows open and close in these steps, ms. */
const tickMs = 250
const recallsMax = 16

export class CrossCloud implements AsyncDisposable {
  readonly #options: CrossCloudOptions
  readonly #deps: CrossCloudDeps
  readonly #core: WideCore
  readonly #asks: MergedAsks
  readonly #logged: OnceAMinute
  readonly #alarms: OnceAMinute
  readonly #closing = new AbortController()
  readonly #stops: (() => void)[] = []
  readonly #recalls = new Set<Promise<void>>()
  readonly #refused = new Map<string, number>()
  readonly #counters = { published: 0, revised: 0, heard: 0, missed: 0 }
  #planned: ReadonlyMap<string, PlannedMonitor> = new Map()
  #plans: readonly ContextPlan[] = []
  #clouds: ReadonlyMap<string, CloudHosts> = new Map()
  #members = ''

  private constructor(options: CrossCloudOptions, deps: CrossCloudDeps) {
    const { tenant, session } = options
    this.#options = options
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
    this.#alarms = new OnceAMinute(deps.clock)
    this.#core = new WideCore({
      scope: 'cross-cloud',
      self: { host: controllerHost, session },
      wantedOf: deps.wantedOf,
    })
    this.#asks = new MergedAsks(tenant, deps.bus)
    const subscription = deps.bus.subscribe(`lanista.*.*.${cloudHost}.merged.>`, (message) => {
      if (message.subject.startsWith(`lanista.${tenant}.`)) this.#hear(message)
    })
    this.#stops.push(() => subscription.close())
  }

  /** Goes on behind the windows that the last life published. */
  static async open(
    options: CrossCloudOptions,
    contexts: readonly MonitorContext[],
    deps: CrossCloudDeps,
  ): Promise<CrossCloud> {
    const kept = await deps.newest.read()
    const opened = new CrossCloud(options, deps)
    opened.apply(contexts)
    for (const results of kept) opened.#core.step({ kind: 'published', ...results }, deps.clock.now())
    opened.#stops.push(every(deps.clock, tickMs, () => opened.#tick()))
    return opened
  }

  get counters(): CrossCloudCounters {
    const refused: Record<string, number> = Object.fromEntries(this.#core.refused)
    for (const [reason, count] of this.#refused) refused[reason] = count + (refused[reason] ?? 0)
    return { ...this.#counters, refused }
  }

  /** Takes these contexts in place of those before; what computes the same goes on. */
  apply(contexts: readonly MonitorContext[]): void {
    this.#plans = contexts.map((context) => planContext(context))
    this.#planned = new Map(
      this.#plans.flatMap(({ application, monitors }) =>
        monitors.map((planned) => [nameOf(application, planned.monitor.name), planned] as const),
      ),
    )
    this.#core.step({ kind: 'plans', plans: this.#plans }, this.#deps.clock.now())
    void this.#deps.newest.keep((application, monitor) => this.#planned.has(nameOf(application, monitor)))
  }

  /** Computes nothing more, and writes where it stopped. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const stop of this.#stops.splice(0).reverse()) stop()
    await Promise.all(this.#recalls)
    await this.#deps.newest.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #hear({ subject, body }: BusMessage): void {
    const { address, rest } = parseSubject(subject)
    const { cloud } = address
    const [application = '', monitor = ''] = rest
    this.#counters.heard++
    const planned = this.#planned.get(nameOf(application, monitor))
    if (planned?.monitor.scope !== 'cross-cloud') return this.#refuse('unplanned', cloud, monitor)
    try {
      const message = decodePartialMessage(body, Math.max(1, this.#hostsOf(cloud).size))
      const doubt = this.#doubt(cloud, (hosts) => doubtOf(message, planned, hosts))
      if (doubt !== undefined) return this.#accuse(doubt, cloud, message.by, nameOf(application, monitor))
      this.#asks.note(cloud, message.by)
      this.#core.step({ kind: 'partial', from: cloud, application, monitor, message }, this.#deps.clock.now())
    } catch (error) {
      if (!isLanistaError(error, 'MONITOR_PARTIAL_INVALID')) throw error
      this.#refuse('malformed', cloud, error.message)
    }
  }

  /** Hosts may have come since the last tick: who looks wrong is looked at again. */
  #doubt(cloud: string, judge: (hosts: CloudHosts) => Doubt | undefined): Doubt | undefined {
    const doubt = judge(this.#hostsOf(cloud))
    if (doubt === undefined) return undefined
    this.#lookAround()
    return judge(this.#hostsOf(cloud))
  }

  #hostsOf(cloud: string): CloudHosts {
    return this.#clouds.get(cloud) ?? new Map()
  }

  #refuse(reason: 'malformed' | 'unplanned', cloud: string, error: string): void {
    this.#count(reason)
    this.#logged.pass(`${cloud} ${reason}`, (suppressed) =>
      this.#deps.logger.debug({ cloud, reason, error, suppressed }, 'merged_refused'),
    )
  }

  /** Somebody lies, or is taken for somebody else: an operator must know. */
  #accuse(reason: Doubt, cloud: string, by: string, monitor: string): void {
    this.#count(reason)
    const { tenant, session } = this.#options
    this.#alarms.pass(`${cloud} ${by} ${reason}`, (suppressed) => {
      const fields = { cloud, by, reason, monitor, suppressed }
      this.#deps.logger.warn(fields, 'merged_doubted')
      const id = `merged-doubted.${session}.${cloud}.${by}.${reason}.${this.#deps.clock.now()}`
      this.#deps.onAlarm({ tenant, id, kind: 'monitor.doubted', fields })
    })
  }

  #count(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
  }

  #lookAround(): void {
    this.#clouds = cloudsOf(this.#options.tenant, this.#deps.hosts())
    const members = membersOf(this.#clouds)
    if (members.join(' ') === this.#members) return
    this.#members = members.join(' ')
    this.#core.step({ kind: 'members', members }, this.#deps.clock.now())
  }

  #tick(): void {
    try {
      this.#lookAround()
      for (const action of this.#core.step({ kind: 'tick' }, this.#deps.clock.now())) this.#act(action)
    } catch (error) {
      // a window that cannot be computed must not take those of others with it
      this.#logged.pass('tick', (suppressed) =>
        this.#deps.logger.error({ suppressed, error: messageOf(error) }, 'cross_cloud_failed'),
      )
    }
  }

  #act(action: WideAction): void {
    switch (action.kind) {
      case 'publish': {
        const { kind: _, ...window } = action
        const by = { host: controllerHost, session: this.#options.session }
        this.#counters.published++
        if (action.revision > 0) this.#counters.revised++
        this.#deps.newest.note({ ...window, by })
        const unit = this.#planned.get(nameOf(action.application, action.monitor))?.monitor.unit
        this.#deps.onResults({ ...window, unit })
        return
      }
      case 'ask':
        this.#counters.missed += action.windows.length
        this.#asks.ask(action.member, this.#hostsOf(action.member), action.windows)
        return
      case 'recall':
        this.#recall(action)
        return
      case 'merged':
        return
    }
  }

  #recall({ application, monitor, fromMs }: Extract<WideAction, { kind: 'recall' }>): void {
    if (this.#recalls.size >= recallsMax) return // asked again in a moment
    const { clock, logger } = this.#deps
    const done = this.#deps
      .recall(application, monitor, fromMs, this.#closing.signal)
      .then((results) => {
        this.#core.step({ kind: 'history', application, monitor, fromMs, results }, clock.now())
      })
      .catch((error: unknown) => logger.debug({ application, monitor, error: messageOf(error) }, 'recall_failed'))
      .finally(() => this.#recalls.delete(done))
    this.#recalls.add(done)
  }
}

function nameOf(application: string, monitor: string): string {
  return `${application}.${monitor}`
}
