/**
 * The duties of whoever computes monitors of a wider scope: the agent that aggregates for its cloud, and the controller. Pure: events and
 * the time go in, actions come out; `agent/aggregate` and `controller/aggregate` do them. Anything may be lost, repeated, late or out of
 * order.
 *
 * A window is opened when it ends, and closed when all members have spoken of it or its time is over. What is missing then is asked for, up to
 * three times; what comes late makes the window be published again, with a higher revision, if it says something else. Whoever starts
 * begins with the windows nobody has published, as far back as windows are kept.
 */
import { isPartialOf } from './gather.ts'
import { type MonitorResult, monitorKey } from './model.ts'
import { type MonitorWindows, type OpenWindow, windowsKept } from './monitor-windows.ts'
import type { PartialMessage } from './partial-message-format.ts'
import type { ContextPlan, PlannedMonitor } from './plan.ts'
import type { Aggregator, Published } from './published.ts'
import { WideContext, type WideShared, type WideSurroundings } from './wide-context.ts'

export interface WideOptions extends WideSurroundings {
  /** How long a window opened after its time waits for answers, ms. Default 2,000. */
  readonly answerMs?: number | undefined
  /** How long after an ask the next one follows, ms. Default 5,000. */
  readonly askEveryMs?: number | undefined
}

export type WideEvent =
  /** All contexts of the tenant, in place of those before. */
  | { readonly kind: 'plans'; readonly plans: readonly ContextPlan[] }
  /** Hosts of the cloud that have neither left nor been removed, silent or not; or clouds that have such hosts. */
  | { readonly kind: 'members'; readonly members: readonly string[] }
  /** Which groups of monitors are computed here; before the first of these none in a cloud, and all for all clouds. */
  | { readonly kind: 'assigned'; readonly isMine: (application: string, group: string) => boolean }
  /** A member's word, in time or asked for. */
  | {
      readonly kind: 'partial'
      readonly from: string
      readonly application: string
      readonly monitor: string
      readonly message: PartialMessage
    }
  /** Results of this scope that another one published. */
  | {
      readonly kind: 'published'
      readonly by: Aggregator
      readonly application: string
      readonly monitor: string
      readonly windowEndMs: number
      readonly results: readonly MonitorResult[]
      readonly revision: number
    }
  /** The answer to a recall: all that is recorded of the monitor from there on; as little as there is. */
  | {
      readonly kind: 'history'
      readonly application: string
      readonly monitor: string
      readonly fromMs: number
      readonly results: readonly MonitorResult[]
    }
  /** The wider scope asks for what was sent of these windows. */
  | { readonly kind: 'again'; readonly windows: readonly WindowName[] }
  /** Windows open, close, are revised and asked for in ticks only: several a second. */
  | { readonly kind: 'tick' }

/** A window of a monitor. */
export interface WindowName {
  readonly application: string
  readonly monitor: string
  readonly windowEndMs: number
}

export type WideAction =
  /** Record and publish the results of a window; with revision above 0 in place of earlier ones. Empty where a grouped monitor has no inputs. */
  | (WindowName & {
      readonly kind: 'publish'
      readonly results: readonly MonitorResult[]
      readonly revision: number
    })
  /** Send what the wider scope merges. */
  | {
      readonly kind: 'merged'
      readonly application: string
      readonly monitor: string
      readonly message: PartialMessage
    }
  /** Ask a member, or whoever holds its samples, for its partials of these windows. */
  | { readonly kind: 'ask'; readonly member: string; readonly windows: readonly WindowName[] }

  /** Read the recorded results of this scope with `fromMs ≤ timestamp`: monitors look back on them. Until then their windows wait. */
  | { readonly kind: 'recall'; readonly application: string; readonly monitor: string; readonly fromMs: number }

/** Why a partial was refused. */
export type PartialRefusal = 'unknownMonitor' | 'otherPlan' | 'stranger' | 'misaligned' | 'future' | 'old'

const asksMax = 3
/** Windows of one monitor whose revisions are remembered, so that none is used twice when a duty or a clock comes back. */
const revisionsKept = 200
const askEveryMsDefault = 5_000
/** A member's clock may be this much ahead, ms. */
const aheadMsMax = 1_000

export class WideCore {
  readonly #options: WideOptions
  readonly #shared: WideShared
  #revision = 0
  readonly #contexts = new Map<string, WideContext>()
  readonly #refused = new Map<PartialRefusal, number>()
  /** The newest window anybody published, by application and monitor. */
  readonly #newest = new Map<string, { readonly windowEndMs: number; readonly published: Published }>()
  /** What the next revision of windows is that were published here, by application and monitor, the newest behind. */
  readonly #revisions = new Map<string, Map<number, number>>()
  #members: ReadonlySet<string> = new Set()
  #isMine: (application: string, group: string) => boolean

  constructor(options: WideOptions) {
    this.#options = options
    this.#shared = { ...options, nextRevision: () => this.#revision++ }
    this.#isMine = () => options.scope === 'cross-cloud'
  }

  /** Partials refused, ever, by reason. */
  get refused(): ReadonlyMap<PartialRefusal, number> {
    return this.#refused
  }

