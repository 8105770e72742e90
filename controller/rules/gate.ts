/** The guards that stand before all actions of a rule: paused, schedule, condition. */
import type { Truth } from '#protocol/aggregation/truth.ts'
import type { Rule } from '#protocol/monitors/rule.ts'
import type { Guard, GuardStep, RuleInputs } from './decision.ts'
import { isActive } from './schedule.ts'

/** What a guard says before there is a count to speak of. */
export type GateStep = Omit<GuardStep, 'count'>

/** What the guards before all actions said; `heldBy` = none of them is looked at. */
export interface Gate {
  readonly steps: readonly GateStep[]
  readonly heldBy: Guard | undefined
}

/** Asks the guards in turn and stops at the first that holds. */
export function gateOf(rule: Rule, value: Truth, inputs: RuleInputs): Gate {
  const steps: GateStep[] = []
  for (const step of [pausedStep(rule), scheduleStep(rule, inputs)]) {
    steps.push(step)
    if (step.isHeld) return { steps, heldBy: step.guard }
  }
  const taken = value ?? { hold: null, true: true, false: false }[rule.onMissing]
  const isHeld = taken !== true
  const guard = taken === null ? 'unknown' : 'condition'
  steps.push({ guard, isHeld, says: conditionText(value, rule) })
  return { steps, heldBy: isHeld ? guard : undefined }
}

function pausedStep({ paused }: Rule): GateStep {
  return { guard: 'paused', isHeld: paused, says: paused ? 'the rule is paused' : 'not paused' }
}

function scheduleStep({ schedule }: Rule, inputs: RuleInputs): GateStep {
  if (!schedule) return { guard: 'schedule', isHeld: false, says: 'active at all times' }
  if (isActive(schedule, inputs.localTime(schedule.zone))) {
    return { guard: 'schedule', isHeld: false, says: `within its hours in ${schedule.zone}` }
  }
  return { guard: 'schedule', isHeld: true, says: `outside its hours in ${schedule.zone}` }
}

function conditionText(value: Truth, { onMissing }: Rule): string {
  if (value !== null) return `the condition is ${value}`
  return onMissing === 'hold'
    ? 'the condition is unknown: nothing is done'
    : `the condition is unknown, taken for ${onMissing}`
}
