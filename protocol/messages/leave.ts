/** Body and answer of `control.leave.<id>`: a host is to leave for good, and first to hand over what it has. */
import * as z from 'zod/mini'
import { encodeJson, parseJson } from './json.ts'

/** Asked again while it is under way, it says how far it is; of several deadlines the nearest holds. */
export interface LeaveAsk {
  /** Time to hand over, ms, from when it is asked for. */
  readonly deadlineMs: number
  /** Leave then all the same: what was not handed over stays on the host’s disk alone. */
  readonly isForced: boolean
  /** How long the asker waits for the outcome, ms; then it is told how far it is. */
  readonly waitMs: number
}

/** Samples of one owner, by its host token. */
export interface OwnerSamples {
  readonly owner: string
  readonly samples: number
}

export interface LeaveReport {
  /**
   * `leaving`; `left` = its agent ends, and is a member no more; `stayed` = not all was handed over in time: its agent ends, is a
   * member again when it is started again, and nothing is lost.
   */
  readonly state: 'leaving' | 'left' | 'stayed'
  /** What not all have who are to keep it. */
  readonly toHandOver: readonly OwnerSamples[]
}

/** Time to hand over where nobody says otherwise, ms: five minutes. */
export const leaveMsDefault = 300_000
/** Longest time to hand over, ms: a day. */
export const leaveMsMax = 86_400_000

const askSchema: z.ZodMiniType<LeaveAsk> = z.object({
  deadlineMs: z.int().check(z.minimum(0), z.maximum(leaveMsMax)),
  isForced: z.boolean(),
  waitMs: z.int().check(z.minimum(0), z.maximum(60_000)),
})

const ownerSamples: z.ZodMiniType<OwnerSamples> = z.object({
  owner: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  samples: z.int().check(z.minimum(0)),
})

/** What a reader takes; unknown fields are ignored. */
export const leaveReportSchema: z.ZodMiniType<LeaveReport> = z.object({
  state: z.enum(['leaving', 'left', 'stayed']),
  toHandOver: z.array(ownerSamples),
})

export function encodeLeaveAsk(ask: LeaveAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseLeaveAsk(body: Uint8Array): LeaveAsk {
  return parseJson(body, askSchema, 'request to leave')
}
