/**
 * Statuses on the wire. At each change `event.instance` says `{t, application, instance: InstanceStatus}`; `control.instances` (an empty
 * body) is answered with an InstancesReport as JSON (`#protocol/query/answer.ts`): everything the agent has, so that what an event did not
 * tell is known again.
 */
import * as z from 'zod/mini'
import { failureSchemaOf } from './failure-schema.ts'
import { scriptStatusesSchema } from './scripts.ts'
import { type InstanceStatus, instanceStates } from './status.ts'

/** All that an agent has, and what it can have. */
export interface InstancesReport {
  /** Of this agent's session: an older one says what was. */
  readonly session: number
  readonly system: 'linux' | 'darwin' | 'windows'
  /** What it can run instances in now; docker only while the engine answers. */
  readonly isolations: readonly ('docker' | 'directory')[]
  /** The address that no other host of its machine has, where instances listen on it alone; absent = the machine's ports are shared. */
  readonly address?: string | undefined
  /** Free where instances are kept; absent = not known. */
  readonly diskFreeBytes?: number | undefined
  /** Where its instances are reached inside its cloud, and by everybody else. */
  readonly cloudIp?: string | undefined
  readonly publicIp?: string | undefined
  readonly instances: readonly InstanceStatus[]
}

/** Instances of one host; more are refused at the agent. */
export const instancesMax = 200

const text = z.string().check(z.maxLength(4096))
const token = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))
const endpoint = z.object({
  instance: text,
  public: z.optional(text),
  cloud: z.optional(text),
  container: z.optional(text),
})

const instanceStatusSchema: z.ZodMiniType<InstanceStatus> = z.object({
  id: token,
  application: token,
  component: token,
  generation: z.int(),
  state: z.enum(instanceStates),
  waitsFor: z.optional(text),
  failure: z.optional(failureSchemaOf(text)),
  hasRun: z.optional(z.boolean()),
  restarts: z.int(),
  sinceMs: z.number(),
  endpoints: z.record(text, endpoint),
  runtime: z.optional(z.record(text, z.union([text, z.number()]))),
  codeVersion: z.optional(text),
  scripts: z.optional(scriptStatusesSchema),
})

export const instancesReportSchema: z.ZodMiniType<InstancesReport> = z.object({
  session: z.int(),
  system: z.enum(['linux', 'darwin', 'windows']),
  isolations: z.array(z.enum(['docker', 'directory'])),
  address: z.optional(text),
  diskFreeBytes: z.optional(z.number()),
  cloudIp: z.optional(text),
  publicIp: z.optional(text),
  instances: z.array(instanceStatusSchema).check(z.maxLength(instancesMax)),
})

/** The body of `event.instance`, beside what every event has. */
export const instanceEventSchema: z.ZodMiniType<{ readonly instance: InstanceStatus }> = z.object({
  instance: instanceStatusSchema,
})
