/** What the commands read of the answers of `/api/v1/rules`. */
import { z } from 'zod'
import type * as desk from '#controller/rules/rule-desk.ts'
import type { ActionView, ConditionView, DecisionView, Explanation, RuleView } from '#controller/rules/rule-view.ts'
import type { Read } from './answers.ts'

export type RuleAnswer = Read<RuleView>
export type ConditionAnswer = ConditionView
export type DecisionAnswer = Omit<DecisionView, 'recommended'>

export interface ExplanationAnswer extends DecisionAnswer, Pick<Explanation, 'tree' | 'next'> {
  readonly actions: readonly Read<Omit<ActionView, 'direction'>>[]
}

export interface ReplayAnswer extends Omit<desk.ReplayAnswer, 'decisions'> {
  readonly decisions: readonly DecisionAnswer[]
}

const truth = z.boolean().nullable()
const count = z.number().nullable()

export const ruleSchema: z.ZodType<RuleAnswer> = z.object({
  application: z.string(),
  rule: z.string(),
  state: z.string(),
  is_by_hand: z.boolean(),
  decision: z.string().nullable(),
  reason: z.string().nullable(),
  condition: truth,
  judged_ms: count,
  component: z.string().nullable(),
  wanted: count,
  outcome: z.string().nullable(),
})

export const rulesSchema: z.ZodType<readonly RuleAnswer[]> = z.array(ruleSchema)

const decision = {
  application: z.string(),
  rule: z.string(),
  time_ms: z.number(),
  decision: z.string(),
  reason: z.string(),
  condition: truth,
  component: z.string().nullable(),
  from: count,
  to: count,
}

const conditionSchema: z.ZodType<ConditionAnswer> = z.lazy(() =>
  z.object({
    text: z.string(),
    value: truth,
    note: z.string().nullable(),
    known: count,
    expected: count,
    of: z.array(conditionSchema),
  }),
)

export const explanationSchema: z.ZodType<ExplanationAnswer> = z.object({
  ...decision,
  tree: conditionSchema,
  actions: z.array(
    z.object({
      kind: z.string(),
      target: z.string(),
      from: count,
      recommended: count,
      to: count,
      guards: z.array(z.object({ guard: z.string(), is_held: z.boolean(), count, says: z.string(), until_ms: count })),
    }),
  ),
  next: z.array(z.object({ at_ms: z.number(), says: z.string() })),
})

const counts = z.record(z.string(), z.number())

export const replaySchema: z.ZodType<ReplayAnswer> = z.object({
  application: z.string(),
  from_ms: z.number(),
  until_ms: z.number(),
  windows: z.number(),
  wanted_before: counts,
  wanted_after: counts,
  unanswered: z.array(z.string()),
  decisions: z.array(z.object(decision)),
})
