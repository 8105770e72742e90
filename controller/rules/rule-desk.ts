/** What an operator asks of rules: how they stand, why, what they would do now or would have done; and to pause and resume them. */
import type { EventService } from '#controller/events/event-service.ts'
import type { FleetQueries } from '#controller/query/fleet-queries.ts'
import { LanistaError } from '#protocol/errors.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { neededMonitors } from './leaf-facts.ts'
import { News } from './news.ts'
import { replay } from './replay.ts'
import { readSamples } from './replay-samples.ts'
import { type RuleContext, ruleId } from './rule-book.ts'
import type { RuleEngine } from './rule-engine.ts'
import { ruleEventOf } from './rule-events.ts'
import {
  type DecisionView,
  decisionView,
  type Explanation,
  explanationOf,
  type RuleView,
  ruleView,
} from './rule-view.ts'

export interface RuleDeskDeps {
  readonly engine: RuleEngine
  readonly queries: Pick<FleetQueries, 'ask'>
  readonly events: Pick<EventService, 'store'>
  readonly clock: Pick<Clock, 'now'>
}

export interface ReplayOrder {
  /** Counts wanted at the beginning, by component, where they are not those of today (applied rules) or `initial` (a file's). */
  readonly wanted: ReadonlyMap<string, number>
  /** Rules of a file instead of those applied, with the counts that each component begins with. */
  readonly file?: { readonly context: RuleContext; readonly initial: ReadonlyMap<string, number> } | undefined
  /** The rule to show, as active as if it were not paused; absent = all of the file. */
  readonly id?: string | undefined
  readonly fromMs: number
  readonly untilMs: number
  /** Every decision, also those that say again what the one before said. */
  readonly isWhole: boolean
}

export interface ReplayAnswer {
  readonly application: string
  readonly from_ms: number
  readonly until_ms: number
  readonly windows: number
  /** Counts wanted at the beginning and at the end. */
  readonly wanted_before: Readonly<Record<string, number>>
  readonly wanted_after: Readonly<Record<string, number>>
  /** Hosts whose samples could not be had. */
  readonly unanswered: readonly string[]
  readonly decisions: readonly DecisionView[]
}

/** Decisions in one answer at most. */
const decisionsMax = 100_000
/** Events looked at in a replay at most. */
const eventsMax = 50_000

export class RuleDesk {
  readonly #tenant: string
  readonly #deps: RuleDeskDeps

  constructor(tenant: string, deps: RuleDeskDeps) {
    this.#tenant = tenant
    this.#deps = deps
  }

  /** By application, then as the file has them. */
  list(application?: string): RuleView[] {
    const { engine } = this.#deps
    return [...engine.applications.values()]
      .filter(({ context }) => application === undefined || context.application === application)
      .sort((a, b) => (a.context.application < b.context.application ? -1 : 1))
      .flatMap(({ rules, last, pauses, context }) =>
        rules.map((rule) =>
          ruleView({
            application: context.application,
            rule,
            decision: last.get(rule.name),
            effect: engine.effectOf(context.application, rule.name),
            isPausedByHand: pauses.has(rule.name),
          }),
        ),
      )
  }

  /** The last decision of a rule and all its reasons. Throws RULE_UNKNOWN, RULE_AMBIGUOUS, RULE_NOT_JUDGED. */
  explain(id: string): Explanation {
    const { application, rule } = this.#find(id)
    const decision = this.#deps.engine.applications.get(application)?.last.get(rule.name)
    if (!decision) {
      const message = `ask again in a moment: found ${id} not judged yet, expected a window of ${rule.everyMs / 1000} s to have ended`
      throw new LanistaError('RULE_NOT_JUDGED', message)
    }
    return explanationOf(decision, rule)
  }

  /** What a rule would decide now, paused or not, among the other rules of its application. Changes nothing. Throws as `explain`. */
  dryRun(id: string): Explanation {
    const { application, rule } = this.#find(id)
    const decision = this.#deps.engine.tryOut(application, rule.name)
    if (!decision) throw unknown(id, [])
    return explanationOf(decision, { ...rule, paused: false })
  }

  /** Stands until the other is asked for, also over restarts. Throws RULE_UNKNOWN, RULE_AMBIGUOUS, REGISTRY_WRITE_FAILED. */
  async pause(id: string, paused: boolean): Promise<RuleView | undefined> {
    const { application, rule } = this.#find(id)
    await this.#deps.engine.pause(application, rule.name, paused)
    return this.list(application).find((view) => view.rule === rule.name)
  }

