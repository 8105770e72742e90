import type { BlockEncoder } from '../block/encoder.ts'
import { rowCount } from '../journal/row-decoder.ts'
import { groupOf } from '../memory/buckets.ts'
import type { AreaWriter } from './area-writer.ts'
import type { BlockArea, StoredGroup } from './block-area.ts'
import { overlapGroups } from './overlap.ts'
import { cutDays, writeBlock } from './seal.ts'
import { type Samples, SeriesReader, type Source } from './series-reader.ts'

/** Bytes of blocks collected before they are written. */
const batchBytes = 1024 * 1024
/** Samples that are rewritten together at most; what overlaps in one piece beyond that is rewritten alone. */
const runSamplesMax = 262_144

export interface FoldOptions {
  /** Series of lower ids are looked at. */
  readonly seriesCount: number
  /** Blocks with at least this many samples that overlap nothing stay as they are. */
  readonly keepSamplesMin: number
  /** Hears of all samples of each series in time order, and of the end of the series with undefined. */
  readonly onSamples?: ((seriesId: number, samples: Samples | undefined) => Promise<void>) | undefined
  /** True when something more urgent waits: the pass writes what it has and lets `giveWay` happen, between two groups. */
  readonly isUrgent: () => boolean
  readonly giveWay: () => Promise<void>
  /** Ends the pass between two groups. */
  readonly signal: AbortSignal
}

/**
 * Makes few large blocks of the pages and small blocks of a day: many series, late samples, restarts. What a reader sees does not
 * change. Each group is replaced in one batch, so a crash leaves either form.
 */
export async function foldDay(
  area: BlockArea,
  day: number,
  encoder: BlockEncoder,
  options: FoldOptions,
): Promise<void> {
  const reader = new SeriesReader(area, () => options.seriesCount)
  const writer = area.writer()
  for await (const group of area.groups(day, options.seriesCount)) {
    if (options.signal.aborted) break
    if (options.isUrgent()) {
      await writer.write(false)
      await options.giveWay()
    }
    for (const [seriesId, sources] of await sourcesOf(reader, group)) {
      await foldSeries(reader, writer, encoder, seriesId, sources, options)
    }
    for (const page of group.pages) writer.remove(page, rowCount(page.bytes))
    if (writer.bytes >= batchBytes) await writer.write(false)
  }
  await writer.write(false)
}

async function sourcesOf(reader: SeriesReader, { group, blocks, pages }: StoredGroup): Promise<Map<number, Source[]>> {
  const series = new Map<number, Source[]>()
  const add = (seriesId: number, source: Source): void => {
    if (groupOf(seriesId) !== group) return
    const sources = series.get(seriesId)
    if (sources) sources.push(source)
    else series.set(seriesId, [source])
  }
  for (const source of await reader.open(blocks)) add(source.block?.stored.seriesId ?? 0, source)
  for (const page of pages) for (const [seriesId, source] of await reader.split(page)) add(seriesId, source)
  return series
}

async function foldSeries(
  reader: SeriesReader,
  writer: AreaWriter,
  encoder: BlockEncoder,
  seriesId: number,
  sources: readonly Source[],
  options: FoldOptions,
): Promise<void> {
  for (const run of foldRuns(sources, options.keepSamplesMin)) {
    const mustRewrite = run.length > 1 || run[0]?.samples !== undefined
    if (!mustRewrite && !options.onSamples) continue
    const samples = await reader.merge(run)
    await options.onSamples?.(seriesId, samples)
    if (mustRewrite) rewrite(writer, encoder, seriesId, run, samples)
  }
  await options.onSamples?.(seriesId, undefined)
}

/** Sources to be made one, in time order; a run of a single block stays as it is. */
export function foldRuns(sources: readonly Source[], keepSamplesMin: number): Source[][] {
  const runs: Source[][] = []
  let open: Source[] | undefined
  let openCount = 0
  for (const group of overlapGroups(sources)) {
    const count = group.reduce((sum, source) => sum + source.count, 0)
    const isKept = group.length === 1 && group[0]?.block !== undefined && count >= keepSamplesMin
    if (isKept || !open || openCount + count > runSamplesMax) {
      open = [...group]
      runs.push(open)
      openCount = count
      if (isKept) open = undefined
    } else {
      open.push(...group)
      openCount += count
    }
  }
  return runs
}

function rewrite(
  writer: AreaWriter,
  encoder: BlockEncoder,
  seriesId: number,
  run: readonly Source[],
  { timestampsMs, values }: Samples,
): void {
  for (const { block, count } of run) if (block) writer.remove(block.stored, count)
  const of = {
    sequence: Math.max(...run.map(({ sequence }) => sequence)),
    range: { from: Math.min(...run.map(({ from }) => from)), to: Math.max(...run.map(({ to }) => to)) },
  }
  for (const { start, end } of cutDays(timestampsMs, timestampsMs.length, encoder.samplesMax)) {
    writeBlock(writer, encoder, seriesId, timestampsMs, values, start, end, of)
  }
}
