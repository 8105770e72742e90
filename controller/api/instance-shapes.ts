/** The shapes of answers about instances, for the OpenAPI document and the contract tests. */
import * as z from 'zod'
import { shownInstanceStates } from '#controller/instances/instance-view.ts'

export const instanceShape: z.ZodType = z.strictObject({
  id: z.string(),
  name: z.string().describe('as the commands take it: shop/web-1'),
  application: z.string(),
  component: z.string(),
  cloud: z.string(),
  host: z.string(),
  state: z
    .enum(shownInstanceStates as [string, ...string[]])
    .describe('ordered: its host has nothing of it yet; unknown: its host is silent'),
  wanted: z.enum(['running', 'stopped', 'removed']),
  generation: z.int().describe('of what it is to run'),
  host_generation: z.int().nullable().describe('of what its host works towards'),
  restarts: z.int().nullable(),
  since_ms: z.number().nullable().describe('when its state was entered, by the clock of its host'),
  endpoints: z
    .record(
      z.string(),
      z.strictObject({
        public: z.string().optional(),
        cloud: z.string().optional(),
        container: z.string().optional(),
      }),
    )
    .describe('by provided port, on the levels where it can be reached'),
  why: z.string().nullable().describe('why it is not as it is wanted'),
  next: z.string().describe('what happens next'),
})

export const explainedShape: z.ZodType = z.strictObject({
  application: z.string(),
  component: z.string(),
  wanted: z.int(),
  min: z.int(),
  max: z.int(),
  seen: z.record(z.string(), z.int()).describe('instances by state, those that go included'),
  waits: z.array(z.string()).describe('what one more, or one less, waits for'),
  rejected: z
    .array(z.strictObject({ host: z.string(), reasons: z.array(z.string()) }))
    .describe('hosts that cannot have one more, where one more is wanted'),
  code: z.string().nullable().describe('the version of its code that is enabled, and how the last roll-out ended'),
  instances: z.array(instanceShape),
})

export const scaledShape: z.ZodType = z.strictObject({
  application: z.string(),
  component: z.string(),
  from: z.int(),
  to: z.int(),
})

export const execShape: z.ZodType = z.strictObject({
  code: z.int().nullable(),
  signal: z.string().nullable(),
  output: z.string().describe('the last of what it wrote'),
  is_timed_out: z.boolean(),
})

export const drainShape: z.ZodType = z.strictObject({
  host: z.string(),
  cloud: z.string(),
  is_drained: z.boolean(),
  deadline_ms: z.number().nullable().describe('instances leave then although nothing has taken their place, epoch ms'),
  instances: z.array(z.string()).describe('what is there still'),
})