  /**
   * What a rule would have done, together with the other rules of its application that are active.
   * @throws LanistaError RULE_UNKNOWN, RULE_AMBIGUOUS, REPLAY_TOO_LONG, QUERY_INVALID (`wanted`), ANSWER_TOO_LARGE, QUERY_TOO_LARGE,
   * BUSY; the signal's reason
   */
  async replay(order: ReplayOrder, signal: AbortSignal): Promise<ReplayAnswer> {
    const { context, rule } = this.#subject(order)
    const { fromMs, untilMs } = order
    for (const component of order.wanted.keys())
      if (!context.components.has(component)) throw noComponent(component, context)
    const { samples, unanswered } = await readSamples(this.#deps.queries, this.#tenant, context, order, signal)
    const before = new Map([...this.#countsOf(order, context), ...order.wanted])
    const after = new Map(before)
    const news = new News()
    const decisions: DecisionView[] = []
    const windows = new Set<number>()
    const events = this.#deps.events.store
      .query({ tenant: this.#tenant, untilMs }, eventsMax)
      .filter((event) => event.application === undefined || event.application === context.application)
      .map(ruleEventOf)
      .sort((a, b) => a.atMs - b.atMs)
    for await (const decision of replay({ context, samples, events, fromMs, untilMs, wanted: before }, signal)) {
      windows.add(decision.windowEndMs)
      for (const { from, target, to } of decision.actions) if (to !== null && to !== from) after.set(target, to)
      const isShown = rule === undefined || decision.rule === rule
      if (!isShown || !(news.isNew(decision) || order.isWhole)) continue
      if (decisions.length >= decisionsMax) throw tooMany()
      decisions.push(decisionView(decision))
    }
    return {
      application: context.application,
      from_ms: fromMs,
      until_ms: untilMs,
      windows: windows.size,
      wanted_before: Object.fromEntries(before),
      wanted_after: Object.fromEntries(after),
      unanswered,
      decisions,
    }
  }

  #subject({ file, id }: ReplayOrder): { readonly context: RuleContext; readonly rule: string | undefined } {
    if (file) {
      const { context } = file
      const rule = id === undefined ? undefined : nameWithin(id, context)
      return { context: activeOf(context, context.rules, rule), rule }
    }
    const { application, rule } = this.#find(id ?? '')
    const state = this.#deps.engine.applications.get(application)
    const context = state?.context ?? { application, rules: [rule], monitors: [], components: new Map() }
    return { context: activeOf(context, state?.rules ?? [rule], rule.name), rule: rule.name }
  }

  #countsOf({ file }: ReplayOrder, { application, components }: RuleContext): Map<string, number> {
    if (file) return new Map(file.initial)
    const { wanted } = this.#deps.engine.sourcesOf(application)
    return new Map(
      [...components.keys()].flatMap((name) => {
        const count = wanted(name)
        return count === undefined ? [] : [[name, count] as const]
      }),
    )
  }

  #find(id: string): { readonly application: string; readonly rule: Rule } {
    const all = [...this.#deps.engine.applications.values()].flatMap(({ context: { application }, rules }) =>
      rules.map((rule) => ({ application, rule })),
    )
    const found = all.filter(({ application, rule }) => id === rule.name || id === ruleId(application, rule.name))
    const [first] = found
    if (!first) {
      throw unknown(
        id,
        all.map(({ application, rule }) => ruleId(application, rule.name)),
      )
    }
    if (found.length > 1) {
      const names = found.map(({ application, rule }) => ruleId(application, rule.name))
      const message = `name the application too: found ${id} in ${found.length}, expected one of ${names.slice(0, 10).join(', ')}`
      throw new LanistaError('RULE_AMBIGUOUS', message, { data: { names: names.slice(0, 100) } })
    }
    return first
  }
}

/** The rules that take part: those that are active, and the one asked for whether it is or not. */
function activeOf(context: RuleContext, rules: readonly Rule[], asked: string | undefined): RuleContext {
  const isAsked = ({ name }: Rule): boolean => asked === undefined || name === asked
  const active = rules.filter((rule) => isAsked(rule) || !rule.paused)
  return {
    ...context,
    rules: active.map((rule) => (isAsked(rule) ? { ...rule, paused: false } : rule)),
    monitors: neededMonitors(active, context.monitors),
  }
}

function nameWithin(id: string, { application, rules }: RuleContext): string {
  const found = rules.find(({ name }) => id === name || id === ruleId(application, name))
  if (found) return found.name
  throw unknown(
    id,
    rules.map(({ name }) => name),
  )
}

function unknown(id: string, known: readonly string[]): LanistaError {
  const names =
    known.length === 0 ? 'an application with rules to be applied first' : `one of ${known.slice(0, 10).join(', ')}`
  return new LanistaError(
    'RULE_UNKNOWN',
    `name another rule: found ${JSON.stringify(id.slice(0, 129))}, expected ${names}`,
  )
}

function noComponent(component: string, { components }: RuleContext): LanistaError {
  const known = [...components.keys()].join(', ')
  return new LanistaError(
    'QUERY_INVALID',
    `change the parameter wanted: found a component ${component}, expected ${known}`,
  )
}

function tooMany(): LanistaError {
  return new LanistaError(
    'ANSWER_TOO_LARGE',
    `replay a shorter stretch, or without every decision: found more than ${decisionsMax} decisions`,
  )
}
