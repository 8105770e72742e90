/** What the commands read of the answers of `/api/v1/rules`. */
import { z } from 'zod'

const truth = z.boolean().nullable()
const count = z.number().nullable()

/** A rule as `GET /api/v1/rules` lists it. */
export interface RuleAnswer {
  readonly application: string
  readonly rule: string
  readonly state: string
  readonly is_by_hand: boolean
  readonly decision: string | null
  readonly reason: string | null
  readonly condition: boolean | null
  readonly judged_ms: number | null
  readonly component: string | null
  readonly wanted: number | null
  readonly outcome: string | null
}

export interface DecisionAnswer {
  readonly application: string
  readonly rule: string
  readonly time_ms: number
  readonly decision: string
  readonly reason: string
  readonly condition: boolean | null
  readonly component: string | null
  readonly from: number | null
  readonly to: number | null
}

export interface ConditionAnswer {
  readonly text: string
  readonly value: boolean | null
  readonly note: string | null
  readonly known: number | null
  readonly expected: number | null
  readonly of: readonly ConditionAnswer[]
}

export interface ExplanationAnswer extends DecisionAnswer {
  readonly tree: ConditionAnswer
  readonly actions: readonly {
    readonly kind: string
    readonly target: string
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
  }[]
  readonly next: readonly { readonly at_ms: number; readonly says: string }[]
}

export interface ReplayAnswer {
  readonly application: string
  readonly from_ms: number
  readonly until_ms: number
  readonly windows: number
  readonly wanted_before: Readonly<Record<string, number>>
  readonly wanted_after: Readonly<Record<string, number>>
  readonly unanswered: readonly string[]
  readonly decisions: readonly DecisionAnswer[]
}

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
