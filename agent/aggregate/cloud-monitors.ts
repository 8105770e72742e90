/**
 * The part of an agent in the monitors of its whole cloud: says what this host knows, hears what the others say where the ring names this
 * agent to merge it, records and publishes the results. Who is there changes at any time, and so does what is computed here.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { parseMergedAsk } from '#protocol/messages/merged-ask.ts'
import { resultMessage } from '#protocol/messages/result.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { monitorKey, monitorMetric } from '#protocol/monitors/model.ts'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import type { ContextPlan, PlannedMonitor } from '#protocol/monitors/plan.ts'
import type { WideAction } from '#protocol/monitors/wide-core.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import {
  type Address,
  buildSubject,
  cloudHost,
  metricSubject,
  parseSubject,
  prefixOf,
} from '#protocol/subjects/subject.ts'
import type { HistorySource } from '../ring/copies-history.ts'
import type { RingView } from '../ring/ring-view.ts'
import type { HistoryStore } from '../store/store.ts'
import type { Aggregate } from './aggregate.ts'
import { AggregatorCore, type AggregatorEvent } from './aggregator-core.ts'
import { MemberList } from './member-list.ts'
import { PartialListener } from './partial-listener.ts'
import { ownWord, QuietWords } from './partial-words.ts'
import { PeerAnswers } from './peer-answers.ts'
import { PeerAsks } from './peer-asks.ts'
import { parsePublishedNote } from './peer-messages.ts'
import { resultSeriesMax } from './result-recorder.ts'
import { type PublishedWindow, Successors } from './successors.ts'

export interface CloudMonitorsOptions {
  readonly address: Address
  /** Where the members of the cloud are kept. */
  readonly data: string
}

export interface CloudMonitorsDeps {
  readonly aggregate: Aggregate
  readonly bus: Pick<Bus, 'publish' | 'subscribe' | 'request' | 'state'>
  readonly store: Pick<HistoryStore, 'read'>
  readonly view: () => RingView
  readonly copiesOf: (owner: string) => Promise<HistorySource | undefined>
  readonly session: () => number
  readonly clock: Clock
  readonly logger: Logger
  /** Sends series of these selectors to the controller, too. */
  readonly selectUplink: (selectors: readonly string[]) => void
}

/** Between two looks at windows, ms, and at the ring alone while nothing is merged here. */
const tickMs = 500
const idleTickMs = 2_000
/** After the bus is up the others have so long to show that they are there, ms: nobody merges for a cloud it does not know. */
export const settleMs = 5_000
/** The clock of whoever publishes may be this much ahead, ms. */
const aheadMsMax = 1_000

type WideEvent = Exclude<AggregatorEvent, { kind: 'ring' }>

export class CloudMonitors implements AsyncDisposable {
  readonly #options: CloudMonitorsOptions
  readonly #deps: CloudMonitorsDeps
  readonly #core: AggregatorCore
  readonly #members: MemberList
  readonly #answers: PeerAnswers
  readonly #asks: PeerAsks
  readonly #successors: Successors
  readonly #quiet = new QuietWords()
  readonly #closing = new AbortController()
  readonly #open = new Set<Promise<void>>()
  readonly #subscriptions: readonly { close(): void }[]
  readonly #listener: PartialListener
  #planned = new Map<string, PlannedMonitor>()
  #plans: readonly ContextPlan[] = []
  #cancelTick: (() => void) | undefined
  #upSinceMs: number | undefined
  #seen: { readonly ring: unknown; readonly changes: number } | undefined

