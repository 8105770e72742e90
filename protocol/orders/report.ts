/** What an agent says of an order, on `reply._controller.<id>`: receipts, progress and the outcome are one message. */
import * as z from 'zod/mini'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { isOrderId } from './order.ts'
import { type JournalState, journalStates } from './states.ts'

export interface OrderReport {
  readonly id: string
  /** Id of the journal that says so. */
  readonly journal: string
  /** What stands in the journal, on the disk; `deferred` = nothing does: the order is to be sent again later. */
  readonly state: JournalState | 'deferred'
  /** Why, for programs: stable, upper case. Absent when all is well. */
  readonly code?: string | undefined
  /** Why, for people. */
  readonly reason?: string | undefined
  /** What its handler says it is doing; with `started` alone. */
  readonly progress?: string | undefined
  /** What came of it, as JSON text; with `done` and `failed`. */
  readonly result?: string | undefined
}

/** Characters of a reason or a line of progress; longer ones are cut. */
export const reasonLengthMax = 1024
/** Characters of a result. */
export const resultLengthMax = 16_384

const text = z.string().check(z.maxLength(reasonLengthMax))

const reportSchema: z.ZodMiniType<OrderReport> = z.object({
  id: z.string().check(z.refine(isOrderId, 'expected the id of an order')),
  journal: z.string().check(z.maxLength(64)),
  state: z.enum([...journalStates, 'deferred']),
  code: z.optional(z.string().check(z.regex(/^[A-Z][A-Z0-9_]{0,63}$/))),
  reason: z.optional(text),
  progress: z.optional(text),
  result: z.optional(z.string().check(z.maxLength(resultLengthMax))),
})

export function encodeReport(report: OrderReport): Uint8Array {
  return encodeJson(report)
}

/** Throws MESSAGE_INVALID. */
export function parseReport(body: Uint8Array): OrderReport {
  return parseJson(body, reportSchema, 'report of an order')
}

/** Orders whose end the controller has on its disk: the agent need not repeat it. Body of `control.settled.<id>`, without reply. */
export interface OrdersSettled {
  readonly orders: readonly string[]
}

/** Orders in one such message. */
export const settledOrdersMax = 1000

const settledSchema: z.ZodMiniType<OrdersSettled> = z.object({
  orders: z.array(z.string()).check(z.maxLength(settledOrdersMax)),
})

/** Throws MESSAGE_INVALID. */
export function parseSettled(body: Uint8Array): OrdersSettled {
  return parseJson(body, settledSchema, 'end of orders')
}
