/** Bodies of birth, heartbeat, death and the controller's state: JSON, parsed once at the edge. Unknown fields are ignored, so that newer agents can say more. */
import * as z from 'zod/mini'
import { parseJson } from './json.ts'

export interface Birth {
  /** Session number: max(stored + 1, epoch seconds). Decides which of two births or deaths is the newer. */
  readonly session: number
  readonly version: string
  readonly pid: number
  /** Where the agent takes carbon lines, `host:port`; absent when it does not. */
  readonly carbon?: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** Facts about the machine for people: `os`, `kernel`, `cpu`, `cores`, `memory_bytes`. */
  readonly inventory: Readonly<Record<string, string | number>>
  /** Names the agent's store; a new one means that what the old one held is gone. */
  readonly storeId: string
  /** Names the journal of its orders; a new one does not know what the old one did. Absent = it takes no orders. */
  readonly journal?: string | undefined
  readonly startedAtMs: number
}

export interface Heartbeat {
  readonly session: number
  /** Agent's wall clock, so that the controller can show its skew. */
  readonly nowMs: number
  /** One-minute load average. */
  readonly load: number
  /** Samples accepted and not yet acknowledged by the controller. */
  readonly lagSamples: number
  /** Samples dropped since start, all reasons. */
  readonly dropped: number
  /** Why the store cannot write now, such as `disk_full`; absent while it can. */
  readonly storeFault?: string | undefined
  /** Of the set of monitors that it computes (`monitor-set.ts`); 0 = none, absent = an agent that knows of no sets. */
  readonly generation?: number | undefined
}

export interface Death {
  readonly session: number
  readonly reason: string
}

/** The reason of a death that means: for good, its samples are with others. */
export const leftReason = 'left'

/** What the controller tells every agent of a tenant: who it is, what time it is, how often to beat. */
export interface ControllerState {
  readonly session: number
  readonly nowMs: number
  readonly heartbeatIntervalMs: number
}

const session = z.int().check(z.positive())
const text = z.string().check(z.maxLength(256))

/** Of a birth as it was said or, by the controller, kept. */
export const birthSchema: z.ZodMiniType<Birth> = z.object({
  session,
  version: text,
  pid: z.int(),
  carbon: z.optional(text),
  labels: z.record(z.string(), text),
  inventory: z.record(z.string(), z.union([text, z.number()])),
  storeId: text,
  journal: z.optional(text),
  startedAtMs: z.int(),
})

const heartbeatSchema: z.ZodMiniType<Heartbeat> = z.object({
  session,
  nowMs: z.number(),
  load: z.number(),
  lagSamples: z.number(),
  dropped: z.number(),
  storeFault: z.optional(text),
  generation: z.optional(z.int()),
})

const deathSchema: z.ZodMiniType<Death> = z.object({ session, reason: text })

const stateSchema: z.ZodMiniType<ControllerState> = z.object({
  session,
  nowMs: z.number(),
  heartbeatIntervalMs: z.int().check(z.minimum(100)),
})

/** Throws MESSAGE_INVALID. */
export function parseBirth(body: Uint8Array): Birth {
  return parseJson(body, birthSchema, 'birth')
}

/** Throws MESSAGE_INVALID. */
export function parseHeartbeat(body: Uint8Array): Heartbeat {
  return parseJson(body, heartbeatSchema, 'heartbeat')
}

/** Throws MESSAGE_INVALID. */
export function parseDeath(body: Uint8Array): Death {
  return parseJson(body, deathSchema, 'death')
}

/** Throws MESSAGE_INVALID. */
export function parseState(body: Uint8Array): ControllerState {
  return parseJson(body, stateSchema, 'state')
}
