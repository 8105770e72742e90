import type { BlockArea } from '../area/block-area.ts'
import { dayMs, dayOf } from '../area/day.ts'
import type { Samples } from '../area/series-reader.ts'
import type { Tier } from '../tier/tier.ts'
import { decodeWindows } from '../tier/tier-block.ts'
import { cut, type TimeRange } from './series-query.ts'

/**
 * What is left of a series from days that were dropped: the mean of each window of the finest tier that has the day, at the window's start.
 * All of it is older than any raw sample, because days are dropped oldest first.
 */
export async function* readMeans(
  tiers: readonly Tier[],
  local: BlockArea,
  seriesId: number,
  range: TimeRange,
): AsyncGenerator<Samples> {
  const last = Math.min(local.droppedTo, dayOf(range.untilMs))
  const days = new Set(tiers.flatMap(({ area }) => area.days.filter((day) => day <= last)))
  for (const day of [...days].sort((a, b) => a - b)) {
    if ((day + 1) * dayMs <= range.fromMs) continue
    const samples = await meansOf(tiers, seriesId, day)
    if (!samples) continue
    const inside = cut(samples, range)
    if (inside.timestampsMs.length > 0) yield inside
  }
}

async function meansOf(tiers: readonly Tier[], seriesId: number, day: number): Promise<Samples | undefined> {
  for (const { area } of tiers.toSorted((a, b) => a.stepMs - b.stepMs)) {
    const [block] = await area.blocks(day, seriesId)
    const windows = block && (await area.guard(block, () => decodeWindows(block.bytes)))
    if (windows) {
      return {
        timestampsMs: windows.startsMs,
        values: windows.sum.map((sum, i) => sum / (windows.count[i] as number)),
      }
    }
  }
  return undefined
}
