import type { BlockEncoder } from '../block/encoder.ts'
import type { AreaWriter, BlockArea } from './block-area.ts'
import { overlapGroups } from './overlap.ts'
import { cutDays, writeBlock } from './seal.ts'
import { type OpenBlock, type Samples, SeriesReader } from './series-reader.ts'
import type { StoredBlock } from './stored-block.ts'

/** Bytes of blocks collected before they are written. */
const batchBytes = 1024 * 1024
/** Samples that are rewritten together at most; what overlaps in one piece beyond that stays as it is. */
const runSamplesMax = 262_144

export interface FoldOptions {
  /** Blocks with at least this many samples that overlap nothing stay as they are. */
  readonly keepSamplesMin: number
  /** Hears of all samples of each series in time order, and of the end of the series with undefined. */
  readonly onSamples?: ((seriesId: number, samples: Samples | undefined) => void | Promise<void>) | undefined
  /** Ends the pass between two series. */
  readonly signal: AbortSignal
}

/**
 * Makes few large blocks of the many small ones of a day: late samples, short-lived memory, restarts. What a reader sees does not
 * change. Each series is replaced in one batch, so a crash leaves either form.
 * @returns how many blocks it replaced
 */
export async function foldDay(
  area: BlockArea,
  day: number,
  encoder: BlockEncoder,
  options: FoldOptions,
): Promise<number> {
  const reader = new SeriesReader(area)
  const writer = area.writer()
  let replaced = 0
  for await (const blocks of seriesOf(area.walk(day))) {
    if (options.signal.aborted) break
    replaced += await foldSeries(reader, writer, encoder, await reader.open(blocks), options)
    if (writer.bytes >= batchBytes) await writer.write(false)
  }
  await writer.write(false)
  return replaced
}

async function foldSeries(
  reader: SeriesReader,
  writer: AreaWriter,
  encoder: BlockEncoder,
  blocks: readonly OpenBlock[],
  options: FoldOptions,
): Promise<number> {
  const [first] = blocks
  if (!first) return 0
  const { seriesId } = first.stored
  let replaced = 0
  for (const run of foldRuns(blocks, options.keepSamplesMin)) {
    const wants = run.length > 1
    if (!wants && !options.onSamples) continue
    const samples = await reader.merge(run)
    await options.onSamples?.(seriesId, samples)
    if (!wants || samples.timestampsMs.length === 0) continue
    rewrite(writer, encoder, run, samples)
    replaced += run.length
  }
  await options.onSamples?.(seriesId, undefined)
  return replaced
}

/** Blocks to be made one, in time order; a run of one block stays as it is. */
export function foldRuns(blocks: readonly OpenBlock[], keepSamplesMin: number): OpenBlock[][] {
  const runs: OpenBlock[][] = []
  let open: OpenBlock[] | undefined
  let openCount = 0
  for (const group of overlapGroups(blocks)) {
    const count = group.reduce((sum, { header }) => sum + header.count, 0)
    const isKept = group.length === 1 && count >= keepSamplesMin
    if (isKept || !open || openCount + count > runSamplesMax) {
      runs.push([...group])
      open = isKept ? undefined : runs.at(-1)
      openCount = count
    } else {
      open.push(...group)
      openCount += count
    }
  }
  return runs
}

function rewrite(writer: AreaWriter, encoder: BlockEncoder, run: readonly OpenBlock[], samples: Samples): void {
  const stored = run.map((block) => block.stored)
  for (const { stored, header } of run) writer.remove(stored, header.count)
  const of = {
    sequence: Math.max(...stored.map(({ sequence }) => sequence)),
    range: { from: Math.min(...stored.map(({ from }) => from)), to: Math.max(...stored.map(({ to }) => to)) },
  }
  const { timestampsMs, values } = samples
  const seriesId = (stored[0] as StoredBlock).seriesId
  for (const { start, end } of cutDays(timestampsMs, timestampsMs.length, encoder.samplesMax)) {
    writeBlock(writer, encoder, seriesId, timestampsMs, values, start, end, of)
  }
}

/** Blocks of one series at a time. */
async function* seriesOf(blocks: AsyncIterable<StoredBlock>): AsyncGenerator<StoredBlock[]> {
  let series: StoredBlock[] = []
  for await (const block of blocks) {
    if (series.length > 0 && series[0]?.seriesId !== block.seriesId) {
      yield series
      series = []
    }
    series.push(block)
  }
  if (series.length > 0) yield series
}
