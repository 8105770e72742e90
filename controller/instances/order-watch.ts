/** The last order about each instance, and when it may be given again: what does not come about is ordered less and less often. */
import type { OrderRow } from '#controller/orders/order-row.ts'
import { instanceKey, instanceVerbs } from '#protocol/instances/instance-orders.ts'
import { isTerminal } from '#protocol/orders/states.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import type { InstanceOrder } from './fleet.ts'
import type { DueOrder } from './round.ts'

interface Watched extends InstanceOrder {
  /** Undefined until it is issued, and where it could not be. */
  readonly orderId?: string | undefined
  /** What it said, to tell whether the next one says the same. */
  readonly says: string
  /** Orders that said the same before it. */
  readonly repeats: number
}

/** The same is ordered again after this, and twice as long each time, ms. */
const again = { baseMs: 2000, capMs: 300_000 } as const

const prefix = instanceKey('')
const watchedVerbs: ReadonlySet<string> = new Set([instanceVerbs.apply, instanceVerbs.remove])

export class OrderWatch {
  readonly #orders = new Map<string, Watched>()

  get orders(): ReadonlyMap<string, InstanceOrder> {
    return this.#orders
  }

  /** Takes up what was ordered before the start. */
  restore(tenant: string, rows: Iterable<OrderRow>, nowMs: number): void {
    const newest = new Map<string, OrderRow>()
    for (const row of rows) {
      const isOurs =
        row.key.startsWith(prefix) && watchedVerbs.has(row.verb) && parseHostId(row.target).tenant === tenant
      if (isOurs && row.generation > (newest.get(row.key)?.generation ?? -1)) newest.set(row.key, row)
    }
    for (const row of newest.values()) {
      const { id: orderId, verb, state } = row
      const base = { orderId, verb, says: `${verb} ${row.body}`, repeats: 0 }
      this.#orders.set(row.key.slice(prefix.length), {
        ...base,
        isOpen: !isTerminal(state),
        failure: failureOf(row),
        code: row.code,
        againAtMs: nowMs,
      })
    }
  }

  /** It is about to be issued. */
  issuing({ id, verb, body }: DueOrder, nowMs: number): void {
    const says = `${verb} ${JSON.stringify(body)}`
    const before = this.#orders.get(id)
    const repeats = before?.says === says ? before.repeats + 1 : 0
    this.#orders.set(id, { verb, says, repeats, isOpen: true, againAtMs: nowMs })
  }

  issued(id: string, orderId: string): void {
    const order = this.#orders.get(id)
    if (order) this.#orders.set(id, { ...order, orderId })
  }

  /** It could not be issued. */
  refused(id: string, failure: string, nowMs: number): void {
    this.#over(id, failure, undefined, nowMs)
  }

  /** True when it was the last order about an instance of ours. */
  settled(row: OrderRow, nowMs: number): boolean {
    if (!row.key.startsWith(prefix)) return false
    const id = row.key.slice(prefix.length)
    if (this.#orders.get(id)?.orderId !== row.id) return false
    this.#over(id, failureOf(row), row.code, nowMs)
    return true
  }

  /** Forgets orders that are over, of instances that are no more. */
  prune(isKnown: (id: string) => boolean, nowMs: number): void {
    for (const [id, { isOpen, againAtMs }] of this.#orders) {
      if (!isOpen && againAtMs <= nowMs && !isKnown(id)) this.#orders.delete(id)
    }
  }

  #over(id: string, failure: string | undefined, code: string | undefined, nowMs: number): void {
    const order = this.#orders.get(id)
    if (!order) return
    const againAtMs = nowMs + backoffCeilingMs(order.repeats, again)
    this.#orders.set(id, { ...order, isOpen: false, failure, code, againAtMs })
  }
}

const endText = {
  failed: 'its order failed',
  refused: 'its order was refused',
  expired: 'its order expired',
  superseded: 'its order was superseded',
  interrupted: 'its order was interrupted',
  lost: 'its order was lost',
} as const

function failureOf({ state, code, reason }: OrderRow): string | undefined {
  if (!isTerminal(state) || state === 'done') return undefined
  return [endText[state], code, reason].filter((part) => part !== undefined).join(': ')
}
