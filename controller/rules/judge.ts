/**
 * A rule judged: `(rule, inputs, history, now) → decision with reasons`. Pure, and the only place that decides; the engine, a dry
 * run and a replay all call it. What other rules of the application want is `settle`'s to weigh, afterwards.
 */
import type { Rule, RuleAction } from '#protocol/monitors/rule.ts'
import { judgeCondition, leavesOf } from './condition.ts'
import type { ActionDecision, Decision, RuleHistory, RuleInputs, Standing } from './decision.ts'
import { type Gate, gateOf } from './gate.ts'
import { guardScaling, recommendationOf } from './scaling.ts'
import { standingOf } from './standing.ts'
import { summaryOf } from './summary.ts'

/**
 * Judges a rule for the window that ends at `nowMs`, a multiple of its period. All times of the decision are event time, so the
 * same inputs give the same decision whenever they are judged.
 */
export function judge(rule: Rule, inputs: RuleInputs, history: RuleHistory, nowMs: number): Decision {
  const condition = judgeCondition(rule.when, inputs, nowMs)
  const gate = gateOf(rule, condition.value, inputs)
  const leaves = leavesOf(condition)
  const standing = rule.then.map((action, index) =>
    standingOf(recommends(action, gate, inputs), index, history, rule.everyMs, nowMs),
  )
  const actions = rule.then.map((action, index): ActionDecision => {
    const stands = standing[index] as Standing
    if (action.kind === 'raise') return raising(rule, action, { gate, index, standing: stands, nowMs })
    return guardScaling({
      rule,
      index,
      action,
      gate,
      leaves,
      component: inputs.components.get(action.component),
      scaled: history.scalings.get(action.component),
      standing: stands,
      nowMs,
    })
  })
  const memory = {
    judgedMs: nowMs,
    standing: standing.map((one, index): Standing => {
      const action = actions[index] as ActionDecision
      // what was not known throughout has not stood
      if (one.recommends === 'down' && isInDoubt(action)) return { ...one, recommends: 'nothing', sinceMs: nowMs }
      return { ...one, isRaised: one.isRaised || action.isRaised }
    }),
  }
  return {
    id: `${inputs.application}.${rule.name}.${nowMs}`,
    application: inputs.application,
    rule: rule.name,
    windowEndMs: nowMs,
    ...summaryOf(actions),
    value: condition.value,
    condition,
    actions,
    memory,
  }
}

/** What stands: nothing while the gate is closed, so that what was recommended behind it does not count. */
function recommends(action: RuleAction, gate: Gate, inputs: RuleInputs): Standing['recommends'] {
  if (gate.heldBy !== undefined) return 'nothing'
  if (action.kind === 'raise') return 'raise'
  const component = inputs.components.get(action.component)
  return component ? recommendationOf(action, component.wanted).direction : 'nothing'
}

/** A lowering that was held because something is not known. */
function isInDoubt({ guards }: ActionDecision): boolean {
  return guards.some(({ guard, isHeld }) => isHeld && (guard === 'unknown' || guard === 'coverage'))
}

interface RaiseCase {
  readonly gate: Gate
  readonly index: number
  readonly standing: Standing
  readonly nowMs: number
}

/** An event is raised once for each stretch of time in which the condition holds, when it has held as long as growing would need. */
function raising(
  { stabilisation }: Rule,
  { event }: Extract<RuleAction, { kind: 'raise' }>,
  { gate, index, standing, nowMs }: RaiseCase,
): ActionDecision {
  const untilMs = standing.sinceMs + stabilisation.upMs
  const isStill = gate.heldBy === undefined && nowMs < untilMs
  const isRaised = gate.heldBy === undefined && !isStill && !standing.isRaised
  const steps = gate.steps.map((step) => ({ ...step, count: null }))
  const own = isStill
    ? {
        guard: 'stabilisation' as const,
        isHeld: true,
        count: null,
        says: `expected to stand for ${stabilisation.upMs / 1000} s`,
        untilMs,
      }
    : { guard: 'change' as const, isHeld: !isRaised, count: null, says: isRaised ? 'raised' : 'raised already' }
  return {
    index,
    kind: 'raise',
    target: event,
    direction: 'none',
    from: null,
    recommended: null,
    to: null,
    isRaised,
    guards: gate.heldBy === undefined ? [...steps, own] : steps,
  }
}
