/** One scaling action of a rule, guard by guard: what is recommended, and what is left of it. Pure. */
import type { Rule, RuleAction } from '#protocol/monitors/rule.ts'
import { timeText } from './condition.ts'
import type {
  ActionDecision,
  ComponentInput,
  Direction,
  GuardStep,
  JudgedCondition,
  ScalingMemory,
  Standing,
} from './decision.ts'
import type { Gate } from './gate.ts'

export type ScaleAction = Extract<RuleAction, { kind: 'scale' }>

/** What an action would do if nothing held it. */
export interface Recommendation {
  readonly direction: Direction
  readonly count: number
}

/** What the action asks for, of a component that has `wanted` instances. */
export function recommendationOf({ by = 0, to }: ScaleAction, wanted: number): Recommendation {
  const count = to ?? wanted + by
  return { count, direction: count > wanted ? 'up' : count < wanted ? 'down' : 'none' }
}

/** What an action is guarded by, besides the gate of its rule. */
export interface ScalingCase {
  readonly rule: Rule
  readonly index: number
  readonly action: ScaleAction
  readonly gate: Gate
  readonly leaves: readonly JudgedCondition[]
  readonly component: ComponentInput | undefined
  readonly scaled: ScalingMemory | undefined
  readonly standing: Standing
  readonly nowMs: number
}

/** The action behind all its guards but those that look at other rules. */
export function guardScaling(scaling: ScalingCase): ActionDecision {
  const { action, component, gate, index } = scaling
  const from = component?.wanted ?? null
  const recommended = component ? recommendationOf(action, component.wanted) : undefined
  const steps: GuardStep[] = gate.steps.map((step) => ({
    ...step,
    count: step.isHeld ? from : (recommended?.count ?? null),
  }))
  let count = recommended?.count ?? from
  for (const guard of gate.heldBy === undefined ? scalingGuards : []) {
    const step = guard(scaling, count ?? 0)
    steps.push(step)
    count = step.count
    if (step.isHeld) break
  }
  return {
    index,
    kind: 'scale',
    target: action.component,
    direction: recommended?.direction ?? 'none',
    from,
    recommended: recommended?.count ?? null,
    to: gate.heldBy === undefined ? count : from,
    isRaised: false,
    guards: steps,
  }
}

type ScalingGuard = (scaling: ScalingCase, count: number) => GuardStep

const scalingGuards: readonly ScalingGuard[] = [
  componentGuard,
  unknownGuard,
  coverageGuard,
  toleranceGuard,
  stabilisationGuard,
  cooldownGuard,
  boundsGuard,
]

function componentGuard({ action, component }: ScalingCase, count: number): GuardStep {
  if (!component)
    return { guard: 'component', isHeld: true, count: null, says: `nobody knows a component ${action.component}` }
  const how = action.to === undefined ? signed(action.by ?? 0) : `to ${action.to}`
  return { guard: 'component', isHeld: false, count, says: `${component.wanted} wanted, ${how} makes ${count}` }
}

/** Lowering needs every leaf, also those that could not change the condition's value. */
function unknownGuard(scaling: ScalingCase, count: number): GuardStep {
  const unknown = scaling.leaves.filter(({ value }) => value === null)
  if (!isLowering(scaling) || unknown.length === 0)
    return passed('unknown', count, lowerText(scaling, 'no leaf is unknown'))
  return held('unknown', scaling, `never lowered on unknown: ${textsOf(unknown)}`)
}

/** Lowering needs every input of every leaf. */
function coverageGuard(scaling: ScalingCase, count: number): GuardStep {
  const partial = scaling.leaves.filter(({ known, note }) => known !== undefined && note !== undefined)
  if (!isLowering(scaling) || partial.length === 0)
    return passed('coverage', count, lowerText(scaling, 'no input is missing'))
  return held('coverage', scaling, `never lowered while inputs are missing: ${textsOf(partial)}`)
}

