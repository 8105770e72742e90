/** The shapes of answers about applications and monitors, for the OpenAPI document and the contract tests. */
import * as z from 'zod'
import { stepKinds } from '#controller/applications/plan.ts'

const wanted = z.record(z.string(), z.int()).describe('instances wanted by component')
const head = {
  name: z.string(),
  generation: z.int().describe('higher for each change of any application of the tenant'),
  applied_at_ms: z.number(),
  problem: z.string().nullable().describe('why this controller cannot read the file any more'),
}

export const applicationsShape: z.ZodType = z.array(
  z.strictObject({
    ...head,
    components: wanted,
    monitors: z.int().describe('those made for rules included'),
    rules: z.int(),
    subscriptions: z.int(),
  }),
)

const thing = z.looseObject({ name: z.string() })

export const applicationShape: z.ZodType = z.strictObject({
  ...head,
  wanted,
  components: z.array(thing).describe('with every default filled in'),
  monitors: z.array(thing),
  rules: z.array(thing),
  subscriptions: z.array(thing).describe('without their secrets'),
  versions: z.array(z.strictObject({ generation: z.int(), applied_at_ms: z.number() })).describe('oldest first'),
})

const planShape = z.strictObject({
  application: z.string(),
  steps: z
    .array(
      z.strictObject({
        verb: z.enum(['create', 'change', 'remove']),
        kind: z.enum(stepKinds),
        name: z.string(),
        restarts: z.boolean().describe('instances are stopped and started again'),
        differences: z.array(z.strictObject({ path: z.string(), from: z.string(), to: z.string() })),
        more: z.int().describe('differences that are not listed'),
      }),
    )
    .describe('empty = nothing to do'),
  wanted: z
    .array(z.strictObject({ component: z.string(), from: z.int().nullable(), to: z.int().nullable() }))
    .describe('counts that change; null = no such component'),
})

export const plannedShape: z.ZodType = z.strictObject({
  generation: z.int().describe('in force now; 0 = none'),
  plan: planShape,
})

export const outcomeShape: z.ZodType = z.strictObject({
  plan: planShape,
  generation: z.int().describe('in force now; 0 = none'),
  is_changed: z.boolean(),
})

export const monitorsShape: z.ZodType = z.array(
  z.strictObject({
    application: z.string(),
    name: z.string(),
    metric: z.string().describe('what its results are stored and published as'),
    kind: z.enum(['raw', 'composed', 'constant']),
    scope: z.enum(['host', 'cloud', 'cross-cloud']),
    computed: z.string().describe('where'),
    of: z.string().describe('what it takes: a selector, monitors, or a number'),
    function: z.string().nullable(),
    window: z.string().nullable(),
    every_ms: z.int(),
    coverage: z.number().describe('share of the inputs that must be known, 0 to 1'),
    rule: z.string().nullable().describe('the rule it was made for'),
    values: z
      .array(
        z.strictObject({
          host: z.string(),
          cloud: z.string(),
          tags: z.record(z.string(), z.string()),
          timestamp_ms: z.number(),
          value: z.number(),
        }),
      )
      .describe('the newest of each series of the last day'),
    more: z.int().describe('series that are not listed'),
  }),
)
