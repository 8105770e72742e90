/**
 * Evaluates the monitors of this host when their windows are due: reads the samples, computes, records results, hands partials on. One
 * round at a time, asleep between rounds. It needs no broker.
 */

import type { SampleSpan } from '#protocol/aggregation/span.ts'
import { messageOf } from '#protocol/errors.ts'
import type { HostEvaluation, HostPlace, MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { monitorKey } from '#protocol/monitors/model.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { type DueWindow, WindowSchedule, type WindowTiming } from '#protocol/monitors/window-schedule.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import type { HistoryStore } from '../store/store.ts'
import type { AggregateCounts } from './counts.ts'
import { HostContext } from './host-context.ts'
import type { PartialName } from './peer-messages.ts'
import { restoredResults } from './restored-results.ts'
import type { ResultRecorder } from './result-recorder.ts'
import type { SeriesInputs } from './series-inputs.ts'
import { readSpans } from './stored-spans.ts'

export interface HostMonitorsDeps {
  readonly store: Pick<HistoryStore, 'read' | 'findSeries'>
  readonly inputs: SeriesInputs
  readonly recorder: ResultRecorder
  readonly counts: AggregateCounts
  readonly clock: Clock
  readonly logger: Logger
  /** Hears what this host says of wider monitors. */
  readonly onPartial: (partial: MonitorPartial) => void
}

/** Windows of one application that are due at the same end. */
interface Batch {
  readonly application: string
  readonly windowEndMs: number
  readonly monitors: Set<string>
}

/** The wall clock is looked at this often at least, ms: it may be stepped. */
const sleepMsMax = 10_000
/** A timer may come a little early. */
const sleepMsMin = 5

export class HostMonitors implements AsyncDisposable {
  readonly #place: HostPlace
  readonly #deps: HostMonitorsDeps
  readonly #quiet: OnceAMinute
  readonly #contexts = new Map<string, HostContext>()
  readonly #schedule = new WindowSchedule()
  readonly #closing = new AbortController()
  #cancelTimer: (() => void) | undefined
  #round: Promise<void> | undefined

  constructor(place: HostPlace, deps: HostMonitorsDeps) {
    this.#place = place
    this.#deps = deps
    this.#quiet = new OnceAMinute(deps.clock)
  }

  /**
   * Computes these plans from now on; what computes the same goes on.
   * @param isResumed they were computed before this start: windows since then are made up for, as far as samples are there
   */
  async apply(plans: readonly ContextPlan[], isResumed: boolean): Promise<void> {
    const applications = new Set(plans.map(({ application }) => application))
    for (const application of this.#contexts.keys()) {
      if (!applications.has(application)) this.#contexts.delete(application)
    }
    for (const plan of plans) {
      const context = this.#contexts.get(plan.application)
      if (context === undefined) this.#contexts.set(plan.application, new HostContext(plan, this.#place))
      else context.replan(plan)
    }
    const lastEnds = isResumed ? await this.#restore() : new Map<string, number>()
    if (this.#closing.signal.aborted) return
    this.#schedule.set(timingsOf(plans, lastEnds), this.#deps.clock.now())
    this.#sleep()
  }

  /** What this host says of some windows, from its store: whoever asks gets the same again. */
  async partials(windows: readonly PartialName[], signal: AbortSignal): Promise<MonitorPartial[]> {
    const found: MonitorPartial[] = []
    for (const batch of batchesOf(windows)) {
      const evaluation = await this.#evaluate(batch, signal)
      found.push(...(evaluation?.partials ?? []))
    }
    return found
  }

  /** Stops after the round that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancelTimer?.()
    await this.#round
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Results from before this start: looked back on, and not computed again. */
  async #restore(): Promise<Map<string, number>> {
    const { store, clock, logger } = this.#deps
    const lastEnds = new Map<string, number>()
    for (const [application, context] of this.#contexts) {
      try {
        const fromMs = clock.now() - context.reachMs - restoreMsMin
        for await (const results of restoredResults(store, context.plan, fromMs, this.#closing.signal)) {
          context.remember(results)
          for (const { monitor, windowEndMs } of results) {
            const key = monitorKey(application, monitor)
            lastEnds.set(key, Math.max(windowEndMs, lastEnds.get(key) ?? windowEndMs))
          }
        }
      } catch (error) {
        if (this.#closing.signal.aborted) break
        logger.warn({ application, error: messageOf(error) }, 'results_not_restored')
      }
    }
    return lastEnds
  }

  #sleep(): void {
    this.#cancelTimer?.()
    if (this.#closing.signal.aborted) return
    const { clock } = this.#deps
    const nowMs = clock.now()
    const nextMs = this.#schedule.nextMs(nowMs)
    if (nextMs === undefined) return
    const waitMs = Math.max(sleepMsMin, Math.min(sleepMsMax, nextMs - nowMs))
    this.#cancelTimer = clock.after(waitMs, () => {
      this.#round ??= this.#compute().finally(() => {
        this.#round = undefined
        this.#sleep()
      })
    })
  }

  async #compute(): Promise<void> {
    const { clock, counts, recorder, onPartial } = this.#deps
    const due = this.#schedule.due(clock.now())
    counts.skipped = this.#schedule.skipped
    for (const batch of batchesOf(due.map(nameOf))) {
      if (this.#closing.signal.aborted) return
      const evaluation = await this.#evaluate(batch, this.#closing.signal)
      if (evaluation === undefined) continue
      counts.windows += batch.monitors.size
      this.#contexts.get(batch.application)?.remember(evaluation.results)
      recorder.record(evaluation.results)
      for (const partial of evaluation.partials) onPartial(partial)
    }
  }

  /** Undefined when the application is not computed here any more, or when it failed. */
  async #evaluate(
    { application, windowEndMs, monitors }: Batch,
    signal: AbortSignal,
  ): Promise<HostEvaluation | undefined> {
    const { inputs, counts, clock, logger } = this.#deps
    const context = this.#contexts.get(application)
    if (context === undefined) return undefined
    const startedAtMs = clock.monotonic()
    const bound: SeriesInputs['bound'] = (...of) => inputs.bound(...of)
    try {
      const spans = await this.#read(context.needs(monitors, windowEndMs, bound), windowEndMs, signal)
      return context.evaluate(monitors, windowEndMs, bound, spans)
    } catch (error) {
      if (signal.aborted) return undefined
      counts.refuse('failed', monitors.size)
      this.#quiet.pass(application, (suppressed) =>
        logger.warn({ application, windowEndMs, error: messageOf(error), suppressed }, 'monitors_not_evaluated'),
      )
      return undefined
    } finally {
      counts.busyMs += clock.monotonic() - startedAtMs
    }
  }

  /** One read for all series that are looked back on equally far. */
  async #read(
    needs: ReadonlyMap<string, number>,
    beforeMs: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, SampleSpan>> {
    const { store } = this.#deps
    const byReach = new Map<number, number[]>()
    for (const [text, lookBackMs] of needs) {
      const seriesId = store.findSeries(text)
      if (seriesId === undefined) continue
      const ids = byReach.get(lookBackMs)
      if (ids === undefined) byReach.set(lookBackMs, [seriesId])
      else ids.push(seriesId)
    }
    const spans = new Map<string, SampleSpan>()
    for (const [lookBackMs, seriesIds] of byReach) {
      const request = { seriesIds, fromMs: beforeMs - lookBackMs, beforeMs }
      for (const [text, span] of await readSpans(store, request, signal)) spans.set(text, span)
    }
    return spans
  }
}

