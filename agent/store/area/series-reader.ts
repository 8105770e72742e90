import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { BlockDecoder } from '../block/decoder.ts'
import type { BlockHeader } from '../block/format.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { decodeRow } from '../journal/row-decoder.ts'
import { splitBucket } from '../memory/buckets.ts'
import { mergeRuns, orderByTime } from '../memory/time-order.ts'
import type { BlockArea } from './block-area.ts'
import { GroupCache } from './group-cache.ts'
import type { TimeSpan } from './overlap.ts'
import type { StoredBlock, StoredPage } from './stored-block.ts'

/** Samples of one series in time order, each time once. */
export interface Samples {
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
}

/** Samples of one series that were sealed together: a block with its header read, or its part of a page. */
export interface Source extends TimeSpan, ArrivalRange {
  readonly sequence: number
  readonly count: number
  readonly block?: { readonly stored: StoredBlock; readonly header: BlockHeader } | undefined
  readonly samples?: Samples | undefined
}

/** Reads blocks and pages of one area; damaged ones are put aside on the way. */
export class SeriesReader {
  readonly #area: BlockArea
  readonly #decoder = new BlockDecoder()
  readonly #cache: GroupCache
  readonly #seriesCount: () => number

  constructor(area: BlockArea, seriesCount: () => number) {
    this.#area = area
    this.#cache = new GroupCache(area, this)
    this.#seriesCount = seriesCount
  }

  /** All that a day has of a series. */
  async sources(day: number, seriesId: number): Promise<Source[]> {
    const paged = await this.#cache.pages(day, seriesId)
    const blocks = await this.open(await this.#cache.blocks(day, seriesId, this.#seriesCount()))
    return [...blocks, ...paged]
  }

  /** Lets go of what is kept between series. */
  forget(): void {
    this.#cache.clear()
  }

  /** Reads headers alone. */
  async open(blocks: readonly StoredBlock[]): Promise<Source[]> {
    const sources: Source[] = []
    for (const stored of blocks) {
      const header = await this.#area.guard(stored, () => decodeHeader(stored.bytes))
      if (!header) continue
      const { from, to, sequence } = stored
      sources.push({
        from,
        to,
        sequence,
        count: header.count,
        t0Ms: header.t0Ms,
        t1Ms: header.t1Ms,
        block: { stored, header },
      })
    }
    return sources
  }

  /** The parts of a page by series. */
  async split(page: StoredPage): Promise<Map<number, Source>> {
    const sources = new Map<number, Source>()
    const columns = await this.#area.guard(page, () => decodeRow(page.bytes))
    if (!columns) return sources
    for (const { seriesId, timestampsMs, values } of splitBucket(columns, 1).dense) {
      const count = orderByTime(timestampsMs, values, timestampsMs.length)
      const samples = { timestampsMs: timestampsMs.subarray(0, count), values: values.subarray(0, count) }
      const [t0Ms, t1Ms] = [timestampsMs[0] as number, timestampsMs[count - 1] as number]
      sources.set(seriesId, { from: page.from, to: page.to, sequence: page.sequence, count, t0Ms, t1Ms, samples })
    }
    return sources
  }

  /** The samples of sources that may overlap, the highest sequence winning. */
  async merge(sources: readonly Source[]): Promise<Samples> {
    const runs = []
    for (const { block, samples, sequence } of sources) {
      const run = block ? await this.#decode(block) : samples
      if (run) runs.push({ ...run, rank: sequence })
    }
    return mergeRuns(runs)
  }

  async #decode({ stored, header }: { stored: StoredBlock; header: BlockHeader }): Promise<Samples | undefined> {
    const timestampsMs = new Float64Array(header.count)
    const values = new Float64Array(header.count)
    return this.#area.guard(stored, () => {
      this.#decoder.decode(stored.bytes, timestampsMs, values)
      return { timestampsMs, values }
    })
  }
}
