import { BlockDecoder } from '../block/decoder.ts'
import type { BlockHeader } from '../block/format.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { mergeRuns } from '../memory/time-order.ts'
import type { BlockArea } from './block-area.ts'
import type { TimeSpan } from './overlap.ts'
import type { StoredBlock } from './stored-block.ts'

/** Samples of one series in time order, each time once. */
export interface Samples {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** A block with its header read. */
export interface OpenBlock extends TimeSpan {
  readonly stored: StoredBlock
  readonly header: BlockHeader
}

/** Reads blocks of one area; damaged ones are put aside on the way. */
export class SeriesReader {
  readonly #area: BlockArea
  readonly #decoder = new BlockDecoder()

  constructor(area: BlockArea) {
    this.#area = area
  }

  /** Reads headers alone. */
  async open(blocks: readonly StoredBlock[]): Promise<OpenBlock[]> {
    const opened: OpenBlock[] = []
    for (const stored of blocks) {
      const header = await this.#area.guard(stored, () => decodeHeader(stored.bytes))
      if (header) opened.push({ stored, header, t0Ms: header.t0Ms, t1Ms: header.t1Ms })
    }
    return opened
  }

  /** The samples of blocks that may overlap, the highest sequence winning. */
  async merge(blocks: readonly OpenBlock[]): Promise<Samples> {
    const runs = []
    for (const { stored, header } of blocks) {
      const timestampsMs = new Float64Array(header.count)
      const values = new Float64Array(header.count)
      const count = await this.#area.guard(stored, () => this.#decoder.decode(stored.bytes, timestampsMs, values))
      if (count !== undefined) runs.push({ timestampsMs, values, rank: stored.sequence })
    }
    return mergeRuns(runs)
  }
}
