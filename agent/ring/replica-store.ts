import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import type { KeptRows, OwnerCopies, OwnerFacts } from './keeper-actions.ts'
import type { Lane } from './lane.ts'

/** The rows that answer a fetch: from one run of positions, no more than asked for. */
export interface RunOfRows extends ArrivalRange {
  readonly idsTo: number
  readonly rows: Uint8Array
}

/** Rows that could not be read and were put aside. */
export interface RowDamage extends Lane, ArrivalRange {
  readonly owner: string
  readonly bytes: number
  readonly reason: string
}

/**
 * The shared area: copies of other hosts' samples, and of this host's own that its store has lost. Rows are opaque, immutable,
 * and named by (owner, store id, start, positions); keeping the same twice is harmless. One writer; calls are carried out in the
 * order made. Errors reject; what was written before is as it was.
 */
export interface ReplicaStore extends AsyncDisposable {
  /** All that is held. */
  copies(): Promise<readonly OwnerCopies[]>
  /** Writes facts, and rows where given. Resolves when it is synced to disk, and so is everything written before. */
  keep(facts: OwnerFacts, rows?: KeptRows): Promise<void>
  /** Names of series `firstId …` of one lane of an owner; synced with the next `keep`. */
  keepNames(owner: string, lane: Lane, firstId: number, entries: readonly DictionaryEntry[]): Promise<void>
  /** The first run within the range; undefined when nothing of it is held. What cannot be read is put aside and reported. */
  read(owner: string, lane: Lane, range: ArrivalRange): Promise<RunOfRows | undefined>
  /** At most `countMax` names of a lane from `firstId` on. */
  readNames(owner: string, lane: Lane, firstId: number, countMax: number): Promise<readonly DictionaryEntry[]>
  /** The end of the oldest rows of an owner that take about this many bytes, within one lane. */
  oldest(owner: string, bytes: number): Promise<(Lane & { readonly to: number }) | undefined>
  /** Deletes rows of a lane that end at `to` or before, keeps `to` as the lane's floor, and says how many bytes that freed. */
  evict(owner: string, lane: Lane & { readonly to: number }): Promise<number>
  /** Deletes everything of an owner but its facts. */
  drop(owner: string): Promise<void>
  /** All rows of an owner, by lane and position; overlapping ones as kept. */
  rowsOf(owner: string): AsyncIterable<KeptRows>
  /** One fact of the ring by name; undefined when it is not there or cannot be read. */
  fact(name: string): Promise<unknown>
  /** Resolves when it is synced. */
  keepFact(name: string, value: unknown): Promise<void>
  /** False when its folder was deleted, moved or covered: what is written then is nowhere. Rejects when the disk does not answer. */
  isInPlace(): Promise<boolean>
  close(): Promise<void>
}
