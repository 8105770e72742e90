import * as z from 'zod'
import { type Birth, birthSchema, type Heartbeat } from '#protocol/messages/presence.ts'
import type { Address } from '#protocol/subjects/subject.ts'

/** What is kept of a host beside its presence. */
export interface HostRecord {
  readonly address: Address
  /** The birth of the newest session that was born. */
  birth: Birth | undefined
  /** The newest heartbeat of the newest session. */
  heartbeat: Heartbeat | undefined
  /** Epoch ms of the last message of the newest session. */
  lastSeenMs: number | undefined
  /** Its clock minus ours at that heartbeat, ms. */
  skewMs: number | undefined
}

export function newHostRecord(address: Address): HostRecord {
  return { address, birth: undefined, heartbeat: undefined, lastSeenMs: undefined, skewMs: undefined }
}

/** A host's row in the registry. */
export interface HostRow {
  readonly session: number
  readonly isDead: boolean
  readonly hasLeft?: boolean | undefined
  readonly birth?: Birth | undefined
  readonly lastSeenMs?: number | undefined
}

const rowSchema: z.ZodType<HostRow> = z.object({
  session: z.int(),
  isDead: z.boolean(),
  hasLeft: z.boolean().optional(),
  birth: z.optional(birthSchema),
  lastSeenMs: z.number().optional(),
})

/** A row as it was written, or undefined for anything else: such a host is met anew. */
export function parseHostRow(value: unknown): HostRow | undefined {
  const row = rowSchema.safeParse(value)
  return row.success ? row.data : undefined
}