/** Results are looked for this far back at least, ms: ten windows of a minute. */
const restoreMsMin = 600_000

function nameOf({ key, windowEndMs }: DueWindow): PartialName {
  const [application, monitor] = key.split(' ') as [string, string]
  return { application, monitor, windowEndMs }
}

/** Windows of one application and end together, in order of the first of each. */
function batchesOf(windows: readonly PartialName[]): Batch[] {
  const batches = new Map<string, Batch>()
  for (const { application, monitor, windowEndMs } of windows) {
    const key = `${windowEndMs} ${application}`
    const batch = batches.get(key) ?? { application, windowEndMs, monitors: new Set() }
    batch.monitors.add(monitor)
    batches.set(key, batch)
  }
  return [...batches.values()]
}

/** Of all monitors that have inputs on hosts; inputs before what takes them. */
function timingsOf(plans: readonly ContextPlan[], lastEnds: ReadonlyMap<string, number>): Map<string, WindowTiming> {
  const timings = new Map<string, WindowTiming>()
  for (const { application, monitors } of plans) {
    for (const { monitor, inputs, closesMs } of monitors) {
      if (inputs.host === undefined) continue
      const key = monitorKey(application, monitor.name)
      timings.set(key, { everyMs: monitor.everyMs, delayMs: closesMs.host, lastEndMs: lastEnds.get(key) })
    }
  }
  return timings
}
