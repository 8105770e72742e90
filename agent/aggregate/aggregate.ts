/**
 * The monitors of an agent: takes the set of its tenant, keeps it across restarts, and computes what is computed on this host. What is
 * computed for the whole cloud joins when there is a broker (`cloud-monitors.ts`); without one, or cut off, the host's own part goes on.
 */
import { messageOf } from '#protocol/errors.ts'
import { type MonitorSet, parseMonitorSetPart } from '#protocol/messages/monitor-set.ts'
import type { KnownInstance } from '#protocol/monitors/binding.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { type MonitorContext, monitorMetric } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { Intake } from '../intake/intake.ts'
import type { HistoryStore } from '../store/store.ts'
import { AggregateCounts } from './counts.ts'
import { HostMonitors } from './host-monitors.ts'
import { keepMonitorSet, keptMonitorSet } from './monitor-set-file.ts'
import { MonitorSetParts } from './monitor-set-parts.ts'
import { ResultRecorder } from './result-recorder.ts'
import { SeriesInputs } from './series-inputs.ts'
import { type LeftOut, usablePlan } from './usable-plan.ts'

export interface AggregateOptions {
  readonly address: Address
  /** Where the set of monitors is kept. */
  readonly data: string
}

export interface AggregateDeps {
  readonly store: HistoryStore
  readonly intake: Pick<Intake, 'listen' | 'seriesId' | 'append'>
  readonly clock: Clock
  readonly logger: Logger
}

/** What hears of the plans in force, and of what this host says of wider monitors. */
export interface AggregateFollower {
  readonly onPlans: (plans: readonly ContextPlan[], uplink: readonly string[]) => void
  readonly onPartial: (partial: MonitorPartial) => void
}

/** Monitors that one agent computes; those beyond it, in the order of the set, are left out and counted. */
export const monitorsMax = 10_000

/** Results of all monitors, as a selector. */
const everyResult = monitorMetric('*', '*')

export class Aggregate implements AsyncDisposable {
  readonly counts: AggregateCounts = new AggregateCounts()
  readonly recorder: ResultRecorder
  /** Of what peers published: stored as the own results are, and told to nobody here. */
  readonly peersRecorder: ResultRecorder
  readonly host: HostMonitors
  readonly #options: AggregateOptions
  readonly #deps: AggregateDeps
  readonly #inputs: SeriesInputs
  readonly #parts = new MonitorSetParts()
  readonly #closing = new AbortController()
  #generation = 0
  #plans: readonly ContextPlan[] = []
  #uplink: readonly string[] = []
  #follower: AggregateFollower | undefined
  /** Generation of the set that was taken last; undefined where it could not be applied. */
  #wanted: number | undefined
  /** Came while another one was being applied. */
  #next: MonitorSet | undefined
  #applying: Promise<void> | undefined

