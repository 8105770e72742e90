/** What an agent answers to `control.ring.<id>`: the ring of its cloud as it sees it, and what became of its copies. */
import * as z from 'zod/mini'

/** As the asked agent judges it. */
type RingMemberState = 'alive' | 'suspect' | 'dead' | 'left'

export interface RingStatus {
  readonly host: string
  /** Failure domain; empty = unknown. */
  readonly zone: string
  /** On the ring, 16 hexadecimal digits. */
  readonly position: string
  /** Start number: positions that replicas acknowledge belong to one. */
  readonly start: number
  /** Copies wanted of its samples, the own included, in a cloud that is large enough. */
  readonly copies: number
  /** Copies that are complete but for the last minute, the own included. */
  readonly degree: number
  readonly isUnderReplicated: boolean
  /** Somebody else lives with this identity; nothing is copied. */
  readonly isQuarantined: boolean
  /** The other hosts of its cloud that it knows. */
  readonly members: readonly RingMember[]
  /** Who has, or is to have, copies of its samples. */
  readonly holders: readonly RingHolder[]
  /** Whose copies it has. */
  readonly held: readonly HeldOwner[]
  readonly heldBytes: number
  /** Bytes of rows since its start. */
  readonly bytesOut: number
  readonly bytesIn: number
}

export interface RingMember {
  readonly host: string
  readonly zone: string
  readonly state: RingMemberState
  /** Of a suspect: what is left of its grace time, s; then it is dead, and what it held is rebuilt elsewhere. */
  readonly deadInSeconds?: number | undefined
}

export interface RingHolder {
  readonly host: string
  /** The silent host whose turn it would be. */
  readonly standsInFor?: string | undefined
  /** Samples it has not acknowledged yet, and since when it has not had everything, s. */
  readonly lagSamples: number
  readonly lagSeconds: number
}

export interface HeldOwner {
  readonly owner: string
  readonly samples: number
  readonly bytes: number
}

const hostToken = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))
const zone = z.string().check(z.maxLength(64), z.regex(/^[^\u0000-\u001f\u007f-\u009f]*$/))
const count = z.number().check(z.minimum(0))

/** What a reader takes; unknown fields are ignored. */
export const ringStatusSchema: z.ZodMiniType<RingStatus> = z.object({
  host: hostToken,
  zone,
  position: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
  start: z.int(),
  copies: z.int().check(z.minimum(1), z.maximum(64)),
  degree: z.int().check(z.minimum(0), z.maximum(64)),
  isUnderReplicated: z.boolean(),
  isQuarantined: z.boolean(),
  members: z.array(
    z.object({
      host: hostToken,
      zone,
      state: z.enum(['alive', 'suspect', 'dead', 'left']),
      deadInSeconds: z.optional(count),
    }),
  ),
  holders: z.array(
    z.object({ host: hostToken, standsInFor: z.optional(hostToken), lagSamples: count, lagSeconds: count }),
  ),
  held: z.array(z.object({ owner: hostToken, samples: count, bytes: count })),
  heldBytes: count,
  bytesOut: count,
  bytesIn: count,
})
