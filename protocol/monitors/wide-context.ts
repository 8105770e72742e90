/** One application at one wider scope: evaluates its windows, and settles what is published of them. */

import { historyReader } from './evaluate-all.ts'
import type { Place } from './gather.ts'
import type { MonitorResult, Scope } from './model.ts'
import { MonitorWindows, type OpenWindow } from './monitor-windows.ts'
import { monitorsRead, type ResultsRead } from './placement-group.ts'
import { type ContextPlan, difference, type PlannedMonitor, reachMs } from './plan.ts'
import { type Aggregator, areSameGroups, areSameResults, isBetter, type Published } from './published.ts'
import { ResultHistory } from './result-history.ts'
import { expectWanted, type WantedOf } from './wanted.ts'
import type { WideAction } from './wide-core.ts'
import { WideWindow } from './wide-evaluation.ts'

/** What stays the same for all contexts of a core. */
export interface WideSurroundings {
  readonly scope: Exclude<Scope, 'host'>
  /** The own cloud; absent for all clouds. */
  readonly cloud?: string | undefined
  readonly self: Aggregator
  readonly wantedOf?: WantedOf | undefined
}

/** The part of a core that its contexts share. */
export interface WideShared extends WideSurroundings {
  /** Of what is sent to a wider scope: higher each time, in one life. */
  nextRevision(): number
}

/** Results are kept this much longer than any monitor looks back on them. */
const historySlackMs = 3_600_000

export class WideContext {
  readonly #around: WideShared
  plan: ContextPlan
  /** By monitor, those assigned here, in the plan's order. */
  #windows = new Map<string, MonitorWindows>()
  #history: ResultHistory
  #everyMs: ReadonlyMap<string, number> = new Map()
  /** By monitor, those of this scope that read its results. */
  #readers = new Map<string, Set<string>>()
  /** From which window end on all results of a monitor that were ever recorded are known, as somebody told. */
  readonly #toldFromMs = new Map<string, number>()
  readonly #recalled = new Map<string, { times: number; atMs: number }>()

  constructor(plan: ContextPlan, around: WideShared) {
    this.#around = around
    this.plan = plan
    this.#history = this.#index()
  }

  get monitors(): ReadonlyMap<string, MonitorWindows> {
    return this.#windows
  }

  /** Takes a new plan; what computes the same goes on with its windows. */
  replan(plan: ContextPlan): void {
    for (const { monitor } of difference(this.plan, plan).stops) {
      this.#windows.delete(monitor.name)
      this.#history.drop(monitor.name)
      this.#toldFromMs.delete(monitor.name)
      this.#recalled.delete(monitor.name)
    }
    this.plan = plan
    this.#history = this.#index(this.#history)
  }

  /** Computes those monitors here, and no others; what was computed before goes on. */
  assign(isMine: (group: string) => boolean): void {
    const next = new Map<string, MonitorWindows>()
    for (const planned of this.plan.monitors) {
      const { name } = planned.monitor
      if (!this.#isComputedHere(planned) || !isMine(planned.group)) continue
      const old = this.#windows.get(name)
      next.set(name, old?.planned.hash === planned.hash ? old.withPlan(planned) : new MonitorWindows(planned))
    }
    this.#windows = next
  }

  /** Results from elsewhere that monitors look back on. */
  remember(results: readonly MonitorResult[]): void {
    for (const result of results) if (this.#readers.has(result.monitor)) this.#history.add(result)
  }

  /** All recorded results of a monitor from a window end on are these, and those that come. */
  told(monitor: string, fromMs: number, results: readonly MonitorResult[]): void {
    this.#toldFromMs.set(monitor, Math.min(fromMs, this.#toldFromMs.get(monitor) ?? fromMs))
    this.remember(results)
    this.#disturb(monitor, fromMs)
  }

  /** True when all that a window is made of is closed or recorded, the missing children apart. */
  isFed(windows: MonitorWindows, window: OpenWindow): boolean {
    return (
      this.unknownHistory(windows, window).length === 0 &&
      this.#reads(windows.planned).every(({ monitor }) => {
        return this.#windows.get(monitor)?.windows.get(window.windowEndMs)?.isClosed !== false
      })
    )
  }

