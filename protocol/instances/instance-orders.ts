/**
 * Orders about instances, the same words on both sides. Verbs are tokens; all orders about one instance have one key, so that the newer takes
 * the place of what has not been started and two never run at once.
 *
 * | verb | body | done means |
 * |---|---|---|
 * | `instance-apply` | InstanceSpec | the agent has kept it and works towards it; how far it is, statuses tell |
 * | `instance-remove` | InstanceNamed | nothing is left of it; also when there was nothing |
 * | `instance-restart` | InstanceNamed | it was told to stop and start again |
 * | `instance-exec` (a call) | InstanceExec | the command has ended; the result is an ExecOutcome |
 */
import * as z from 'zod/mini'

export const instanceVerbs = {
  apply: 'instance-apply',
  remove: 'instance-remove',
  restart: 'instance-restart',
  exec: 'instance-exec',
} as const

/** The key of all orders about an instance, but for commands in it: those stand alone. */
export function instanceKey(id: string): string {
  return `instance/${id}`
}

export interface InstanceNamed {
  readonly id: string
}

/** One command inside the instance's place, with its environment. */
export interface InstanceExec {
  readonly id: string
  /** An argument vector. */
  readonly command: readonly string[]
  /** Ends its process group, ms. */
  readonly timeoutMs: number
}

export interface ExecOutcome {
  readonly code: number | null
  readonly signal: string | null
  /** Last bytes of what it wrote, both streams. */
  readonly output: string
  readonly isTimedOut: boolean
}

export const execOutcomeSchema: z.ZodMiniType<ExecOutcome> = z.object({
  code: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  output: z.string(),
  isTimedOut: z.boolean(),
})
