import type { InstanceRow } from './instance.ts'

/** Where the rows of instances lie: the one thing that must outlive the agent. */
export interface InstanceStore {
  /** As they were when it was opened. */
  readonly rows: readonly InstanceRow[]
  /** Resolves once it is on the disk; undefined removes it. One after the other, in the order of the calls. */
  write(id: string, row: InstanceRow | undefined): Promise<void>
  close(): Promise<void>
}

/** In memory, for tests; what was written outlives `close`. */
export class MemoryInstanceStore implements InstanceStore {
  readonly #rows = new Map<string, string>()
  /** Set: every write is refused. */
  failure: Error | undefined

  get rows(): readonly InstanceRow[] {
    return [...this.#rows.values()].map((text) => JSON.parse(text) as InstanceRow)
  }

  async write(id: string, row: InstanceRow | undefined): Promise<void> {
    if (this.failure) throw this.failure
    if (row) this.#rows.set(id, JSON.stringify(row))
    else this.#rows.delete(id)
  }

  async close(): Promise<void> {}
}
