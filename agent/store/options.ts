import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { dayMs } from './area/day.ts'
import type { LevelDamage } from './level.ts'

/** When a commit is forced onto the disk itself. A killed process loses nothing either way; a power cut may. */
export const syncPolicies = ['never', 'everySecond', 'always'] as const
export type SyncPolicy = (typeof syncPolicies)[number]

export interface StoreOptions {
  /** Folder of the store, made when it is missing; one process at a time. */
  readonly folder: string
  /** Samples wait this long in memory at most, ms. 0 = each append is committed on the next turn. Default 200. */
  readonly commitIntervalMs?: number | undefined
  /** Default `everySecond`: a power cut loses at most one second. */
  readonly sync?: SyncPolicy | undefined
  /**
   * Bytes of all files together, copies of others' samples included; the oldest samples go first. Default: a tenth of the disk, at most so
   * much that the own part is 1 GiB.
   */
  readonly bytesMax?: number | undefined
  /** Uncommitted samples from which on `isFull` holds; twice as many are the hard end. Default 131,072 (20 bytes each). */
  readonly headSamplesMax?: number | undefined
  /** Samples in memory and not in blocks at which they are sealed. While they are, as many more are taken before `isFull` holds, and as
   * many again before samples are dropped. Default 524,288 (24 bytes each). */
  readonly openSamplesMax?: number | undefined
  /** Samples are sealed into blocks when the oldest of them has waited this long, ms. Default one hour. */
  readonly sealAgeMs?: number | undefined
  /** Days that own samples are kept at most; the budget may end them sooner. Default 400. */
  readonly retentionDays?: number | undefined
  /** Roll-ups of whole days, finest first. Default ten minutes for 800 days, one hour for 4000. */
  readonly tiers?: readonly TierOptions[] | undefined
  /** Share of `bytesMax` for this host's own samples; the rest is for copies of others' samples, see `splitBytes`. Default 1. */
  readonly localShare?: number | undefined
  /** The store stops writing while the disk has less room than this, bytes. Default 64 MiB. */
  readonly freeBytesMin?: number | undefined
}

/** One roll-up tier. A series is in it when its own step is at most a tenth of the tier's. */
export interface TierOptions {
  /** Length of a window, ms; divides a day. */
  readonly stepMs: number
  readonly retentionDays: number
}

export interface StoreDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Told of every repair and quarantine, besides the log. */
  readonly onDamage?: ((damage: StoreDamage) => void) | undefined
}

/** Something could not be read and was put aside; the rest goes on. */
export type StoreDamage =
  | ({ readonly kind: 'database' } & LevelDamage)
  | { readonly kind: 'row'; readonly from: number; readonly to: number; readonly reason: string }
  | { readonly kind: 'block' | 'page'; readonly day: number; readonly seriesId: number; readonly reason: string }
  | { readonly kind: 'dictionary'; readonly firstId: number; readonly reason: string }
  | { readonly kind: 'consumer'; readonly name: string; readonly reason: string }

/** Options with every default filled in. */
export type FullStoreOptions = { readonly [Key in keyof StoreOptions]-?: NonNullable<StoreOptions[Key]> }

/** Bytes of the write buffer of each large database: part of what the budget holds, so small for a small one. */
export function writeBufferBytes(options: Pick<FullStoreOptions, 'bytesMax'>): number {
  return Math.max(64 * 1024, Math.min(2 * 1024 * 1024, Math.floor(options.bytesMax / 64)))
}

const gib = 1024 ** 3

const defaultTiers: readonly TierOptions[] = [
  { stepMs: 600_000, retentionDays: 800 },
  { stepMs: 3_600_000, retentionDays: 4000 },
]

/** Windows of a tier in one day at most: they are one block. */
const windowsADayMax = 4096

/** True for what divides a day, and not too often. @param stepMs length of a window */
export function isTierStep(stepMs: number): boolean {
  return Number.isInteger(dayMs / stepMs) && dayMs / stepMs <= windowsADayMax
}

/** The share of own samples where nobody says otherwise. @param copies R: hosts that have each sample, its own included */
export function localShareOf(copies: number): number {
  return copies === 1 ? 0.8 : 1 / copies
}

/** How `bytesMax` is split: what own samples may take, and what copies of others' samples may. */
export function splitBytes({ bytesMax, localShare }: Pick<FullStoreOptions, 'bytesMax' | 'localShare'>): {
  readonly local: number
  readonly shared: number
} {
  const local = Math.floor(bytesMax * localShare)
  return { local, shared: bytesMax - local }
}

/** Fills in the defaults; throws STORE_OPTIONS. @param diskBytes size of the disk the folder is on */
export function fillOptions(options: StoreOptions, diskBytes: number): FullStoreOptions {
  for (const { stepMs } of options.tiers ?? []) {
    if (isTierStep(stepMs)) continue
    throw new LanistaError(
      'STORE_OPTIONS',
      `choose another tier step: found ${stepMs} ms, expected a whole part of a day, at most ${windowsADayMax} in it`,
    )
  }
  const steps = (options.tiers ?? []).map(({ stepMs }) => stepMs)
  if (steps.some((step, i) => i > 0 && step <= (steps[i - 1] as number))) {
    throw new LanistaError(
      'STORE_OPTIONS',
      `order the tiers: found steps of ${steps.join(', ')} ms, expected finest first`,
    )
  }
  const localShare = options.localShare ?? 1
  return {
    folder: options.folder,
    commitIntervalMs: options.commitIntervalMs ?? 200,
    sync: options.sync ?? 'everySecond',
    bytesMax: options.bytesMax ?? Math.floor(Math.min(gib / localShare, diskBytes / 10)),
    headSamplesMax: options.headSamplesMax ?? 131_072,
    openSamplesMax: options.openSamplesMax ?? 524_288,
    sealAgeMs: options.sealAgeMs ?? 3_600_000,
    retentionDays: options.retentionDays ?? 400,
    tiers: options.tiers ?? defaultTiers,
    localShare,
    freeBytesMin: options.freeBytesMin ?? 64 * 1024 * 1024,
  }
}
