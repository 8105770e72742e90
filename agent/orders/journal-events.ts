/** What the journal's core is told, and what it has done. */
import type { Order } from '#protocol/orders/order.ts'
import type { OrderReport } from '#protocol/orders/report.ts'
import type { JournalFacts, JournalRow } from './journal-row.ts'
import type { JournalMutant } from './mutant.ts'

/** Why an order is not taken: a stable code, and words for people. */
export interface Refusal {
  readonly code: string
  readonly reason: string
}

/** How a handler ended. */
export interface HandlerEnd {
  readonly state: 'done' | 'failed'
  readonly code?: string | undefined
  readonly reason?: string | undefined
  /** JSON text. */
  readonly result?: string | undefined
}

export interface JournalCoreOptions {
  /** `T.C.H` of this host. */
  readonly target: string
  /** The agent's own allow-list and handlers, asked last and again before the start; undefined = allowed. */
  readonly refusalOf: (verb: string) => Refusal | undefined
  /** Rows at most; with more an order is put off as JOURNAL_FULL. */
  readonly rowsMax: number
  /** Characters of their bodies and results; the same. */
  readonly bytesMax: number
  /** Handlers at once; more orders wait. */
  readonly runningMax: number
  /** Verbs whose handlers can tell what became of an order that an earlier process started. Default none. */
  readonly resumes?: ReadonlySet<string> | undefined
  readonly mutant?: JournalMutant | undefined
}

export type JournalEvent =
  /** An order whose signature is right. */
  | { readonly kind: 'received'; readonly order: Order }
  /** A message under an order's id that is none, or is not signed by the controller. */
  | { readonly kind: 'unverified'; readonly id: string; readonly verb: string; readonly refusal: Refusal }
  /** The write under way is on the disk, or has failed. */
  | { readonly kind: 'recorded' }
  | { readonly kind: 'unrecorded'; readonly reason: string }
  | { readonly kind: 'finished'; readonly id: string; readonly end: HandlerEnd }
  /** The controller has the end of these. */
  | { readonly kind: 'settled'; readonly ids: readonly string[] }
  /** The bus is up again: tell every end that is not acknowledged. */
  | { readonly kind: 'connected' }
  /** The agent stops: nothing more is started. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'tick' }

export type JournalAction =
  /** Put all of it on the disk or none, then say `recorded` or `unrecorded`; one at a time. Undefined = remove. */
  | {
      readonly kind: 'write'
      readonly facts: JournalFacts
      readonly rows: ReadonlyMap<string, JournalRow | undefined>
      readonly sync: boolean
    }
  | { readonly kind: 'start'; readonly row: JournalRow }
  /** An earlier process started it: find out what became of it. */
  | { readonly kind: 'resume'; readonly row: JournalRow }
  /** A newer order for the same key waits: the handler may end sooner. */
  | { readonly kind: 'hurry'; readonly id: string }
  | { readonly kind: 'report'; readonly report: OrderReport }

/** What was not taken, by reason, and rows given up. */
export interface JournalCounters {
  readonly received: number
  readonly repeated: number
  readonly started: number
  /** By code: ORDER_UNSIGNED, OLD_SESSION, … */
  readonly refused: Readonly<Record<string, number>>
  /** Ends removed that the controller never acknowledged. */
  readonly forgotten: number
}
