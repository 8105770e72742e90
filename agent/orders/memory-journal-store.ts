import { type JournalFacts, type JournalRow, newFacts } from './journal-row.ts'
import type { JournalChange, JournalStore } from './journal-store.ts'

/** The journal in memory, for tests; opened again from what `close` left. */
export class MemoryJournalStore implements JournalStore {
  facts: JournalFacts
  readonly #rows: Map<string, JournalRow>
  /** Set: every write is refused. */
  failure: Error | undefined

  constructor(facts: JournalFacts = newFacts('journal-1'), rows: readonly JournalRow[] = []) {
    this.facts = facts
    this.#rows = new Map(rows.map((row) => [row.id, row]))
  }

  get rows(): readonly JournalRow[] {
    return [...this.#rows.values()]
  }

  async write({ facts, rows }: JournalChange): Promise<void> {
    if (this.failure) throw this.failure
    this.facts = facts
    for (const [id, row] of rows) {
      if (row) this.#rows.set(id, row)
      else this.#rows.delete(id)
    }
  }

  async close(): Promise<void> {}
}
