import { formatDuration } from '#protocol/runtime/time.ts'
import type { BlockArea } from './area/block-area.ts'
import type { BytesByPart } from './maintenance.ts'
import type { Tier } from './tier/tier.ts'

/** One area of the store. */
export interface AreaReport {
  readonly points: number
  /** Bytes on disk, index and journal included. */
  readonly bytes: number
  readonly bytes_max: number
}

/** One roll-up tier. */
export interface TierReport {
  /** Windows. */
  readonly points: number
  readonly bytes: number
}

/** What `lanista store stats --json` prints of one store; tiers count apart from `bytes_per_point`. */
export interface StoreReport {
  readonly series: number
  readonly points: number
  readonly bytes: number
  readonly bytes_per_point: number
  readonly areas: { readonly local: AreaReport; readonly shared: AreaReport }
  readonly tiers: Readonly<Record<string, TierReport>>
}

export interface ReportInput {
  readonly series: number
  /** Samples in no block yet. */
  readonly openSamples: number
  readonly local: BlockArea
  readonly tiers: readonly Tier[]
  readonly bytes: BytesByPart
  readonly bytesMax: { readonly local: number; readonly shared: number }
}

export function makeReport(input: ReportInput): StoreReport {
  const { bytes, bytesMax } = input
  const points = input.local.samples + input.openSamples
  const own = bytes.journal + bytes.local
  const tiers = input.tiers.map((tier, i) => [
    formatDuration(tier.stepMs),
    { points: tier.area.samples, bytes: bytes.byTier[i] ?? 0 },
  ])
  return {
    series: input.series,
    points,
    bytes: own + bytes.tiers + bytes.shared,
    bytes_per_point: points === 0 ? 0 : Math.round((own / points) * 1000) / 1000,
    areas: {
      local: { points, bytes: own, bytes_max: bytesMax.local },
      // whose samples they are, and how many, the ring knows
      shared: { points: 0, bytes: bytes.shared, bytes_max: bytesMax.shared },
    },
    tiers: Object.fromEntries(tiers) as Record<string, TierReport>,
  }
}
