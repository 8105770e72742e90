import { isLanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { Arrivals } from './arrivals.ts'
import { rowsDown, type StoredRow } from './journal/journal-reader.ts'
import { decodeRow, type RowColumns } from './journal/row-decoder.ts'
import type { Level } from './level.ts'
import type { SampleBatch, StoreConsumer } from './store.ts'

/** What a consumer needs of its store. */
export interface ConsumerDeps {
  /** The database, or undefined while it is being opened again. */
  level(): Level | undefined
  /** Position of the last committed sample. */
  committedTo(): number
  /** Takes a row that cannot be read out of the way; false when the disk takes no writes and the row stays. */
  quarantine(row: StoredRow, reason: string): Promise<boolean>
  /** The acknowledged ranges changed and want to be written. */
  changed(): void
}

/** Reads the journal newest first, on behalf of one reader of the arrival order. */
export class JournalConsumer implements StoreConsumer {
  readonly name: string
  #arrivals: Arrivals
  readonly #deps: ConsumerDeps
  #cached: { readonly to: number; readonly columns: RowColumns } | undefined

  constructor(name: string, arrivals: Arrivals, deps: ConsumerDeps) {
    this.name = name
    this.#arrivals = arrivals
    this.#deps = deps
  }

  /** What it has had and has to get. */
  get arrivals(): Arrivals {
    return this.#arrivals
  }

  /** The journal was begun anew, with positions from 1. */
  restart(): void {
    this.#arrivals = new Arrivals()
    this.#cached = undefined
  }

  get lag(): number {
    return Math.max(0, this.#deps.committedTo() - this.arrivals.count)
  }

  acknowledge(ranges: readonly ArrivalRange[]): void {
    const top = this.#deps.committedTo()
    let added = 0
    for (const range of ranges) {
      const clamped = { from: Math.max(1, range.from), to: Math.min(top, range.to) }
      if (Number.isSafeInteger(clamped.from) && clamped.from <= clamped.to) added += this.arrivals.acknowledge(clamped)
    }
    if (added > 0) this.#deps.changed()
  }

  release(range: ArrivalRange): void {
    this.arrivals.release(range)
  }

  async next(samplesMax: number): Promise<SampleBatch | undefined> {
    for (;;) {
      const gap = this.arrivals.nextGap(this.#deps.committedTo(), samplesMax)
      const level = this.#deps.level()
      if (!gap || !level) return undefined
      const { arrivals } = this
      arrivals.take(gap)
      try {
        const batch = await this.#read(level, gap)
        // what was read has positions of a journal that is gone
        if (this.arrivals !== arrivals) return undefined
        if (batch) return batch
      } catch (error) {
        arrivals.release(gap)
        if (this.#deps.level() !== level) return undefined
        throw error
      }
    }
  }

  /** Reads the end of `gap`; what turns out to be void is marked so, what is not returned is released. */
  async #read(level: Level, gap: ArrivalRange): Promise<SampleBatch | undefined> {
    const parts: SampleBatch[] = []
    let to = gap.to
    let hasRows = false
    for await (const stored of rowsDown(level, gap)) {
      hasRows = true
      if (stored.to < to) {
        if (parts.length === 0) this.#void({ from: stored.to + 1, to })
        break
      }
      const part = await this.#slice(stored, { from: Math.max(gap.from, stored.from), to })
      if (!part) break
      parts.push(part)
      to = part.from - 1
      if (to < gap.from) break
    }
    if (!hasRows) this.#void(gap)
    if (to >= gap.from) this.arrivals.release({ from: gap.from, to })
    return parts.length > 0 ? joinBatches(parts.reverse()) : undefined
  }

  async #slice(stored: StoredRow, range: ArrivalRange): Promise<SampleBatch | undefined> {
    try {
      const columns = this.#cached?.to === stored.to ? this.#cached.columns : decodeRow(stored.row)
      this.#cached = { to: stored.to, columns }
      const start = range.from - stored.from
      const end = range.to - stored.from + 1
      return {
        ...range,
        seriesIds: columns.seriesIds.subarray(start, end),
        timestampsMs: columns.timestampsMs.subarray(start, end),
        values: columns.values.subarray(start, end),
      }
    } catch (error) {
      if (!isLanistaError(error, 'JOURNAL_ROW_CORRUPT')) throw error
      const isGone = await this.#deps.quarantine(stored, String(error.data['reason']))
      // a damaged row may lie about its length: once it is gone its neighbours show where it began
      this.#void(isGone ? { from: stored.to, to: stored.to } : stored)
      return undefined
    }
  }

  #void(range: ArrivalRange): void {
    if (this.arrivals.acknowledge(range) > 0) this.#deps.changed()
  }
}

/** Batches that follow each other as one. */
export function joinBatches(parts: readonly SampleBatch[]): SampleBatch {
  const first = parts[0] as SampleBatch
  const last = parts.at(-1) as SampleBatch
  if (first === last) return first
  const count = last.to - first.from + 1
  const joined = {
    from: first.from,
    to: last.to,
    seriesIds: new Uint32Array(count),
    timestampsMs: new Float64Array(count),
    values: new Float64Array(count),
  }
  for (const part of parts) {
    joined.seriesIds.set(part.seriesIds, part.from - first.from)
    joined.timestampsMs.set(part.timestampsMs, part.from - first.from)
    joined.values.set(part.values, part.from - first.from)
  }
  return joined
}
