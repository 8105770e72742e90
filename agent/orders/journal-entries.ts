/** The journal's rows in memory, with what must be found quickly: who waits, who runs, the newest of each key. */
import { isTerminal, type JournalState } from '#protocol/orders/states.ts'
import type { JournalRow } from './journal-row.ts'

/** One row and what is known of it beside. */
export interface Entry {
  row: JournalRow
  /** What the disk has; undefined = nothing yet. */
  recorded: JournalState | undefined
  /** A newer order for its key waits. */
  isHurried: boolean
  /** When its end is told again, and how often it was. */
  tellAtMs: number
  tellings: number
}

/** An end that the disk has and the controller does not. */
export function isToTell({ row, recorded }: Entry): boolean {
  return isTerminal(row.state) && recorded === row.state && !row.isAcknowledged
}

export class JournalEntries {
  /** Ids not started yet, in order of arrival. */
  readonly waiting: Set<string> = new Set()
  /** Ids of orders under way, by key. */
  readonly running: Map<string, string> = new Map()
  readonly #entries = new Map<string, Entry>()
  /** Highest generation by key. */
  readonly #newest = new Map<string, number>()
  #unverified = 0
  #bytes = 0

  get size(): number {
    return this.#entries.size
  }

  /** Rows of messages that nobody we know signed. */
  get unverified(): number {
    return this.#unverified
  }

  /** Characters of all bodies and results. */
  get bytes(): number {
    return this.#bytes
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** All of them; what is removed meanwhile is no trouble. */
  all(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** The highest generation of a key that is here, 0 for none. */
  newestOf(key: string): number {
    return this.#newest.get(key) ?? 0
  }

  add(row: JournalRow, recorded: JournalState | undefined): Entry {
    const entry: Entry = { row, recorded, isHurried: false, tellAtMs: 0, tellings: 0 }
    this.#entries.set(row.id, entry)
    this.#bytes += bytesOf(row)
    if (row.state === 'received') this.waiting.add(row.id)
    if (row.generation === 0) this.#unverified++
    else this.#newest.set(row.key, Math.max(this.newestOf(row.key), row.generation))
    return entry
  }

  change(entry: Entry, change: Partial<JournalRow>): void {
    this.#bytes -= bytesOf(entry.row)
    entry.row = { ...entry.row, ...change }
    this.#bytes += bytesOf(entry.row)
  }

  remove(row: JournalRow): void {
    const { id, key, generation } = row
    if (this.#entries.delete(id)) this.#bytes -= bytesOf(row)
    this.leave(id, key)
    if (generation === 0) this.#unverified--
    if (this.#newest.get(key) === generation) this.#renew(key)
  }

  /** From waiting to running. */
  begin({ id, key }: JournalRow): void {
    this.waiting.delete(id)
    this.running.set(key, id)
  }

  /** Neither waits nor runs any more. */
  leave(id: string, key: string): void {
    this.waiting.delete(id)
    if (this.running.get(key) === id) this.running.delete(key)
  }

  #renew(key: string): void {
    this.#newest.delete(key)
    for (const { row } of this.#entries.values()) {
      if (row.key === key && row.generation > this.newestOf(key)) this.#newest.set(key, row.generation)
    }
  }
}

function bytesOf({ body, result = '' }: JournalRow): number {
  return body.length + result.length
}
