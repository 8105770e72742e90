/**
 * The agent's own time-series store: buffer, history and unit of replication in one. A single writer per directory.
 *
 * Arrival order: each accepted sample has a position, increasing from 1. Each opening skips ahead, so that positions lost
 * with unsynced journal rows are never used again for other samples; a skipped position counts as acknowledged.
 */
import type { StoreRepair } from '#protocol/query/store-ask.ts'
import type { StorePlace } from '#protocol/query/store-place.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { CheckReport } from './inspect/check.ts'
import type { PlacedEntry } from './inspect/dump.ts'
import type { RepairOptions } from './inspect/repair.ts'
import type { SamplesPiece, SamplesRequest, WindowsPiece, WindowsRequest } from './query/history.ts'
import type { StoreReport } from './report.ts'
import type { Hash64 } from './series-hash.ts'

/** Columns of samples in arrival order: sample `i` has position `from + i`. */
export interface SampleBatch extends ArrivalRange {
  readonly seriesIds: Uint32Array
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** One entry of the series dictionary; its id is its place in it. */
export interface SeriesEntry {
  /** Canonical text, see `#protocol/metrics/series.ts`. */
  readonly name: string
  readonly unit?: string | undefined
}

/** Why accepted samples were not kept, or were dropped again before every consumer had them. */
export const dropReasons = [
  'disk_full',
  'write_failed',
  'budget',
  'head_full',
  'invalid',
  'too_old',
  'folder_lost',
] as const
export type DropReason = (typeof dropReasons)[number]

export interface StoreStats {
  readonly series: number
  /** Samples accepted since the store was opened. */
  readonly accepted: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Times a new series was refused because another name has its hash. */
  readonly collisions: number
  /** Bytes on disk, all files. */
  readonly bytes: number
  /** Why nothing can be written now, and samples are dropped; undefined while all is well. */
  readonly fault?: DropReason | undefined
}

/** A reader of the arrival order with its own set of acknowledged ranges, kept across restarts. */
export interface StoreConsumer {
  readonly name: string
  /**
   * The next committed, unacknowledged samples that are not in flight, at most `samplesMax`: what was just committed first,
   * backlog after it. Undefined when there is nothing. What is returned is in flight until acknowledged or released.
   */
  next(samplesMax: number): Promise<SampleBatch | undefined>
  /** These positions have arrived and will not be offered again. Unknown or repeated ranges are harmless. */
  acknowledge(ranges: readonly ArrivalRange[]): void
  /** Offers these again: their acknowledgement did not come in time, or the way is down. */
  release(range: ArrivalRange): void
  /** Samples committed and not acknowledged. */
  readonly lag: number
}

export interface Store extends AsyncDisposable {
  /**
   * Random, made with the directory; a new one means that what the old one held is gone. It changes while the store is open when its
   * folder is deleted or moved: positions begin at 1 again, ids of series stay.
   */
  readonly storeId: string
  /** Newest first position not yet committed. */
  readonly nextPosition: number
  readonly seriesCount: number

  /**
   * Id of a series, new ones included. Ids are dense, in order of first sight, stable for the life of the store id. −1 for a name
   * whose hash another one has: it is refused, counted and logged.
   */
  seriesId(canonical: string, unit?: string): number
  /** The id if the series is known. */
  findSeries(canonical: string): number | undefined
  /** Throws RangeError for an id never given out. */
  seriesEntry(id: number): SeriesEntry
  /** The identity of a series across hosts: the 64-bit hash of its name. Throws RangeError for an id never given out. */
  seriesHash(id: number): Hash64

  /** Accepts a sample into the head; it is on its way to disk within one commit interval. Never throws. */
  append(seriesId: number, timestampMs: number, value: number): void
  /** Writes the head to the journal now and resolves when it is written (and synced, where the policy says so). */
  commit(): Promise<void>
  /** True when the uncommitted head is at its bound. */
  readonly isFull: boolean
  drained(): Promise<void>
  /** Called after each commit, never with an error; one listener a call, the returned function removes it. */
  onCommit(listener: () => void): () => void

  /** The consumer of this name, made on first use. */
  consumer(name: string): StoreConsumer

  stats(): StoreStats
  /** Commits the head, writes what consumers have acknowledged, closes the database. Idempotent. */
  close(): Promise<void>
}

/** What the journal has of a range of positions. */
export interface ArrivalRun {
  /** The first run of samples in the range, whole or as much of it as was asked for. */
  readonly run?: SampleBatch | undefined
  /** A stretch, from where the range begins or earlier, that has no samples. */
  readonly void?: ArrivalRange | undefined
}

/** A store that can be asked for what it holds. */
export interface HistoryStore extends Store {
  /** What copies of other hosts' samples may take, in the folder `shared` beside the own ones, bytes. */
  readonly sharedBytesMax: number
  /** Position of the last sample that a power cut cannot take; under `sync: never` of the last one written. */
  readonly syncedTo: number
  /** The first position that the journal may still have; before it there are blocks alone. */
  arrivalsFrom(): Promise<number>
  /** Samples by position, from the journal: any number of readers, in any order. Throws STORE_UNAVAILABLE while the disk recovers. */
  readArrivals(range: ArrivalRange, samplesMax: number): Promise<ArrivalRun>
  /**
   * Samples as they were taken, series by series, in time order, each time once (last write wins); of days that were dropped the means
   * of the finest tier's windows.
   */
  read(request: SamplesRequest): AsyncIterable<SamplesPiece>
  /** A window function over them. Throws FUNCTION_UNKNOWN, STEP_INVALID, QUERY_TOO_LARGE. */
  windows(request: WindowsRequest): AsyncIterable<WindowsPiece>
  /** Seals everything accepted so far into blocks and lets go of what the journal need not keep. */
  flush(): Promise<void>
  /** Folds and rolls up every day that is over, without waiting for a quiet time. */
  settle(): Promise<void>
  /** Merges the databases' files, so that what was dropped takes no room. */
  compact(): Promise<void>
  /** Reads everything and checks it; changes nothing. Rejects with the signal's reason. */
  check(signal?: AbortSignal): Promise<CheckReport>
  /** Reads everything, puts aside what cannot be read and counts the rest anew; in stretches, where the options say so. */
  repair(options?: RepairOptions): Promise<StoreRepair>
  /** What is stored behind a place, piece by piece, for people who look into it. */
  dump(after?: StorePlace): AsyncIterable<PlacedEntry>
  /** Everything about size, measured now. */
  report(): Promise<StoreReport>
}
