import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import type { KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import type { Lane } from './lane.ts'
import { MemoryCopies } from './memory-copies.ts'
import type { ReplicaStore, RunOfRows } from './replica-store.ts'

/** The shared area in memory: nothing lasts longer than the object. */
export class MemoryReplicaStore implements ReplicaStore {
  readonly #copies = new MemoryCopies()
  readonly #facts = new Map<string, unknown>()

  async copies(): Promise<readonly OwnerCopies[]> {
    return this.#copies.copies()
  }

  async keep(facts: OwnerFacts, rows?: KeptRows): Promise<void> {
    this.#copies.keep(facts, rows)
    this.#copies.sync()
  }

  async keepNames(owner: string, lane: Lane, firstId: number, entries: readonly DictionaryEntry[]): Promise<void> {
    this.#copies.keepNames(owner, lane, firstId, entries)
  }

  async read(owner: string, lane: Lane, range: ArrivalRange): Promise<RunOfRows | undefined> {
    const rows = this.#copies.read(owner, lane, range)
    return rows && { from: rows.from, to: rows.to, idsTo: rows.idsTo, rows: rows.rows }
  }

  async readNames(owner: string, lane: Lane, firstId: number, countMax: number): Promise<readonly DictionaryEntry[]> {
    return this.#copies.readNames(owner, lane, firstId, countMax)
  }

  async oldest(owner: string, bytes: number): Promise<(Lane & { readonly to: number }) | undefined> {
    return this.#copies.oldest(owner, bytes)
  }

  async evict(owner: string, lane: Lane & { readonly to: number }): Promise<number> {
    return this.#copies.evict(owner, lane)
  }

  async drop(owner: string): Promise<void> {
    this.#copies.drop(owner)
  }

  async *rowsOf(owner: string): AsyncGenerator<KeptRows> {
    yield* this.#copies.rowsOf(owner)
  }

  async fact(name: string): Promise<unknown> {
    return this.#facts.get(name)
  }

  async keepFact(name: string, value: unknown): Promise<void> {
    this.#facts.set(name, value)
  }

  async isInPlace(): Promise<boolean> {
    return true
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
