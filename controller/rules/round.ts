/** One round of an application: every rule that is due at a time is judged, what they want of one component is settled. Pure. */
import type { Rule } from '#protocol/monitors/rule.ts'
import type { Decision, RuleInputs, RuleMemory, ScalingMemory } from './decision.ts'
import { judge } from './judge.ts'
import { settle } from './settle.ts'
import { doesSomething } from './summary.ts'

/** What one round leaves for the next. */
export interface RoundMemory {
  readonly rules: ReadonlyMap<string, RuleMemory>
  readonly scalings: ReadonlyMap<string, ScalingMemory>
  /** The last decision of each rule. */
  readonly last: ReadonlyMap<string, Decision>
}

export const noMemory: RoundMemory = { rules: new Map(), scalings: new Map(), last: new Map() }

/** The rules that are judged at a time. */
export function dueAt(rules: readonly Rule[], nowMs: number): Rule[] {
  return rules.filter(({ everyMs }) => nowMs % everyMs === 0)
}

/** Decisions of the rules that are due at `nowMs`, in the order of `rules`. */
export function judgeRound(rules: readonly Rule[], inputs: RuleInputs, memory: RoundMemory, nowMs: number): Decision[] {
  const due = dueAt(rules, nowMs)
  const decisions = due.map((rule) => judge(rule, inputs, historyOf(rule, memory), nowMs))
  const others = rules
    .filter(({ everyMs }) => nowMs % everyMs !== 0)
    .flatMap((rule) => stillInForce(rule, memory, nowMs))
  return settle(decisions, others)
}

/** What is remembered behind a round whose every action was done. */
export function afterRound(memory: RoundMemory, decisions: readonly Decision[]): RoundMemory {
  const rules = new Map(memory.rules)
  const last = new Map(memory.last)
  const scalings = new Map(memory.scalings)
  for (const decision of decisions) {
    rules.set(decision.rule, decision.memory)
    last.set(decision.rule, decision)
    for (const { target, from, to } of decision.actions.filter(isScaled)) {
      scalings.set(target, afterScaling(scalings.get(target), from ?? 0, to ?? 0, decision.windowEndMs))
    }
  }
  return { rules, scalings, last }
}

/** The last scalings of a component behind one more. */
export function afterScaling(before: ScalingMemory | undefined, from: number, to: number, atMs: number): ScalingMemory {
  return { ...before, ...(to > from ? { upMs: atMs } : { downMs: atMs }) }
}

function isScaled(action: Decision['actions'][number]): boolean {
  return action.kind === 'scale' && doesSomething(action)
}

function historyOf({ name }: Rule, { rules, scalings }: RoundMemory): Parameters<typeof judge>[2] {
  return { memory: rules.get(name), scalings }
}

/** A decision speaks for its rule until the rule is judged again. */
function stillInForce({ name, everyMs }: Rule, { last }: RoundMemory, nowMs: number): Decision[] {
  const decision = last.get(name)
  return decision && nowMs >= decision.windowEndMs && nowMs - decision.windowEndMs < everyMs ? [decision] : []
}
