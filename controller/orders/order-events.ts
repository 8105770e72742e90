/** What the core of orders is told, and what it wants done. */
import type { OrderReport } from '#protocol/orders/report.ts'
import type { OrderMutant } from './mutant.ts'
import type { OrderFacts, OrderRow } from './order-row.ts'

export interface OrderCoreOptions {
  /** Orders of one host that are not over; one more is refused with BUSY. */
  readonly hostOpenMax: number
  /** Orders of all hosts that are not over; the same. */
  readonly openMax: number
  /** Characters of the bodies of open orders; the same. */
  readonly openBytesMax: number
  /** Orders that are over and still listed; beyond it the oldest are removed. */
  readonly settledMax: number
  /** Characters of their results; the same. */
  readonly settledBytesMax: number
  /** How long they are listed, ms. */
  readonly settledKeepMs: number
  /** Orders sent at one time; the rest follows with the next ticks. */
  readonly sendsMax: number
  readonly mutant?: OrderMutant | undefined
}

/** A new order as somebody wants it. */
export interface OrderWish {
  readonly id: string
  /** `T.C.H`. */
  readonly target: string
  readonly verb: string
  readonly key: string
  /** JSON text, empty for none. */
  readonly body: string
  readonly lifetimeMs: number
}

export type OrderEvent =
  | { readonly kind: 'issue'; readonly wish: OrderWish }
  /** Ends an order that was never sent. */
  | { readonly kind: 'cancel'; readonly id: string }
  /** The write under way is on the disk, or has failed. */
  | { readonly kind: 'recorded' }
  | { readonly kind: 'unrecorded' }
  /** Is there an agent, and which journal has it? Without one it takes no orders. */
  | {
      readonly kind: 'host'
      readonly target: string
      readonly isHere: boolean
      readonly journal: string | undefined
    }
  /** The host is gone for good. */
  | { readonly kind: 'gone'; readonly target: string }
  | { readonly kind: 'reported'; readonly target: string; readonly report: OrderReport }
  | { readonly kind: 'tick' }

export type OrderAction =
  /** Put all of it into the registry or none, then say `recorded` or `unrecorded`; one at a time. Undefined = remove. */
  | {
      readonly kind: 'write'
      readonly facts: OrderFacts
      readonly rows: ReadonlyMap<string, OrderRow | undefined>
      readonly sync: boolean
    }
  /** The order lasts, or does not; say so to who issued it. */
  | { readonly kind: 'issued'; readonly row: OrderRow }
  | { readonly kind: 'unissued'; readonly id: string }
  | { readonly kind: 'send'; readonly row: OrderRow; readonly journal: string; readonly sentMs: number }
  /** The agent need not tell this end again. */
  | { readonly kind: 'acknowledge'; readonly target: string; readonly id: string }
  /** It has ended, and the disk has that. */
  | { readonly kind: 'settled'; readonly row: OrderRow }

/** Since the start. */
export interface OrderCounters {
  readonly issued: number
  /** Copies sent, the first ones included. */
  readonly sent: number
  readonly reports: number
  /** Reports that fit no order of ours: of another host, another journal. */
  readonly strange: number
  /** Ends told of orders that had already ended otherwise. */
  readonly conflicts: number
  /** By terminal state. */
  readonly settled: Readonly<Record<string, number>>
}