  constructor(options: AggregateOptions, deps: AggregateDeps) {
    const { store, intake, clock, logger } = deps
    this.#options = options
    this.#deps = deps
    this.#inputs = new SeriesInputs(options.address, { store, clock })
    this.recorder = new ResultRecorder(intake, this.counts)
    this.peersRecorder = new ResultRecorder(
      {
        seriesId: (text, unit, client) => intake.seriesId(text, unit, client),
        append: (seriesId, timestampMs, value) => store.append(seriesId, timestampMs, value),
      },
      this.counts,
    )
    this.host = new HostMonitors(options.address, {
      store,
      inputs: this.#inputs,
      recorder: this.recorder,
      counts: this.counts,
      clock,
      logger,
      onPartial: (partial) => this.#follower?.onPartial(partial),
    })
    intake.listen((seriesId, timestampMs) => this.#inputs.note(seriesId, timestampMs))
  }

  /** Of the set that is applied; 0 = none. */
  get generation(): number {
    return this.#generation
  }

  /** Computes what was computed before this start. A file that is damaged counts as none: the controller sends the set again. */
  start(): void {
    try {
      const set = keptMonitorSet(this.#options.data)
      if (set !== undefined) this.#take(set, true)
    } catch (error) {
      this.#deps.logger.error({ error: messageOf(error) }, 'monitors_not_kept')
    }
  }

  /** A body of `control.monitors.<id>`. The set that is in force already changes nothing. */
  hear(body: Uint8Array): void {
    try {
      const { part, leftOut } = parseMonitorSetPart(body)
      if (part.generation === this.#wanted) return
      this.#leaveOut(leftOut.map((monitor) => ({ monitor, error: 'a shape that this version does not know' })))
      const set = this.#parts.take(part)
      if (set === undefined) return
      this.#keep(set)
      this.#take(set, false)
    } catch (error) {
      this.counts.refuse('message')
      this.#deps.logger.warn({ error: messageOf(error) }, 'monitors_refused')
    }
  }

  /** An instance came to this host, or went. */
  instanceSeen(instance: KnownInstance): void {
    this.#inputs.instanceSeen(instance)
  }

  /** Tells one who follows what is in force, now and after each change; undefined = nobody. */
  follow(follower: AggregateFollower | undefined): void {
    this.#follower = follower
    follower?.onPlans(this.#plans, this.#uplink)
  }

  /** Stops after the round that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#applying
    await this.host.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #keep(set: MonitorSet): void {
    try {
      keepMonitorSet(this.#options.data, set)
    } catch (error) {
      // it is in force all the same; after a restart the controller sends it again
      this.#deps.logger.error({ error: messageOf(error) }, 'monitors_not_kept')
    }
  }

  /** One after the other; of those that wait the newest counts. */
  #take(set: MonitorSet, isResumed: boolean): void {
    this.#wanted = set.generation
    if (this.#applying !== undefined) {
      this.#next = set
      return
    }
    this.#applying = this.#apply(set, isResumed)
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return
        this.#wanted = undefined
        this.#deps.logger.error({ error: messageOf(error) }, 'monitors_not_applied')
      })
      .finally(() => {
        this.#applying = undefined
        const next = this.#next
        this.#next = undefined
        if (next !== undefined && !this.#closing.signal.aborted) this.#take(next, false)
      })
  }

  async #apply({ generation, contexts, uplink }: MonitorSet, isResumed: boolean): Promise<void> {
    const plans = this.#plan(contexts)
    this.#inputs.select(plans)
    this.recorder.select(plans)
    this.peersRecorder.select(plans)
    await this.#inputs.find(this.#closing.signal)
    await this.host.apply(plans, isResumed)
    this.#plans = plans
    this.#uplink = contexts.length === 0 ? uplink : [everyResult, ...uplink]
    this.counts.monitors = plans.reduce((sum, { monitors }) => sum + monitors.length, 0)
    this.#generation = generation
    this.#follower?.onPlans(this.#plans, this.#uplink)
    this.#deps.logger.info({ generation, monitors: this.counts.monitors }, 'monitors_applied')
  }

  #plan(contexts: readonly MonitorContext[]): ContextPlan[] {
    let room = monitorsMax
    const leftOut: LeftOut[] = []
    const plans = contexts.map(({ application, monitors }) => {
      const taken = monitors.slice(0, room)
      room -= taken.length
      const error = `more than ${monitorsMax} monitors`
      leftOut.push(...monitors.slice(taken.length).map(({ name }) => ({ monitor: `${application}.${name}`, error })))
      const usable = usablePlan({ application, monitors: taken })
      leftOut.push(...usable.leftOut)
      return usable.plan
    })
    this.#leaveOut(leftOut)
    return plans
  }

  #leaveOut(monitors: readonly LeftOut[]): void {
    this.counts.refuse('monitor', monitors.length)
    if (monitors.length === 0) return
    this.#deps.logger.warn({ count: monitors.length, first: monitors.slice(0, leftOutToldMax) }, 'monitors_left_out')
  }
}

/** Monitors that are named in one line of the log. */
const leftOutToldMax = 10
