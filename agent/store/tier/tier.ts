import type { AreaWriter } from '../area/area-writer.ts'
import type { BlockArea } from '../area/block-area.ts'
import { type FoldOptions, foldDay } from '../area/fold.ts'
import type { Samples } from '../area/series-reader.ts'
import type { BlockEncoder } from '../block/encoder.ts'
import { commonStepMs } from '../memory/time-order.ts'
import type { TierOptions } from '../options.ts'
import { RollUp } from './roll-up.ts'
import { countWindows, encodeWindows } from './tier-block.ts'

/** One roll-up tier and where it is kept. */
export interface Tier extends TierOptions {
  readonly area: BlockArea
}

/** A series is rolled up into windows that hold at least this many of its samples. */
const samplesAWindowMin = 10
const batchBytes = 262_144

/**
 * Finishes a day that is over: folds its blocks and rolls every series up into the tiers, from the de-duplicated samples. Done again
 * when late samples come in: the caller marks the day once nothing has come in meanwhile.
 */
export async function settleDay(
  area: BlockArea,
  tiers: readonly Tier[],
  day: number,
  encoder: BlockEncoder,
  options: Omit<FoldOptions, 'onSamples'>,
): Promise<void> {
  const rolls = tiers.map((tier) => new TierDay(tier, day, encoder))
  await foldDay(area, day, encoder, {
    ...options,
    onSamples: async (seriesId, samples) => {
      for (const roll of rolls) await roll.take(seriesId, samples)
    },
  })
  for (const roll of rolls) await roll.finish()
}

/** Writes one day of one tier. */
class TierDay {
  readonly #tier: Tier
  readonly #day: number
  readonly #encoder: BlockEncoder
  readonly #rollUp: RollUp
  readonly #writer: AreaWriter
  #stepMs = 0

  constructor(tier: Tier, day: number, encoder: BlockEncoder) {
    this.#tier = tier
    this.#day = day
    this.#encoder = encoder
    this.#rollUp = new RollUp(tier.stepMs)
    this.#writer = tier.area.writer()
  }

  async take(seriesId: number, samples: Samples | undefined): Promise<void> {
    if (samples) {
      this.#stepMs = commonStepMs(samples.timestampsMs) || this.#stepMs
      this.#rollUp.push(samples.timestampsMs, samples.values)
      return
    }
    const windows = this.#rollUp.take()
    const isFine = this.#stepMs > 0 && this.#stepMs * samplesAWindowMin <= this.#tier.stepMs
    this.#stepMs = 0
    for (const old of await this.#tier.area.blocks(this.#day, seriesId))
      this.#writer.remove(old, countWindows(old.bytes))
    const count = windows.startsMs.length
    if (isFine && count > 0) {
      const t0Ms = windows.startsMs[0] as number
      const t1Ms = windows.startsMs[count - 1] as number
      this.#writer.put({ seriesId, sequence: 0 }, { from: 0, to: 0 }, encodeWindows(this.#encoder, windows), {
        count,
        t0Ms,
        t1Ms,
      })
    }
    if (this.#writer.bytes >= batchBytes) await this.#writer.write(false)
  }

  async finish(): Promise<void> {
    await this.#writer.write(false)
  }
}
