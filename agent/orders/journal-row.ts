/** What the journal keeps; `README.md` has the keys it lies under. */
import * as z from 'zod/mini'
import { type JournalState, journalStates } from '#protocol/orders/states.ts'

/** One order and what became of it. */
export interface JournalRow {
  readonly id: string
  readonly verb: string
  readonly key: string
  /** 0 = refused unread: nobody we know signed it. */
  readonly generation: number
  readonly issuedMs: number
  readonly expiresMs: number
  readonly keepUntilMs: number
  readonly state: JournalState
  /** JSON text; empty from its end on. */
  readonly body: string
  readonly code?: string | undefined
  readonly reason?: string | undefined
  readonly result?: string | undefined
  /** The controller has its end on its disk. */
  readonly isAcknowledged: boolean
}

/** What the journal knows beside its rows. */
export interface JournalFacts {
  /** Names this journal; another one cannot know what was done already. */
  readonly journal: string
  /** Highest session of a controller whose order was taken. */
  readonly session: number
  /** Orders that expire up to then, controller time, and are not here are over: their rows may have been removed. */
  readonly floorMs: number
  /** The same for rows that were removed although the controller never said that it knows their end. */
  readonly forgottenMs: number
}

const timeMs = z.int().check(z.minimum(0))

const rowSchema: z.ZodMiniType<JournalRow> = z.object({
  id: z.string(),
  verb: z.string(),
  key: z.string(),
  generation: z.int(),
  issuedMs: timeMs,
  expiresMs: timeMs,
  keepUntilMs: timeMs,
  state: z.enum(journalStates),
  body: z.string(),
  code: z.optional(z.string()),
  reason: z.optional(z.string()),
  result: z.optional(z.string()),
  isAcknowledged: z.boolean(),
})

const factsSchema: z.ZodMiniType<JournalFacts> = z.object({
  journal: z.string(),
  session: timeMs,
  floorMs: timeMs,
  forgottenMs: timeMs,
})

/** A row as it was written; undefined for anything else. */
export function parseRow(value: unknown): JournalRow | undefined {
  return rowSchema.safeParse(value).data
}

/** The facts as they were written; undefined for anything else. */
export function parseFacts(value: unknown): JournalFacts | undefined {
  return factsSchema.safeParse(value).data
}

/** Of a journal that has seen nothing yet. */
export function newFacts(journal: string): JournalFacts {
  return { journal, session: 0, floorMs: 0, forgottenMs: 0 }
}

/** The facts once a row is removed: the floor stands for it. */
export function factsWithout({ expiresMs, isAcknowledged }: JournalRow, facts: JournalFacts): JournalFacts {
  const { floorMs, forgottenMs } = facts
  return {
    ...facts,
    floorMs: Math.max(floorMs, expiresMs),
    forgottenMs: isAcknowledged ? forgottenMs : Math.max(forgottenMs, expiresMs),
  }
}
