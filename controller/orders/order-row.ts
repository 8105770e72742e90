/** What the registry keeps of an order, and how people are shown it. */
import * as z from 'zod'
import type { Order } from '#protocol/orders/order.ts'
import { isTerminal, type OrderState, orderStates, type ShownState } from '#protocol/orders/states.ts'

/** An order and what is known of it. */
export interface OrderRow extends Omit<Order, 'journal' | 'session' | 'sentMs'> {
  readonly state: OrderState
  /** The journal it was first sent to: no other one may ever have it. */
  readonly journal?: string | undefined
  /** Why it is in this state: for programs, and for people. */
  readonly code?: string | undefined
  readonly reason?: string | undefined
  /** What its handler said last. */
  readonly progress?: string | undefined
  /** What came of it, as JSON text. */
  readonly result?: string | undefined
  /** Controller time of its end, epoch ms. */
  readonly settledMs?: number | undefined
}

/** What outlives all rows. */
export interface OrderFacts {
  /** Of the newest order. */
  readonly generation: number
  /** Controller time: the wall clock, held while that is behind what it was. */
  readonly clockMs: number
}

const text = z.string().optional()

const rowSchema: z.ZodType<OrderRow> = z.object({
  id: z.string(),
  target: z.string(),
  verb: z.string(),
  key: z.string(),
  generation: z.int(),
  issuedMs: z.int(),
  expiresMs: z.int(),
  keepUntilMs: z.int(),
  body: z.string(),
  state: z.enum(orderStates as [OrderState, ...OrderState[]]),
  journal: text,
  code: text,
  reason: text,
  progress: text,
  result: text,
  settledMs: z.int().optional(),
})

const factsSchema: z.ZodType<OrderFacts> = z.object({ generation: z.int(), clockMs: z.int() })

/** A row as it was written; undefined for anything else. */
export function parseOrderRow(value: unknown): OrderRow | undefined {
  return rowSchema.safeParse(value).data
}

/** The facts as they were written; those of a first start for anything else. */
export function parseOrderFacts(value: unknown): OrderFacts {
  return factsSchema.safeParse(value).data ?? { generation: 0, clockMs: 0 }
}

/** Once its time is over, an order that was sent and not started is `unknown` until the journal has answered. */
export function shownStateOf({ state, expiresMs }: OrderRow, nowMs: number): ShownState {
  const isOverdue = !isTerminal(state) && state !== 'started' && expiresMs <= nowMs
  return isOverdue ? 'unknown' : state
}
