/** Rules and decisions as the API answers them. */
import type { Rule } from '#protocol/monitors/rule.ts'
import type { ActionDecision, Decision, JudgedCondition } from './decision.ts'
import type { Effect } from './decision-report.ts'
import { type NextStep, nextStepsOf } from './next-steps.ts'
import { doesSomething } from './summary.ts'

/** A rule, and how it stands. */
export interface StandingRule {
  readonly application: string
  readonly rule: Rule
  /** Undefined = not judged yet. */
  readonly decision: Decision | undefined
  readonly effect: Effect | undefined
  readonly isPausedByHand: boolean
}

/** A line of `GET /api/v1/rules`. */
export interface RuleView {
  readonly application: string
  readonly rule: string
  readonly state: 'active' | 'paused'
  /** Somebody paused or resumed it by hand, whatever the file says. */
  readonly is_by_hand: boolean
  readonly decision: string | null
  readonly reason: string | null
  readonly condition: boolean | null
  readonly judged_ms: number | null
  readonly component: string | null
  readonly wanted: number | null
  /** What became of the last action: done, refused, failed. */
  readonly outcome: string | null
}

export interface ConditionView {
  readonly text: string
  readonly value: boolean | null
  readonly note: string | null
  readonly known: number | null
  readonly expected: number | null
  readonly of: readonly ConditionView[]
}

export interface ActionView {
  readonly kind: 'scale' | 'raise'
  readonly target: string
  readonly direction: string
  readonly from: number | null
  readonly recommended: number | null
  readonly to: number | null
  readonly guards: readonly {
    readonly guard: string
    readonly is_held: boolean
    readonly count: number | null
    readonly says: string
    readonly until_ms: number | null
  }[]
}

/** One decision of a rule. */
export interface DecisionView {
  readonly application: string
  readonly rule: string
  readonly time_ms: number
  readonly decision: string
  readonly reason: string
  readonly condition: boolean | null
  readonly component: string | null
  readonly from: number | null
  readonly recommended: number | null
  readonly to: number | null
}

/** A decision with all its reasons. */
export interface Explanation extends DecisionView {
  readonly tree: ConditionView
  readonly actions: readonly ActionView[]
  readonly next: readonly NextStep[]
}

export function ruleView({ application, rule, decision, effect, isPausedByHand }: StandingRule): RuleView {
  const acting = decision ? actingOf(decision) : undefined
  return {
    application,
    rule: rule.name,
    state: rule.paused ? 'paused' : 'active',
    is_by_hand: isPausedByHand,
    decision: decision?.verdict ?? null,
    reason: decision?.reason ?? null,
    condition: decision?.value ?? null,
    judged_ms: decision?.windowEndMs ?? null,
    component: acting?.kind === 'scale' ? acting.target : null,
    wanted: acting?.to ?? null,
    outcome: effect?.outcome ?? null,
  }
}

export function decisionView(decision: Decision): DecisionView {
  const { application, rule, windowEndMs, verdict, reason, value } = decision
  const acting = actingOf(decision)
  return {
    application,
    rule,
    time_ms: windowEndMs,
    decision: verdict,
    reason,
    condition: value,
    component: acting?.kind === 'scale' ? acting.target : null,
    from: acting?.from ?? null,
    recommended: acting?.recommended ?? null,
    to: acting?.to ?? null,
  }
}

export function explanationOf(decision: Decision, rule: Rule): Explanation {
  return {
    ...decisionView(decision),
    tree: conditionView(decision.condition),
    actions: decision.actions.map(actionView),
    next: nextStepsOf(decision, rule),
  }
}

/** The action that a decision is mostly about. */
function actingOf({ actions }: Decision): ActionDecision | undefined {
  return actions.find(doesSomething) ?? actions[0]
}

function conditionView({ text, value, note, known, expected, of = [] }: JudgedCondition): ConditionView {
  return {
    text,
    value,
    note: note ?? null,
    known: known ?? null,
    expected: expected ?? null,
    of: of.map(conditionView),
  }
}

function actionView({ kind, target, direction, from, recommended, to, guards }: ActionDecision): ActionView {
  return {
    kind,
    target,
    direction,
    from,
    recommended,
    to,
    guards: guards.map(({ guard, isHeld, count, says, untilMs }) => {
      return { guard, is_held: isHeld, count, says, until_ms: untilMs ?? null }
    }),
  }
}