  /** Begins at once. */
  constructor(options: CloudMonitorsOptions, deps: CloudMonitorsDeps) {
    const { address, data } = options
    const { aggregate, bus, session, clock, logger } = deps
    const { counts, host } = aggregate
    this.#options = options
    this.#deps = deps
    const self = {
      host: address.host,
      get session() {
        return session()
      },
    }
    this.#core = new AggregatorCore({ cloud: address.cloud, self })
    this.#members = new MemberList(data, logger)
    this.#answers = new PeerAnswers(address, { ...deps, host, counts, plans: () => this.#plans })
    this.#asks = new PeerAsks(address, { ...deps, answers: this.#answers, counts, clock, logger })
    this.#successors = new Successors(address, { bus, view: deps.view, counts })
    const { tenant, cloud } = address
    this.#listener = new PartialListener(`lanista.${tenant}.${cloud}.*`, bus, (message) => this.#onPartial(message))
    const own = prefixOf(address)
    this.#subscriptions = [
      bus.subscribe(`${own}.control.monitors.>`, ({ body }) => aggregate.hear(body)),
      bus.subscribe(`${own}.control.merged.>`, (message) => this.#onAsked(message)),
      bus.subscribe(`${own}.ring.*.published.>`, (message) => this.#onPublished(message)),
    ]
    aggregate.follow({
      onPlans: (plans, uplink) => this.#onPlans(plans, uplink),
      onPartial: (partial) => this.#onOwn(partial),
    })
    this.#tick()
  }

  /** Hears and says no more; what this host computes by itself goes on. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancelTick?.()
    this.#deps.aggregate.follow(undefined)
    for (const subscription of [...this.#subscriptions, this.#listener]) subscription.close()
    await this.#answers.close()
    await Promise.all(this.#open)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #onPlans(plans: readonly ContextPlan[], uplink: readonly string[]): void {
    this.#plans = plans
    this.#planned = new Map(
      plans.flatMap(({ application, monitors }) =>
        monitors.map((planned) => [monitorKey(application, planned.monitor.name), planned] as const),
      ),
    )
    this.#deps.selectUplink(uplink)
    this.#successors.select(plans)
    this.#step({ kind: 'plans', plans })
    this.#listen()
  }

  /** What this host says of a wider monitor: to itself where it merges, else to all who listen. */
  #onOwn(partial: MonitorPartial): void {
    const { application, monitor } = partial
    const everyMs = this.#planned.get(monitorKey(application, monitor))?.monitor.everyMs ?? 1
    const message = ownWord(partial, this.#deps.session())
    const { host } = this.#options.address
    if (this.#core.computes(application, monitor)) {
      this.#step({ kind: 'partial', from: host, application, monitor, message })
    } else if (this.#quiet.passes(partial, everyMs)) {
      this.#sendPartial(buildSubject(this.#options.address, 'partial', application, monitor), message)
    }
  }

  #onPartial({ subject, body }: BusMessage): void {
    const { address, rest } = parseSubject(subject)
    const [application = '', monitor = ''] = rest
    const { counts } = this.#deps.aggregate
    const planned = this.#planned.get(monitorKey(application, monitor))
    if (planned === undefined || address.host === this.#options.address.host) return
    if (!this.#core.computes(application, monitor)) return
    counts.partialsIn++
    try {
      const message = decodePartialMessage(body)
      if (this.#deps.clock.now() > message.windowEndMs + planned.closesMs.cloud) counts.late++
      this.#step({ kind: 'partial', from: address.host, application, monitor, message })
    } catch (error) {
      this.#refuse(subject, error)
    }
  }

  /** Another one merges, or merged, what this agent is next in line for. */
  #onPublished({ subject, body }: BusMessage): void {
    const [host = ''] = parseSubject(subject).rest
    try {
      const { session, results, isToKeep, ...window } = parsePublishedNote(body)
      const { application, monitor, windowEndMs, revision } = window
      const whole = results.map((result) => ({ ...result, application, monitor, windowEndMs, revision }))
      this.#step({ kind: 'published', by: { host, session }, ...window, results: whole })
      if (isToKeep === true) this.#keep({ ...window, results: whole })
    } catch (error) {
      this.#refuse(subject, error)
    }
  }

  /** Results of another one are recorded here, too: it may die before there are copies of its own. */
  #keep(window: PublishedWindow): void {
    const planned = this.#planned.get(monitorKey(window.application, window.monitor))
    const isPast = window.windowEndMs <= this.#deps.clock.now() + aheadMsMax
    if (planned?.monitor.scope === 'cloud' && isPast) this.#deps.aggregate.peersRecorder.recordCloud(window)
  }

  /** The controller lacks what was merged here. */
  #onAsked({ subject, body }: BusMessage): void {
    try {
      this.#step({ kind: 'again', windows: parseMergedAsk(body).windows })
    } catch (error) {
      this.#refuse(subject, error)
    }
  }

