/** What the controller asks an agent's store about itself in `control.store.<id>`, and the answers. */
import * as z from 'zod/mini'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { placeSchema } from './store-place.ts'

/**
 * `report` = sizes; `check` = read everything and say what cannot be read; `repair` = the same for a stretch, putting aside what
 * cannot be read as the agent does when it meets it; `dump` = a page of what lies where. The last two end with a place to go on from.
 */
export interface StoreAsk {
  readonly what: 'report' | 'check' | 'repair' | 'dump'
  /** `next` of the answer before, of a repair or dump; absent = from the beginning. */
  readonly after?: string | undefined
  /** How long the asker waits, ms. */
  readonly deadlineMs: number
}

const askSchema: z.ZodMiniType<StoreAsk> = z.object({
  what: z.enum(['report', 'check', 'repair', 'dump']),
  after: z.optional(placeSchema),
  deadlineMs: z.int().check(z.minimum(1), z.maximum(600_000)),
})

export function encodeStoreAsk(ask: StoreAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseStoreAsk(body: Uint8Array): StoreAsk {
  return parseJson(body, askSchema, 'question to the store')
}

/** Sizes of one area: samples, bytes on disk, and how many there may be. */
export interface AreaSizes {
  readonly points: number
  readonly bytes: number
  readonly bytes_max: number
}

/** Sizes of one roll-up tier: windows, bytes on disk. */
export interface TierSizes {
  readonly points: number
  readonly bytes: number
}

/** Sizes of a store, or of many; tiers count apart from `bytes_per_point`. */
export interface StoreSizes {
  readonly series: number
  readonly points: number
  readonly bytes: number
  readonly bytes_per_point: number
  readonly areas: Readonly<Record<string, AreaSizes>>
  readonly tiers: Readonly<Record<string, TierSizes>>
}

const size = z.number().check(z.minimum(0))
const name = z.string().check(z.maxLength(64))

/** What an agent answers to `report`. */
export const storeSizesSchema: z.ZodMiniType<StoreSizes> = z.object({
  series: size,
  points: size,
  bytes: size,
  bytes_per_point: size,
  areas: z.record(name, z.object({ points: size, bytes: size, bytes_max: size })),
  tiers: z.record(name, z.object({ points: size, bytes: size })),
})

/** The sizes of all together; the bytes a point without the tiers. */
export function addSizes(all: readonly StoreSizes[]): StoreSizes {
  const areas: Record<string, AreaSizes> = {}
  const tiers: Record<string, TierSizes> = {}
  for (const sizes of all) {
    for (const [key, { points, bytes, bytes_max }] of Object.entries(sizes.areas)) {
      const sum = areas[key] ?? { points: 0, bytes: 0, bytes_max: 0 }
      areas[key] = { points: sum.points + points, bytes: sum.bytes + bytes, bytes_max: sum.bytes_max + bytes_max }
    }
    for (const [key, { points, bytes }] of Object.entries(sizes.tiers)) {
      const sum = tiers[key] ?? { points: 0, bytes: 0 }
      tiers[key] = { points: sum.points + points, bytes: sum.bytes + bytes }
    }
  }
  const sumOf = (of: (sizes: StoreSizes) => number): number => all.reduce((sum, sizes) => sum + of(sizes), 0)
  const points = sumOf((sizes) => sizes.points)
  // what a store says of its own samples; copies of others' are counted with their own
  const pointBytes = all.reduce((sum, sizes) => sum + sizes.points * sizes.bytes_per_point, 0)
  return {
    series: sumOf((sizes) => sizes.series),
    points,
    bytes: sumOf((sizes) => sizes.bytes),
    bytes_per_point: points === 0 ? 0 : Math.round((pointBytes / points) * 1000) / 1000,
    areas,
    tiers,
  }
}

/** Damages listed one by one in an answer; the rest are counted. */
export const damagesListedMax = 100

/** What a check has read, and what could not be read. */
export interface StoreCheck {
  readonly series: number
  readonly rows: number
  readonly blocks: number
  readonly pages: number
  readonly tierBlocks: number
  /** Samples in rows, and in blocks and pages. */
  readonly journalSamples: number
  readonly samples: number
  readonly damaged: number
  readonly damages: readonly FoundDamage[]
}

/** Something that cannot be read. */
export interface FoundDamage {
  readonly kind: string
  /** Folder of the database, and the key. */
  readonly where: string
  readonly reason: string
}

/** What a repair has read, what of it could not be read, and how much of that it has put aside. */
export interface StoreRepair {
  readonly rows: number
  readonly blocks: number
  readonly pages: number
  readonly tierBlocks: number
  readonly damaged: number
  /** Less than `damaged` only while the disk takes no writes. */
  readonly put_aside: number
  readonly damages: readonly FoundDamage[]
  /** Where to go on; absent = all is done. */
  readonly next?: string | undefined
}

const words = z.string().check(z.maxLength(1_000))
const damagesSchema: z.ZodMiniType<readonly FoundDamage[]> = z
  .array(z.object({ kind: name, where: words, reason: words }))
  .check(z.maxLength(damagesListedMax))

/** What an agent answers to `check`. */
export const storeCheckSchema: z.ZodMiniType<StoreCheck> = z.object({
  series: size,
  rows: size,
  blocks: size,
  pages: size,
  tierBlocks: size,
  journalSamples: size,
  samples: size,
  damaged: size,
  damages: damagesSchema,
})

/** What an agent answers to `repair`. */
export const storeRepairSchema: z.ZodMiniType<StoreRepair> = z.object({
  rows: size,
  blocks: size,
  pages: size,
  tierBlocks: size,
  damaged: size,
  put_aside: size,
  damages: damagesSchema,
  next: z.optional(placeSchema),
})

/** Two stretches of a repair as one. */
export function addRepairs(a: StoreRepair, b: StoreRepair): StoreRepair {
  return {
    rows: a.rows + b.rows,
    blocks: a.blocks + b.blocks,
    pages: a.pages + b.pages,
    tierBlocks: a.tierBlocks + b.tierBlocks,
    damaged: a.damaged + b.damaged,
    put_aside: a.put_aside + b.put_aside,
    damages: [...a.damages, ...b.damages].slice(0, damagesListedMax),
    next: b.next,
  }
}