  /** What is computed here. */
  *computed(): Generator<{ readonly application: string; readonly planned: PlannedMonitor }> {
    for (const [application, context] of this.#contexts) {
      for (const { planned } of context.monitors.values()) yield { application, planned }
    }
  }

  /** True for one of them. */
  computes(application: string, monitor: string): boolean {
    return this.#contexts.get(application)?.monitors.has(monitor) === true
  }

  /** @param nowMs epoch ms */
  step(event: WideEvent, nowMs: number): WideAction[] {
    switch (event.kind) {
      case 'plans':
        this.#replan(event.plans)
        return []
      case 'members':
        this.#members = new Set(event.members)
        for (const windows of this.#all()) windows.keep((child) => this.#members.has(child))
        return []
      case 'assigned':
        this.#isMine = event.isMine
        this.#assign()
        return []
      case 'partial':
        this.#take(event, nowMs)
        return []
      case 'published':
        return this.#heard(event, nowMs)
      case 'history':
        this.#contexts.get(event.application)?.told(event.monitor, event.fromMs, event.results)
        return []
      case 'again':
        return event.windows.flatMap((name) => this.#again(name))
      case 'tick':
        return this.#tick(nowMs)
    }
  }

  #again({ application, monitor, windowEndMs }: WindowName): WideAction[] {
    const context = this.#contexts.get(application)
    const windows = context?.monitors.get(monitor)
    const window = windows?.windows.get(windowEndMs)
    return context === undefined || windows === undefined || window === undefined ? [] : context.again(windows, window)
  }

  *#all(): Generator<MonitorWindows> {
    for (const context of this.#contexts.values()) yield* context.monitors.values()
  }

  #replan(plans: readonly ContextPlan[]): void {
    const applications = new Set(plans.map(({ application }) => application))
    for (const application of this.#contexts.keys())
      if (!applications.has(application)) this.#contexts.delete(application)
    for (const plan of plans) {
      const context = this.#contexts.get(plan.application)
      if (context === undefined) this.#contexts.set(plan.application, new WideContext(plan, this.#shared))
      else context.replan(plan)
    }
    const names = new Set(
      plans.flatMap(({ application, monitors }) => monitors.map((each) => monitorKey(application, each.monitor.name))),
    )
    for (const key of this.#newest.keys()) if (!names.has(key)) this.#newest.delete(key)
    for (const key of this.#revisions.keys()) if (!names.has(key)) this.#revisions.delete(key)
    this.#assign()
  }

  #assign(): void {
    for (const [application, context] of this.#contexts) context.assign((group) => this.#isMine(application, group))
  }

  #take({ from, application, monitor, message }: Extract<WideEvent, { kind: 'partial' }>, nowMs: number): void {
    const windows = this.#contexts.get(application)?.monitors.get(monitor)
    const refusal = this.#refusal(windows, from, message, nowMs)
    if (windows === undefined || refusal !== undefined) {
      const reason = refusal ?? 'unknownMonitor'
      this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
      return
    }
    if (message.windowEndMs > windows.openedToMs)
      this.#openDue(application, windows, Math.max(nowMs, message.windowEndMs), nowMs)
    const window = windows.windows.get(message.windowEndMs)
    if (window !== undefined && windows.take(from, message, window)) window.isStale = window.isClosed
  }

  #refusal(
    windows: MonitorWindows | undefined,
    from: string,
    { hash, windowEndMs, groups }: PartialMessage,
    nowMs: number,
  ): PartialRefusal | undefined {
    if (windows === undefined) return 'unknownMonitor'
    if (!this.#members.has(from)) return 'stranger'
    if (windows.planned.hash !== hash) return 'otherPlan'
    if (groups.some(({ partial }) => !isPartialOf(windows.planned, partial))) return 'otherPlan'
    if (windowEndMs % windows.planned.monitor.everyMs !== 0) return 'misaligned'
    if (windowEndMs > nowMs + aheadMsMax) return 'future'
    const isOpened = windowEndMs > windows.openedToMs || windows.windows.has(windowEndMs)
    return isOpened ? undefined : 'old'
  }

  #heard(event: Extract<WideEvent, { kind: 'published' }>, nowMs: number): WideAction[] {
    const { application, monitor, windowEndMs, by, results, revision } = event
    const { self } = this.#options
    const isOwn = by.host === self.host && by.session === self.session
    if (isOwn || windowEndMs > nowMs + aheadMsMax) return []
    const context = this.#contexts.get(application)
    if (context === undefined) return []
    const windows = context.monitors.get(monitor)
    const window = windows?.windows.get(windowEndMs)
    if (window?.published === undefined) context.remember(results)
    windows?.noteResults(results)
    const other: Published = { by, results, revision }
    if (context.plan.monitors.some((planned) => planned.monitor.name === monitor)) {
      this.#note(application, monitor, windowEndMs, other)
    }
    return windows === undefined || window === undefined ? [] : context.heard(windows, window, other)
  }

  #note(application: string, monitor: string, windowEndMs: number, published: Published): void {
    const key = monitorKey(application, monitor)
    if (windowEndMs >= (this.#newest.get(key)?.windowEndMs ?? windowEndMs))
      this.#newest.set(key, { windowEndMs, published })
  }

  #said(key: string, windowEndMs: number, revision: number): void {
    const revisions = this.#revisions.get(key) ?? new Map<number, number>()
    this.#revisions.set(key, revisions)
    revisions.delete(windowEndMs)
    revisions.set(windowEndMs, revision + 1)
    if (revisions.size > revisionsKept) revisions.delete(revisions.keys().next().value as number)
  }

  #tick(nowMs: number): WideAction[] {
    const actions: WideAction[] = []
    const asks = new Map<string, WindowName[]>()
    for (const [application, context] of this.#contexts) {
      for (const windows of context.monitors.values()) {
        this.#openDue(application, windows, nowMs, nowMs)
        this.#closeDue(context, windows, nowMs, actions)
        this.#askMissing(application, windows, nowMs, asks)
      }
      const { askEveryMs = askEveryMsDefault } = this.#options
      for (const recall of context.recalls(nowMs, askEveryMs, asksMax))
        actions.push({ kind: 'recall', application, ...recall })
    }
    for (const action of actions) {
      if (action.kind !== 'publish') continue
      const { application, monitor, windowEndMs, results, revision } = action
      this.#note(application, monitor, windowEndMs, { by: this.#options.self, results, revision })
      this.#said(monitorKey(application, monitor), windowEndMs, revision)
    }
    for (const [member, wanted] of asks) actions.push({ kind: 'ask', member, windows: wanted })
    return actions
  }