  /** What a window looks back on beyond what was computed here or told, by the window end from which it is wanted. */
  unknownHistory({ planned }: MonitorWindows, { windowEndMs }: OpenWindow): { monitor: string; fromMs: number }[] {
    return this.#reads(planned).flatMap(({ monitor, lookBackMs }) => {
      const everyMs = this.#everyMs.get(monitor) ?? 1
      const fromMs = lookBackMs === 0 ? windowEndMs : (Math.floor((windowEndMs - lookBackMs) / everyMs) + 1) * everyMs
      const openedMs = this.#windows.get(monitor)?.openedFromMs ?? Number.POSITIVE_INFINITY
      return fromMs < Math.min(openedMs, this.#toldFromMs.get(monitor) ?? openedMs) ? [{ monitor, fromMs }] : []
    })
  }

  /** What to recall now: not too often, and not for ever. */
  recalls(nowMs: number, everyMs: number, timesMax: number): { monitor: string; fromMs: number }[] {
    const wanted = new Map<string, number>()
    for (const windows of this.#windows.values()) {
      for (const window of windows.windows.values()) {
        if (window.isClosed && window.published !== undefined) continue
        for (const { monitor, fromMs } of this.unknownHistory(windows, window)) {
          wanted.set(monitor, Math.min(fromMs, wanted.get(monitor) ?? fromMs))
        }
      }
    }
    return [...wanted].flatMap(([monitor, fromMs]) => {
      const recalled = this.#recalled.get(monitor) ?? { times: 0, atMs: Number.NEGATIVE_INFINITY }
      if (recalled.times >= timesMax || nowMs - recalled.atMs < everyMs) return []
      this.#recalled.set(monitor, { times: recalled.times + 1, atMs: nowMs })
      return [{ monitor, fromMs }]
    })
  }

  /** Closes a window, or looks again at a closed one; what is new about it is published. */
  settle(windows: MonitorWindows, window: OpenWindow, missing: readonly string[], members: number): WideAction[] {
    const { planned } = windows
    const { application } = this.plan
    const { windowEndMs } = window
    const isFirst = !window.isClosed
    window.isClosed = true
    window.isStale = false
    // what waits for its history has no results yet, which is not to have no inputs
    if (this.unknownHistory(windows, window).length > 0 || this.#lacksInput(windows, windowEndMs)) return []
    const { scope, cloud, wantedOf } = this.#around
    const place: Place = { application, cloud }
    const wide = new WideWindow(this.plan, windowEndMs, historyReader(this.#history), place)
    for (const { monitor } of this.#reads(planned)) {
      const results = this.#windows.get(monitor)?.windows.get(windowEndMs)?.published?.results
      if (results !== undefined) wide.record(monitor, results)
    }
    const { results, groups, own } = wide.evaluate(planned, {
      scope,
      place,
      windowEndMs,
      revision: 0,
      below: [...window.parts.values()].map((part) => part.groups),
      expect: (merged) => expectWanted(application, planned, windows.expect(merged, missing), windowEndMs, wantedOf),
    })
    if (planned.monitor.scope === scope) return this.#publish(windows, window, results)
    if (!isFirst && window.merged !== undefined && areSameGroups(groups, window.merged.groups)) return []
    const { self } = this.#around
    window.merged = {
      hash: planned.hash,
      windowEndMs,
      session: self.session,
      by: self.host,
      revision: this.#around.nextRevision(),
      counted: members - missing.length + own.known,
      wanted: members + own.expected,
      isQuiet: false,
      groups,
    }
    return this.again(windows, window)
  }

  /** What was sent of a window to the wider scope, to be sent once more: it was lost on its way, or nobody was there. */
  again({ planned }: MonitorWindows, { merged }: OpenWindow): WideAction[] {
    const { application } = this.plan
    return merged === undefined ? [] : [{ kind: 'merged', application, monitor: planned.monitor.name, message: merged }]
  }

  /** True while a monitor that it reads is computed here and has said nothing of this window. */
  #lacksInput({ planned }: MonitorWindows, windowEndMs: number): boolean {
    return this.#reads(planned).some(({ monitor }) => {
      const input = this.#windows.get(monitor)?.windows.get(windowEndMs)
      return input !== undefined && input.published === undefined
    })
  }

  /** Another aggregator published a window. */
  heard(windows: MonitorWindows, window: OpenWindow, other: Published): WideAction[] {
    window.revision = Math.max(window.revision, other.revision + 1)
    const { published } = window
    if (published === undefined) {
      if (window.heard === undefined || isBetter(other, window.heard)) window.heard = other
      return []
    }
    if (areSameResults(published.results, other.results)) return []
    if (isBetter(other, published)) {
      this.#adopt(windows, window, other)
      return []
    }
    const isMine = published.by.session === this.#around.self.session && published.by.host === this.#around.self.host
    return isMine && other.revision >= published.revision ? this.#say(windows, window, published.results) : []
  }

  #publish(windows: MonitorWindows, window: OpenWindow, results: readonly MonitorResult[]): WideAction[] {
    const { self } = this.#around
    const standing = window.published ?? window.heard
    if (standing === undefined) return this.#say(windows, window, results)
    if (areSameResults(standing.results, results)) {
      if (window.published === undefined) this.#adopt(windows, window, standing)
      return []
    }
    const isMine = standing.by.host === self.host && standing.by.session === self.session
    if (isMine || isBetter({ by: self, results, revision: 0 }, standing)) return this.#say(windows, window, results)
    if (window.published === undefined) this.#adopt(windows, window, standing)
    return []
  }

  #say(windows: MonitorWindows, window: OpenWindow, results: readonly MonitorResult[]): WideAction[] {
    const { application } = this.plan
    const { windowEndMs } = window
    const monitor = windows.planned.monitor.name
    const revision = window.revision++
    const revised = results.map((result) => (result.revision === revision ? result : { ...result, revision }))
    this.#adopt(windows, window, { by: this.#around.self, results: revised, revision })
    return [{ kind: 'publish', application, monitor, windowEndMs, results: revised, revision }]
  }

  #adopt(windows: MonitorWindows, window: OpenWindow, published: Published): void {
    const { name } = windows.planned.monitor
    window.published = published
    windows.noteResults(published.results)
    this.remember(published.results)
    this.#disturb(name, window.windowEndMs)
  }

  /** Closed windows that read results of a monitor from a window end on are looked at again. */
  #disturb(monitor: string, fromMs: number): void {
    for (const reader of this.#readers.get(monitor) ?? []) {
      for (const [endMs, later] of this.#windows.get(reader)?.windows ?? []) {
        if (later.isClosed && endMs >= fromMs) later.isStale = true
      }
    }
  }

  #reads({ inputs }: PlannedMonitor): readonly ResultsRead[] {
    const index = inputs[this.#around.scope]
    return index === undefined ? [] : monitorsRead(index, this.plan.expressions)
  }

  #isComputedHere({ monitor, inputs }: PlannedMonitor): boolean {
    if (monitor.scope === this.#around.scope) return true
    if (this.#around.scope === 'cross-cloud' || monitor.scope === 'host') return false
    return inputs.host !== undefined || inputs.cloud !== undefined
  }

  #index(old?: ResultHistory): ResultHistory {
    this.#readers = new Map()
    this.#everyMs = new Map(this.plan.monitors.map(({ monitor }) => [monitor.name, monitor.everyMs]))
    for (const planned of this.plan.monitors) {
      for (const { monitor } of this.#reads(planned)) {
        const readers = this.#readers.get(monitor) ?? new Set()
        this.#readers.set(monitor, readers.add(planned.monitor.name))
      }
    }
    const reach = Math.max(0, ...this.plan.monitors.map((planned) => reachMs(this.plan, planned)))
    return old !== undefined && old.keepMs >= reach + historySlackMs
      ? old
      : new ResultHistory(reach + historySlackMs, old)
  }
}
