/** Orders in memory: the open ones by host, the settled ones in order of their end. */
import { isTerminal, type OrderState } from '#protocol/orders/states.ts'
import type { OrderRow } from './order-row.ts'

/** One order and what is known of it beside. */
export interface Entry {
  row: OrderRow
  /** What the registry has; undefined = nothing yet. */
  recorded: OrderState | undefined
  /** When it is sent again, controller time, and how often it was. */
  sendAtMs: number
  sendings: number
}

export class OrderBook {
  readonly #entries = new Map<string, Entry>()
  readonly #openByTarget = new Map<string, Set<Entry>>()
  readonly #settled = new Map<string, Entry>()
  #open = 0
  #openBytes = 0
  #settledBytes = 0

  /** Orders that are not over, of all hosts. */
  get open(): number {
    return this.#open
  }

  /** Characters of the bodies of open orders, and of the results of settled ones. */
  get openBytes(): number {
    return this.#openBytes
  }

  get settledBytes(): number {
    return this.#settledBytes
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** All of them, the oldest first. */
  all(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** Those of a host that are not over. */
  openOf(target: string): ReadonlySet<Entry> {
    return this.#openByTarget.get(target) ?? new Set()
  }

  /** Hosts with orders that are not over. */
  targets(): IterableIterator<string> {
    return this.#openByTarget.keys()
  }

  /** Those that are over, in the order of their ends. */
  settled(): IterableIterator<Entry> {
    return this.#settled.values()
  }

  get settledSize(): number {
    return this.#settled.size
  }

  add(row: OrderRow, recorded: OrderState | undefined): Entry {
    const entry: Entry = { row, recorded, sendAtMs: 0, sendings: 0 }
    this.#entries.set(row.id, entry)
    if (isTerminal(row.state)) this.#addSettled(entry)
    else this.#addOpen(entry)
    return entry
  }

  /** Changes the row; one that is over leaves the open ones. */
  change(entry: Entry, change: Partial<OrderRow>): void {
    const ends = !isTerminal(entry.row.state) && change.state !== undefined && isTerminal(change.state)
    if (ends) this.#removeOpen(entry)
    entry.row = { ...entry.row, ...change }
    if (ends) this.#addSettled(entry)
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry.row.id)
    if (this.#settled.delete(entry.row.id)) this.#settledBytes -= entry.row.result?.length ?? 0
    else this.#removeOpen(entry)
  }

  #addSettled(entry: Entry): void {
    this.#settled.set(entry.row.id, entry)
    this.#settledBytes += entry.row.result?.length ?? 0
  }

  #addOpen(entry: Entry): void {
    const { target } = entry.row
    const open = this.#openByTarget.get(target) ?? new Set()
    this.#openByTarget.set(target, open.add(entry))
    this.#open++
    this.#openBytes += entry.row.body.length
  }

  #removeOpen(entry: Entry): void {
    const { target } = entry.row
    const open = this.#openByTarget.get(target)
    if (!open?.delete(entry)) return
    this.#open--
    this.#openBytes -= entry.row.body.length
    if (open.size === 0) this.#openByTarget.delete(target)
  }
}