  /** Opens the windows that have ended by `untilMs`; those whose time is over wait for answers. */
  #openDue(application: string, windows: MonitorWindows, untilMs: number, nowMs: number): void {
    const { planned } = windows
    const { everyMs } = planned.monitor
    const newestMs = Math.floor(untilMs / everyMs) * everyMs
    if (newestMs < windows.openedToMs - everyMs) windows.turnBack(newestMs)
    const key = monitorKey(application, planned.monitor.name)
    if ((this.#newest.get(key)?.windowEndMs ?? 0) > newestMs + everyMs) this.#newest.delete(key)
    const newest = this.#newest.get(key)
    const publishedTo = newest?.windowEndMs ?? Number.NEGATIVE_INFINITY
    const since = Number.isFinite(windows.openedToMs) ? windows.openedToMs : Math.min(publishedTo, newestMs - everyMs)
    const firstMs = Math.max(since + everyMs, newestMs - (windowsKept - 1) * everyMs)
    for (let endMs = firstMs; endMs <= newestMs; endMs += everyMs) {
      if (windows.windows.has(endMs)) continue
      const onTimeMs = endMs + planned.closesMs[this.#options.scope]
      const isLate = onTimeMs <= nowMs
      const closesAtMs = isLate ? nowMs + (this.#options.answerMs ?? 2_000) : onTimeMs
      const window = windows.open(endMs, closesAtMs, isLate ? nowMs : onTimeMs)
      window.revision = this.#revisions.get(key)?.get(endMs) ?? 0
      if (newest?.windowEndMs !== endMs) continue
      window.heard = newest.published
      window.revision = Math.max(window.revision, newest.published.revision + 1)
    }
  }

  #closeDue(context: WideContext, windows: MonitorWindows, nowMs: number, actions: WideAction[]): void {
    const members = this.#membersOf(windows.planned)
    for (const endMs of windows.ends) {
      const window = windows.windows.get(endMs) as OpenWindow
      if (window.isClosed && !window.isStale) continue
      const missing = windows.missing(window, members)
      const isWhole = hasChildren(windows.planned, this.#options.scope)
        ? members.length > 0 && members.every((member) => window.parts.has(member))
        : true
      const isReady = (isWhole && context.isFed(windows, window)) || nowMs >= window.closesAtMs
      if (!window.isClosed && !isReady) return
      actions.push(...context.settle(windows, window, missing, members.length))
    }
  }

  #askMissing(application: string, windows: MonitorWindows, nowMs: number, asks: Map<string, WindowName[]>): void {
    const members = this.#membersOf(windows.planned)
    for (const [windowEndMs, window] of windows.windows) {
      if (nowMs < window.asksAtMs || window.asks >= asksMax) continue
      window.asks++
      window.asksAtMs = nowMs + (this.#options.askEveryMs ?? askEveryMsDefault)
      for (const member of windows.missing(window, members)) {
        const list = asks.get(member) ?? []
        list.push({ application, monitor: windows.planned.monitor.name, windowEndMs })
        asks.set(member, list)
      }
    }
  }

  #membersOf(planned: PlannedMonitor): readonly string[] {
    return hasChildren(planned, this.#options.scope) ? [...this.#members] : []
  }
}

/** True when hosts, or clouds, send partials of it. */
function hasChildren({ inputs, gathering }: PlannedMonitor, scope: 'cloud' | 'cross-cloud'): boolean {
  if (gathering === 'map' || gathering === 'combine') return false
  return inputs.host !== undefined || (scope === 'cross-cloud' && inputs.cloud !== undefined)
}
