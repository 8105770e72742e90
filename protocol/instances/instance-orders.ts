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
 * | `instance-script` (a call) | InstanceScript | the script is on its way, or what else `action` says |
 */
import * as z from 'zod/mini'
import type { AskedScript } from './scripts.ts'

export const instanceVerbs = {
  apply: 'instance-apply',
  remove: 'instance-remove',
  restart: 'instance-restart',
  exec: 'instance-exec',
  script: 'instance-script',
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

/**
 * A script of a generic service. `hold` is refused where one runs; else none begins there but that of the same request, until it is released
 * or `holdMs` are over: so a script begins on all members or on none.
 */
export interface InstanceScript {
  readonly id: string
  readonly action: 'hold' | 'release' | AskedScript
  /** A token, drawn for each request of a user. */
  readonly request: string
  /** Absent = those of the spec. */
  readonly parameters?: readonly string[] | undefined
}

/** How long a hold lasts, ms. */
export const holdMs = 30_000

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
