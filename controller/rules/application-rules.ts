/** The rules of one application at work: their inputs, what is remembered of them, the windows that wait. No I/O. */
import type { Rule } from '#protocol/monitors/rule.ts'
import type { ConditionSource } from './condition-source.ts'
import type { ComponentInput, Decision, EventsInput, RuleInputs, RuleMemory, ScalingMemory } from './decision.ts'
import { type LeafFacts, leafFactsOf, leafMonitors } from './leaf-facts.ts'
import { dueWindow, leafInput } from './leaf-inputs.ts'
import { dueAt, judgeRound, type RoundMemory } from './round.ts'
import type { RuleContext } from './rule-book.ts'
import { localTimes } from './schedule.ts'
import { WindowQueue } from './window-queue.ts'

/** What is looked up when a round is judged. */
export interface RoundSources {
  readonly conditions: Pick<ConditionSource, 'newest'>
  readonly wanted: (component: string) => number | undefined
  readonly scalings: () => ReadonlyMap<string, ScalingMemory>
  readonly events: (application: string) => EventsInput
  /** Of the past, with instances as they were: those wanted now are not missed. */
  readonly isPast?: boolean | undefined
}

/** Paused or resumed by hand, by rule. */
export type Pauses = ReadonlyMap<string, boolean>

export class ApplicationRules {
  readonly context: RuleContext
  readonly queue: WindowQueue
  /** By rule. */
  readonly memories: Map<string, RuleMemory> = new Map()
  /** The last decision of each rule. */
  readonly last: Map<string, Decision> = new Map()
  readonly #facts: ReadonlyMap<string, LeafFacts>
  readonly #leavesOf: ReadonlyMap<string, readonly string[]>
  readonly #pauses: Map<string, boolean>
  #rules: readonly Rule[] = []
  /** Rules that had no results yet when a window was last looked at. */
  #progress: { readonly windowEndMs: number; readonly missing: string[] } = { windowEndMs: Number.NaN, missing: [] }

  constructor(context: RuleContext, pauses: Pauses, nowMs: number) {
    this.context = context
    const names = new Set(context.rules.map(({ name }) => name))
    this.#pauses = new Map([...pauses].filter(([rule]) => names.has(rule)))
    this.#facts = leafFactsOf(context.rules, context.monitors)
    this.#leavesOf = new Map(context.rules.map(({ name, when }) => [name, leafMonitors(when)]))
    this.queue = new WindowQueue(new Set(context.rules.map(({ everyMs }) => everyMs)), nowMs)
    this.#applyPauses()
  }

  /** As they are judged: pauses by hand in place of the file's. */
  get rules(): readonly Rule[] {
    return this.#rules
  }

  get pauses(): Pauses {
    return this.#pauses
  }

  /** How late the results of its slowest monitor may be, ms. */
  get latenessMs(): number {
    return Math.max(0, ...[...this.#facts.values()].map(({ latenessMs }) => latenessMs))
  }

  /** Undefined = as the file says. */
  pause(rule: string, paused: boolean | undefined): void {
    if (paused === undefined) this.#pauses.delete(rule)
    else this.#pauses.set(rule, paused)
    this.#applyPauses()
  }

  /** Takes over what is remembered of the rules that are the same as before. */
  takeOver(before: ApplicationRules): void {
    const same = new Set(before.context.rules.map((rule) => JSON.stringify(rule)))
    for (const rule of this.context.rules) {
      const memory = before.memories.get(rule.name)
      const last = before.last.get(rule.name)
      if (!same.has(JSON.stringify(rule))) continue
      if (memory) this.memories.set(rule.name, memory)
      if (last) this.last.set(rule.name, last)
    }
  }

  /** Takes over what a round leaves. */
  remember({ rules, last }: RoundMemory): void {
    for (const [rule, memory] of rules) this.memories.set(rule, memory)
    for (const [rule, decision] of last) this.last.set(rule, decision)
  }

  /** Does every leaf that is read at `nowMs` have its result? What was found is not looked at again. */
  isComplete(nowMs: number, conditions: Pick<ConditionSource, 'newest'>): boolean {
    if (this.#progress.windowEndMs !== nowMs) {
      this.#progress = { windowEndMs: nowMs, missing: dueAt(this.#rules, nowMs).map(({ name }) => name) }
    }
    const { missing } = this.#progress
    for (let name = missing.at(-1); name !== undefined; name = missing.at(-1)) {
      if (!this.#hasResults(name, nowMs, conditions)) return false
      missing.pop()
    }
    return true
  }

  /** A rule judged for its newest window, as if it were not paused, among the others that are due then. Changes nothing. */
  tryOut(name: string, nowMs: number, sources: RoundSources): Decision | undefined {
    const rule = this.#rules.find((one) => one.name === name)
    if (!rule) return undefined
    const windowEndMs = this.#newestWindow(rule, nowMs, sources.conditions)
    const rules = this.#rules.map((one) => (one === rule ? { ...rule, paused: false } : one))
    return this.#judge(rules, windowEndMs, sources).find((decision) => decision.rule === name)
  }

  /** Decisions of the rules that are due at `nowMs`. Changes nothing. */
  judge(nowMs: number, sources: RoundSources): Decision[] {
    return this.#judge(this.#rules, nowMs, sources)
  }

  #judge(rules: readonly Rule[], nowMs: number, sources: RoundSources): Decision[] {
    const memory: RoundMemory = { rules: this.memories, scalings: sources.scalings(), last: this.last }
    return judgeRound(rules, this.#inputs(nowMs, sources), memory, nowMs)
  }

  /** The last window of a rule that has all its results, of the last two; else the last. */
  #newestWindow({ name, everyMs }: Rule, nowMs: number, conditions: Pick<ConditionSource, 'newest'>): number {
    const endMs = dueWindow({ everyMs }, nowMs)
    const isEarlier = !this.#hasResults(name, endMs, conditions) && this.#hasResults(name, endMs - everyMs, conditions)
    return isEarlier ? endMs - everyMs : endMs
  }

  #inputs(nowMs: number, { conditions, wanted, events, isPast = false }: RoundSources): RuleInputs {
    const { application, components } = this.context
    const names = new Set(dueAt(this.#rules, nowMs).flatMap(({ name }) => this.#leavesOf.get(name) ?? []))
    return {
      application,
      leaves: new Map(
        [...names].flatMap((name) => {
          const facts = this.#facts.get(name)
          if (!facts) return []
          const seen = isPast ? { ...facts, components: [] } : facts
          return [[name, leafInput(application, name, seen, conditions, nowMs)] as const]
        }),
      ),
      components: new Map(
        [...components].flatMap(([name, bounds]): [string, ComponentInput][] => {
          const count = wanted(name)
          return count === undefined ? [] : [[name, { wanted: count, ...bounds }]]
        }),
      ),
      events: events(application),
      localTime: localTimes(nowMs),
    }
  }

  #hasResults(rule: string, nowMs: number, conditions: Pick<ConditionSource, 'newest'>): boolean {
    return (this.#leavesOf.get(rule) ?? []).every((name) => {
      const facts = this.#facts.get(name)
      if (!facts) return true
      const windowEndMs = dueWindow(facts, nowMs)
      return conditions.newest(this.context.application, name, nowMs)[0]?.windowEndMs === windowEndMs
    })
  }

  #applyPauses(): void {
    this.#rules = this.context.rules.map((rule) => ({ ...rule, paused: this.#pauses.get(rule.name) ?? rule.paused }))
  }
}
