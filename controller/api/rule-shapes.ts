/** The shapes of the answers of `/api/v1/rules`. */
import * as z from 'zod'
import { guards } from '#controller/rules/decision.ts'

const truth = z.boolean().nullable().describe('null = unknown')
const count = z.int().nullable()
const verdict = z
  .enum(['up', 'down', 'raise', ...guards])
  .describe('up, down and raise change something; the others name the guard that did not let it')

const ruleShape = z.strictObject({
  application: z.string(),
  rule: z.string(),
  state: z.enum(['active', 'paused']),
  is_by_hand: z.boolean().describe('paused or resumed by hand, whatever the file says'),
  decision: verdict.nullable().describe('the last; null = not judged yet'),
  reason: z.string().nullable(),
  condition: truth,
  judged_ms: z.number().nullable().describe('end of the window judged last'),
  component: z.string().nullable(),
  wanted: count,
  outcome: z
    .enum(['done', 'repeated', 'refused', 'failed'])
    .nullable()
    .describe('of the last action that was carried out'),
})

export const rulesShape: z.ZodType = z.array(ruleShape)
export const pausedShape: z.ZodType = ruleShape

const decision = {
  application: z.string(),
  rule: z.string(),
  time_ms: z.number().describe('end of the window judged'),
  decision: verdict,
  reason: z.string(),
  condition: truth,
  component: z.string().nullable(),
  from: count,
  recommended: count,
  to: count,
}

const condition: z.ZodType = z.lazy(() =>
  z.strictObject({
    text: z.string(),
    value: truth,
    note: z.string().nullable().describe('why it is unknown, or what is missing'),
    known: count.describe('inputs known'),
    expected: count,
    of: z.array(condition),
  }),
)

export const explanationShape: z.ZodType = z.strictObject({
  ...decision,
  tree: condition,
  actions: z.array(
    z.strictObject({
      kind: z.enum(['scale', 'raise']),
      target: z.string().describe('component, or kind of the event'),
      direction: z.enum(['up', 'down', 'none']),
      from: count,
      recommended: count,
      to: count,
      guards: z.array(
        z.strictObject({
          guard: z.enum(guards),
          is_held: z.boolean(),
          count: count.describe('wanted behind this guard'),
          says: z.string(),
          until_ms: z.number().nullable(),
        }),
      ),
    }),
  ),
  next: z.array(z.strictObject({ at_ms: z.number(), says: z.string() })),
})

const counts = z.record(z.string(), z.int())

export const replayShape: z.ZodType = z.strictObject({
  application: z.string(),
  from_ms: z.number(),
  until_ms: z.number(),
  windows: z.int().describe('judged'),
  wanted_before: counts,
  wanted_after: counts,
  unanswered: z.array(z.string()).describe('hosts whose samples could not be had'),
  decisions: z.array(z.strictObject(decision)),
})
