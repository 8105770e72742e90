import type { JournalFacts, JournalRow } from './journal-row.ts'

/** What changes at once: rows by id, undefined = removed. */
export interface JournalChange {
  readonly facts: JournalFacts
  readonly rows: ReadonlyMap<string, JournalRow | undefined>
  /** Wait until a power cut cannot take it back; all changes before it last then too. */
  readonly sync: boolean
}

/** Where the journal lies: `LevelJournalStore`, or memory in tests. */
export interface JournalStore {
  /** As they were when it was opened. */
  readonly facts: JournalFacts
  readonly rows: readonly JournalRow[]

  /** Makes all of it or none. Rejects when the disk refuses: then it may be there or not, and the next write tries again. */
  write(change: JournalChange): Promise<void>

  /** Waits for a write under way. Idempotent. */
  close(): Promise<void>
}