function toleranceGuard(scaling: ScalingCase, count: number): GuardStep {
  const { rule, component } = scaling
  const wanted = component?.wanted ?? 0
  const percent = wanted === 0 ? Number.POSITIVE_INFINITY : (Math.abs(count - wanted) * 100) / wanted
  if (percent === 0 || percent >= rule.tolerancePercent) {
    return passed('tolerance', count, `at least ${rule.tolerancePercent} % of the count`)
  }
  return held('tolerance', scaling, `a change of ${percent.toFixed(1)} %, expected at least ${rule.tolerancePercent} %`)
}

function stabilisationGuard(scaling: ScalingCase, count: number): GuardStep {
  const { rule, standing, nowMs } = scaling
  const neededMs = isLowering(scaling) ? rule.stabilisation.downMs : rule.stabilisation.upMs
  const untilMs = standing.sinceMs + neededMs
  const says = `recommended since ${timeText(standing.sinceMs)}, expected to stand for ${neededMs / 1000} s`
  if (nowMs >= untilMs || isNone(scaling)) return passed('stabilisation', count, says)
  return { ...held('stabilisation', scaling, says), untilMs }
}

/** Up waits for the last up; down for the last scaling of either direction, so that what was just added is not taken away. */
function cooldownGuard(scaling: ScalingCase, count: number): GuardStep {
  const { rule, scaled, nowMs } = scaling
  const isDown = isLowering(scaling)
  const lastMs = isDown ? later(scaled?.upMs, scaled?.downMs) : scaled?.upMs
  if (lastMs === undefined) return passed('cooldown', count, 'not scaled before')
  const neededMs = isDown ? rule.cooldown.downMs : rule.cooldown.upMs
  const untilMs = Math.min(lastMs, nowMs) + neededMs
  const says = `scaled at ${timeText(lastMs)}, ${neededMs / 1000} s to wait`
  if (nowMs >= untilMs || isNone(scaling)) return passed('cooldown', count, says)
  return { ...held('cooldown', scaling, says), untilMs }
}

/** Both the component's bounds and the action's hold. A count that is outside already is never moved further out, nor the wrong way. */
function boundsGuard(scaling: ScalingCase, count: number): GuardStep {
  const { action, component } = scaling
  const min = Math.max(component?.min ?? 0, action.min ?? 0, 0)
  const max = Math.min(component?.max ?? 0, action.max ?? Number.POSITIVE_INFINITY)
  const wanted = component?.wanted ?? 0
  if (min > max) return held('bounds', scaling, `no count fits: at least ${min}, at most ${max}`)
  const bounded = Math.min(max, Math.max(min, count))
  const says = `${min} to ${max}`
  const isAllowed = isLowering(scaling) ? bounded < wanted : bounded > wanted
  if (isAllowed || isNone(scaling)) return passed('bounds', isNone(scaling) ? count : bounded, says)
  return held('bounds', scaling, `${wanted} wanted already, ${says} allowed`)
}

function isLowering({ standing }: ScalingCase): boolean {
  return standing.recommends === 'down'
}

function isNone({ standing }: ScalingCase): boolean {
  return standing.recommends === 'none'
}

function passed(guard: GuardStep['guard'], count: number, says: string): GuardStep {
  return { guard, isHeld: false, count, says }
}

function held(guard: GuardStep['guard'], { component }: ScalingCase, says: string): GuardStep {
  return { guard, isHeld: true, count: component?.wanted ?? null, says }
}

function lowerText(scaling: ScalingCase, says: string): string {
  return isLowering(scaling) ? says : 'asked of lowering only'
}

function textsOf(leaves: readonly JudgedCondition[]): string {
  return leaves.map(({ text, note }) => (note === undefined ? text : `${text} (${note})`)).join(', ')
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b)
}

function signed(by: number): string {
  return by < 0 ? `− ${-by}` : `+ ${by}`
}
