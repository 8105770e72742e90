/** An upgrade of several hosts, as the registry keeps it under `upgrade!<id>`. */
import * as z from 'zod'

/** Where one host stands: `skipped` = nothing was ordered. */
const hostStates = ['waiting', 'ordered', 'done', 'failed', 'skipped'] as const

export interface UpgradeHost {
  /** `T.C.H`. */
  readonly target: string
  readonly state: (typeof hostStates)[number]
  /** Id of its order. */
  readonly order?: string | undefined
  readonly code?: string | undefined
  readonly reason?: string | undefined
}

export interface UpgradeRow {
  readonly id: string
  readonly sha256: string
  readonly version: string
  readonly bytes: number
  /** Time from a start to its confirmation, s. */
  readonly gateSeconds: number
  readonly isForced: boolean
  /** Hosts at once; the first goes alone. */
  readonly batch: number
  readonly beganMs: number
  /** Its order is not started later than so long after it was given, ms. */
  readonly lifetimeMs: number
  readonly endedMs?: number | undefined
  /** `stopped`: a host failed, or an operator said so; the rest stays as it is. */
  readonly state: 'running' | 'done' | 'stopped'
  readonly hosts: readonly UpgradeHost[]
}

const text = z.string().optional()

const schema: z.ZodType<UpgradeRow> = z.object({
  id: z.string(),
  sha256: z.string(),
  version: z.string(),
  bytes: z.int(),
  gateSeconds: z.int(),
  isForced: z.boolean(),
  batch: z.int(),
  beganMs: z.number(),
  lifetimeMs: z.number(),
  endedMs: z.number().optional(),
  state: z.enum(['running', 'done', 'stopped']),
  hosts: z.array(z.object({ target: z.string(), state: z.enum(hostStates), order: text, code: text, reason: text })),
})

/** A row as it was written; undefined for anything else. */
export function parseUpgradeRow(value: unknown): UpgradeRow | undefined {
  return schema.safeParse(value).data
}
