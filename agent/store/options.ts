import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
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
  /** Bytes of all files together; the oldest samples go first. Default: a tenth of the disk, at most 1 GiB. */
  readonly bytesMax?: number | undefined
  /** Uncommitted samples from which on `isFull` holds; twice as many are the hard end. Default 131,072 (20 bytes each). */
  readonly headSamplesMax?: number | undefined
  /** The store stops writing while the disk has less room than this, bytes. Default 64 MiB. */
  readonly freeBytesMin?: number | undefined
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
  | { readonly kind: 'dictionary'; readonly firstId: number; readonly reason: string }
  | { readonly kind: 'consumer'; readonly name: string; readonly reason: string }

/** Options with every default filled in. */
export type FullStoreOptions = { readonly [Key in keyof StoreOptions]-?: NonNullable<StoreOptions[Key]> }

const gib = 1024 ** 3

/** Fills in the defaults. @param diskBytes size of the disk the folder is on */
export function fillOptions(options: StoreOptions, diskBytes: number): FullStoreOptions {
  return {
    folder: options.folder,
    commitIntervalMs: options.commitIntervalMs ?? 200,
    sync: options.sync ?? 'everySecond',
    bytesMax: options.bytesMax ?? Math.min(gib, Math.floor(diskBytes / 10)),
    headSamplesMax: options.headSamplesMax ?? 131_072,
    freeBytesMin: options.freeBytesMin ?? 64 * 1024 * 1024,
  }
}
