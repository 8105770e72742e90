import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { BlockEncoder } from '../block/encoder.ts'
import type { OpenSamples } from '../memory/open-samples.ts'
import { seriesGroups } from '../memory/series-groups.ts'
import { orderByTime } from '../memory/time-order.ts'
import type { AreaWriter, BlockArea } from './block-area.ts'
import { dayMs, dayOf } from './day.ts'

/** Bytes of blocks collected before they are written. */
const batchBytes = 1024 * 1024

export interface SealOptions {
  /** Above every sequence used before. */
  readonly sequence: number
  /** Arrival positions of the samples. */
  readonly range: ArrivalRange
  /** Samples of earlier days are past retention and not kept. */
  readonly firstDay: number
  readonly sync: boolean
}

/** What became of the samples. */
export interface SealOutcome {
  readonly blocks: number
  readonly samples: number
  /** Samples older than retention. */
  readonly tooOld: number
}

/**
 * Writes all samples as blocks, series by series, each cut at midnight UTC and at the encoder's bound. Between batches other
 * work gets its turn. May be repeated after a failure: with a higher sequence the repeated blocks win.
 */
export async function seal(
  samples: OpenSamples,
  area: BlockArea,
  encoder: BlockEncoder,
  options: SealOptions,
): Promise<SealOutcome> {
  const outcome = { blocks: 0, samples: 0, tooOld: 0 }
  const writer = area.writer()
  for (const group of seriesGroups(samples)) {
    const count = orderByTime(group.timestampsMs, group.values, group.count)
    for (const { start, end, day } of cutDays(group.timestampsMs, count, encoder.samplesMax)) {
      if (day < options.firstDay) {
        outcome.tooOld += end - start
        continue
      }
      writeBlock(writer, encoder, group.seriesId, group.timestampsMs, group.values, start, end, options)
      outcome.blocks++
      outcome.samples += end - start
    }
    if (writer.bytes >= batchBytes) await writer.write(options.sync)
  }
  await writer.write(options.sync)
  return outcome
}

/** Encodes samples `start … end − 1`, all of one day, and puts them on the writer. */
export function writeBlock(
  writer: AreaWriter,
  encoder: BlockEncoder,
  seriesId: number,
  timestampsMs: Float64Array,
  values: Float64Array,
  start: number,
  end: number,
  of: { readonly sequence: number; readonly range: ArrivalRange },
): void {
  const block = encoder.encode(timestampsMs, values, start, end - start)
  writer.put({ seriesId, sequence: of.sequence }, of.range, block, {
    count: end - start,
    t0Ms: timestampsMs[start] as number,
    t1Ms: timestampsMs[end - 1] as number,
  })
}

/** Cuts ordered samples at midnight and at `samplesMax`. */
export function* cutDays(
  timestampsMs: Float64Array,
  count: number,
  samplesMax: number,
): Generator<{ start: number; end: number; day: number }> {
  for (let start = 0; start < count; ) {
    const day = dayOf(timestampsMs[start] as number)
    const midnight = (day + 1) * dayMs
    const limit = Math.min(count, start + samplesMax)
    let end = limit
    if ((timestampsMs[limit - 1] as number) >= midnight) {
      end = start + 1
      while (end < limit && (timestampsMs[end] as number) < midnight) end++
    }
    yield { start, end, day }
    start = end
  }
}