  #refuse(subject: string, error: unknown): void {
    if (!isLanistaError(error)) throw error
    this.#deps.aggregate.counts.refuse('message')
    this.#deps.logger.debug({ subject, error: error.message }, 'monitor_message_refused')
  }

  #tick(): void {
    if (this.#closing.signal.aborted) return
    this.#look()
    this.#step({ kind: 'tick' })
    const { counts } = this.#deps.aggregate
    counts.partialsRefused = this.#core.refused
    this.#cancelTick = this.#deps.clock.after(counts.cloudMonitors > 0 ? tickMs : idleTickMs, () => this.#tick())
  }

  /** Takes over and lets go by what the ring is now. Who is cut off, or has just come, merges nothing. */
  #look(): void {
    const { bus, clock, view } = this.#deps
    const nowMs = clock.monotonic()
    this.#upSinceMs = bus.state === 'up' ? (this.#upSinceMs ?? nowMs) : undefined
    const isSettled = this.#upSinceMs !== undefined && nowMs - this.#upSinceMs >= settleMs
    const { ring, changes, isLive, states } = view()
    const seen = isSettled ? { ring, changes } : undefined
    if (seen?.ring === this.#seen?.ring && seen?.changes === this.#seen?.changes) return
    const isFirst = this.#seen === undefined
    this.#seen = seen
    if (isSettled) this.#members.update(states())
    const before = new Set(this.#core.monitors.map(({ application, monitor }) => monitorKey(application, monitor)))
    const live = isSettled ? isLive : (): boolean => false
    const actions = this.#core.step({ kind: 'ring', ring, isLive: live, members: this.#members.hosts }, clock.now())
    for (const action of actions) this.#do(action)
    this.#listen()
    const taken = this.#core.monitors.filter(
      ({ application, monitor }) => !before.has(monitorKey(application, monitor)),
    )
    if (!isFirst) this.#deps.aggregate.counts.takeOvers += taken.length
    this.#quiet.forget()
    if (isSettled) this.#successors.tellAgain()
  }

  #step(event: WideEvent): void {
    for (const action of this.#core.step(event, this.#deps.clock.now())) this.#do(action)
  }

  /** Listens to the partials of what is merged here. */
  #listen(): void {
    this.#deps.aggregate.counts.cloudMonitors = this.#core.monitors.length
    this.#listener.select(this.#core.monitors)
  }

  #do(action: WideAction): void {
    switch (action.kind) {
      case 'publish':
        this.#publish(action)
        return
      case 'merged': {
        const { application, monitor, message } = action
        const cloud = { ...this.#options.address, host: cloudHost }
        this.#sendPartial(buildSubject(cloud, 'merged', application, monitor), message)
        this.#successors.tell(
          { ...windowOf(action, message.windowEndMs), revision: 0, results: [] },
          this.#deps.session(),
        )
        return
      }
      case 'ask':
        this.#later(async (signal) => {
          const words = await this.#asks.partials(action.member, action.windows, signal)
          for (const word of words) this.#step({ kind: 'partial', from: action.member, ...word })
        })
        return
      case 'recall':
        this.#later((signal) => this.#recall(action, signal))
    }
  }

  #publish(action: Extract<WideAction, { kind: 'publish' }>): void {
    const { aggregate, session } = this.#deps
    const { application, monitor, windowEndMs, results, revision } = action
    const { counts, recorder } = aggregate
    const by = { host: this.#options.address.host, session: session() }
    recorder.recordCloud(action)
    if (revision > 0) counts.recomputed++
    const subject = metricSubject({ ...this.#options.address, host: cloudHost }, monitorMetric(application, monitor))
    const unit = recorder.unitOf(application, monitor)
    for (const result of results.slice(0, resultSeriesMax)) {
      this.#send(subject, encodeJson(resultMessage(result, by, unit)))
    }
    counts.refuse('series', Math.max(0, results.length - resultSeriesMax))
    this.#successors.tell({ ...windowOf(action, windowEndMs), revision, results }, by.session)
  }

  /** Results are with those that were, or are, first in line for the monitor. */
  async #recall(
    { application, monitor, fromMs }: Extract<WideAction, { kind: 'recall' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const owners = [this.#options.address.host, ...this.#successors.of(application, monitor)]
    const told = await Promise.all(
      owners.map((owner) => this.#asks.results({ owner, application, monitor, fromMs }, signal)),
    )
    const results = told.flatMap((some) => some ?? [])
    this.#step({ kind: 'history', application, monitor, fromMs, results })
  }

  #sendPartial(subject: string, message: PartialMessage): void {
    const { counts } = this.#deps.aggregate
    const { body, leftOut } = encodePartialMessage(message)
    counts.refuse('groups', leftOut)
    counts.partialsOut++
    counts.partialBytes += body.length
    this.#send(subject, body)
  }

  #send(subject: string, body: Uint8Array): void {
    try {
      this.#deps.bus.publish(subject, body)
    } catch (error) {
      if (!isLanistaError(error)) throw error
      this.#deps.aggregate.counts.refuse('unsent')
    }
  }

  /** Work that waits for others. */
  #later(work: (signal: AbortSignal) => Promise<void>): void {
    // a signal of its own: many may wait at once
    const done = work(AbortSignal.any([this.#closing.signal]))
      .catch((error: unknown) => this.#deps.logger.warn({ error: messageOf(error) }, 'monitor_work_failed'))
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }
}

function windowOf(
  { application, monitor }: { readonly application: string; readonly monitor: string },
  windowEndMs: number,
): { application: string; monitor: string; windowEndMs: number } {
  return { application, monitor, windowEndMs }
}
