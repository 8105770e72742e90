import type { Random } from './random.ts'

interface Change<F, R> {
  readonly facts: F
  readonly rows: ReadonlyMap<string, R | undefined>
}

/** A disk of rows that are written all or none: what is not synced outlives a killed process, not a power cut. */
export class OrderDisk<F, R> {
  facts: F
  readonly #seen = new Map<string, R>()
  readonly #synced = new Map<string, R>()
  #syncedFacts: F
  #unsynced: Change<F, R>[] = []

  constructor(facts: F) {
    this.facts = facts
    this.#syncedFacts = facts
  }

  get rows(): R[] {
    return [...this.#seen.values()]
  }

  write(change: Change<F, R>, sync: boolean): void {
    this.facts = change.facts
    apply(this.#seen, change)
    this.#unsynced.push(change)
    if (!sync) return
    for (const synced of this.#unsynced.splice(0)) {
      apply(this.#synced, synced)
      this.#syncedFacts = synced.facts
    }
  }

  /** Power is lost: a part of what was not synced may have made it. */
  losePower(random: Random): void {
    for (const change of this.#unsynced.splice(0, random.int(0, this.#unsynced.length))) {
      apply(this.#synced, change)
      this.#syncedFacts = change.facts
    }
    this.#unsynced = []
    this.#seen.clear()
    for (const [id, row] of this.#synced) this.#seen.set(id, row)
    this.facts = this.#syncedFacts
  }
}

function apply<F, R>(rows: Map<string, R>, change: Change<F, R>): void {
  for (const [id, row] of change.rows) {
    if (row === undefined) rows.delete(id)
    else rows.set(id, row)
  }
}
