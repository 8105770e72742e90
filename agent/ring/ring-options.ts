import * as z from 'zod/mini'
import { keeperDefaults } from './keeper.ts'
import { membershipDefaults } from './membership.ts'
import { menderDefaults } from './mender.ts'
import type { RingNodeOptions } from './node.ts'
import { shipperDefaults } from './shipper.ts'

/** What may be set; everything else follows from it. */
export interface RingSettings {
  /** Copies of each sample in the cloud, the owner's own included: R, 1 to 8. 1 = no copies. Default 3. */
  readonly copies: number
  /** Failure domain of this host, from its label `zone`; empty = unknown. */
  readonly zone: string
  /** Heartbeat interval of the fleet, ms: a member is suspect after three. Default 10,000. */
  readonly heartbeatIntervalMs: number
  /** A silent member's data is rebuilt elsewhere after this long, ms. Default 900,000. */
  readonly graceMs: number
  /** Bytes of the shared area at most: what the store's budget leaves for copies. */
  readonly bytesMax: number
  /** Share of the wire for new data, and again for repair, bytes a second. Default 1 MiB. */
  readonly bytesPerSecondMax: number
  /** Small batches wait this long for more, ms: longer is denser, shorter loses less with the machine. Default 1,000. */
  readonly waitMs: number
  /**
   * Own samples whose rows the store's journal keeps although every holder has them, so that a new holder can be given them.
   * Default 4,000,000: a day of 460 series every 10 s, some 12 MB.
   */
  readonly historySamples: number
}

/** The part of the settings that stands in a configuration; the rest follows from others. */
export type RingConfig = Omit<RingSettings, 'zone' | 'heartbeatIntervalMs' | 'bytesMax'>

/** Checked against {@link RingConfig}; unknown keys are refused. */
export const ringConfigSchema: z.ZodMiniType<RingConfig> = z.strictObject({
  copies: z.int().check(z.minimum(1), z.maximum(8)),
  graceMs: z.int().check(z.minimum(1000)),
  bytesPerSecondMax: z.int().check(z.minimum(1024)),
  waitMs: z.int().check(z.minimum(0), z.maximum(60_000)),
  historySamples: z.int().check(z.minimum(0)),
})

/** What holds where the configuration says nothing. */
export const ringDefaults: RingConfig = {
  copies: 3,
  graceMs: 900_000,
  bytesPerSecondMax: 1_048_576,
  waitMs: 1000,
  historySamples: 4_000_000,
}

/** Part of the shared area that rows may take; the rest is for their keys, for names, and for files that are still to be merged. */
const rowsShare = 0.8

/** The options of all cores. */
export function nodeOptions(host: string, settings: RingSettings): RingNodeOptions {
  const { copies, zone, heartbeatIntervalMs, graceMs, bytesMax, bytesPerSecondMax, waitMs } = settings
  const own = { host, zone }
  return {
    ...own,
    copies,
    membership: {
      ...membershipDefaults,
      ...own,
      graceMs,
      silentAfterMs: 3 * heartbeatIntervalMs,
      listenMs: 3 * heartbeatIntervalMs,
      gossipMs: heartbeatIntervalMs,
    },
    shipper: { ...shipperDefaults, ...own, bytesPerSecondMax, waitMs },
    keeper: { ...keeperDefaults, host, bytesMax: Math.floor(bytesMax * rowsShare) },
    mender: { ...menderDefaults, host, bytesPerSecondMax },
  }
}
