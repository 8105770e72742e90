import type { RangeSet } from '#protocol/samples/arrival.ts'
import type { Arrivals } from '../arrivals.ts'
import { jsonBytes } from '../facts.ts'
import { nameKey, positionKey } from '../keys.ts'
import type { Level } from '../level.ts'
import { rowsAbove } from './journal-reader.ts'

export interface TrimOptions {
  /** Samples up to this position are in blocks. */
  readonly sealedTo: number
  /** Bytes of the rows whose samples are not all in blocks. */
  readonly unsealedBytes: number
  /** Bytes the rows may have together. */
  readonly bytesMax: number
}

/** What was dropped, and whether rows that are in no block yet stand in the way of more. */
export interface TrimOutcome {
  readonly bytes: number
  /** Samples that some consumer had not acknowledged. */
  readonly unacknowledged: number
  readonly wantsSeal: boolean
}

/** Drops journal rows from the old end: those nobody needs any more, and those beyond the budget. */
export class JournalTrimmer {
  #trimmedTo = 0
  #sealedBytes: number

  /** @param sealedBytes of the rows whose samples are all in blocks, as `m` `journal` has it */
  constructor(sealedBytes: number) {
    this.#sealedBytes = sealedBytes
  }

  /** Bytes of the rows whose samples are all in blocks. */
  get sealedBytes(): number {
    return this.#sealedBytes
  }

  /** The journal was begun anew. */
  restart(): void {
    this.#trimmedTo = 0
    this.#sealedBytes = 0
  }

  /** The samples of rows of so many bytes are in blocks now. */
  sealed(bytes: number): void {
    this.#sealedBytes += bytes
  }

  /**
   * A row goes when it is sealed and every consumer has it, or when it is sealed and the rows have more bytes than they may.
   * @param put puts the changed acknowledgements on the batch
   */
  async trim(
    level: Level,
    consumers: readonly Arrivals[],
    voids: RangeSet,
    options: TrimOptions,
    put: (batch: ReturnType<Level['batch']>) => void,
  ): Promise<TrimOutcome> {
    const total = this.#sealedBytes + options.unsealedBytes
    const floor = Math.min(options.sealedTo, ...consumers.map((arrivals) => arrivals.floor))
    const batch = level.batch()
    let [to, bytes, unacknowledged, wantsSeal] = [this.#trimmedTo, 0, 0, false]
    for await (const row of rowsAbove(level, to)) {
      if (row.to > floor && total - bytes <= options.bytesMax) break
      wantsSeal = row.to > options.sealedTo
      if (wantsSeal) break
      const range = { from: to + 1, to: row.to }
      unacknowledged += Math.max(0, ...consumers.map((arrivals) => arrivals.acknowledge(range)))
      to = row.to
      bytes += row.row.length
      batch.del(positionKey('j', to))
    }
    if (to === this.#trimmedTo) {
      await batch.close()
      return { bytes, unacknowledged, wantsSeal }
    }
    voids.add({ from: this.#trimmedTo + 1, to })
    put(batch)
    const sealedBytes = Math.max(0, this.#sealedBytes - bytes)
    batch.put(nameKey('m', 'journal'), jsonBytes(sealedBytes))
    await batch.write()
    this.#trimmedTo = to
    this.#sealedBytes = sealedBytes
    return { bytes, unacknowledged, wantsSeal }
  }
}
