/** The five scripts of a generic service (seed-systems §7.6), what a host is told of them, and how they are. */
import * as z from 'zod/mini'

export const scriptNames = ['init', 'run', 'interrupt', 'cleanup', 'notify'] as const
export type ScriptName = (typeof scriptNames)[number]

/** Those that users ask for. */
export const askedScripts = ['run', 'interrupt', 'cleanup'] as const
export type AskedScript = (typeof askedScripts)[number]

/** The scripts beside `init`, which is the handler `install` of its instance. */
export const launchedScripts = ['run', 'interrupt', 'cleanup', 'notify'] as const
export type LaunchedScript = (typeof launchedScripts)[number]

export interface ServiceScript {
  /** An argument vector; parameters come behind it. */
  readonly command: readonly string[]
  /** It is ended then, ms; absent = it may take for ever. */
  readonly timeoutMs?: number | undefined
}

/** What makes an instance one of a generic service. */
export interface ServiceSpec {
  readonly scripts: Readonly<Record<LaunchedScript, ServiceScript>>
  /** Parameters of each script where a request gives none. */
  readonly parameters: readonly string[]
  /** From SIGTERM to SIGKILL, ms. */
  readonly graceMs: number
}

/** How a script is on one host; one that was never started has none. */
export interface ScriptStatus {
  readonly state: 'running' | 'stopped'
  /** When it was started, epoch ms by the host's clock. */
  readonly sinceMs: number
  /** Return code as a shell tells it: 128 and more is a signal. Null while it runs, and where nobody could see it. */
  readonly code: number | null
}

export type ScriptStatuses = Readonly<Partial<Record<ScriptName, ScriptStatus>>>

/** Parameters of one request, and characters of all of them. */
export const parametersMax = 256
export const parametersLengthMax = 32_768

const command = z.array(z.string().check(z.maxLength(131_072))).check(z.minLength(1), z.maxLength(256 + parametersMax))
const script: z.ZodMiniType<ServiceScript> = z.strictObject({
  command,
  timeoutMs: z.optional(z.int().check(z.minimum(1))),
})

export const serviceSchema: z.ZodMiniType<ServiceSpec> = z.strictObject({
  scripts: z.strictObject({ run: script, interrupt: script, cleanup: script, notify: script }),
  parameters: z.array(z.string()).check(z.maxLength(parametersMax)),
  graceMs: z.int().check(z.minimum(1), z.maximum(86_400_000)),
})

export const scriptStatusesSchema: z.ZodMiniType<ScriptStatuses> = z.partialRecord(
  z.enum(scriptNames),
  z.object({ state: z.enum(['running', 'stopped']), sinceMs: z.number(), code: z.nullable(z.int()) }),
)
