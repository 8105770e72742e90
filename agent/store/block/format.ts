/**
 * The sealed block: what its bytes mean. README.md of this folder is the page to reimplement it from.
 */
import { LanistaError } from '#protocol/errors.ts'

/** Version written in the low four bits of the first byte. */
export const BLOCK_VERSION = 1
/** Samples a block holds at most; a header that claims more is corrupt. */
export const BLOCK_SAMPLES_MAX = 65_536
/** No valid block is shorter. */
export const BLOCK_BYTES_MIN = 10
/** Largest power of ten that values are scaled by. */
export const EXPONENT_MAX = 15
/** Scaled values, and timestamps, of one block may spread this far; beyond it differences would not be exact. */
export const SPAN_MAX: number = 2 ** 50

/** How values are stored. */
export const valueCodecs = ['constant', 'integer', 'xor'] as const
export type ValueCodec = (typeof valueCodecs)[number]

/** How timestamps are stored. */
export const timeCodecs = ['regular', 'column', 'raw'] as const
export type TimeCodec = (typeof timeCodecs)[number]

/** Bits of the second byte above the two codecs. */
export const flags = { falls: 0x10, rawScalars: 0x20, rawSums: 0x40, exceptions: 0x80 } as const

/** How an integer column predicts: from its level, from the value before, from the two before, or exactly on a line. */
export const predictions = ['level', 'delta', 'deltaOfDelta', 'line'] as const
export type Prediction = (typeof predictions)[number]

/** Aggregates of one block's values; sums are taken plainly, in time order, from zero. */
export interface Aggregates {
  readonly first: number
  readonly last: number
  readonly min: number
  readonly max: number
  readonly sum: number
  /** How often a value was below the one before it (a counter's resets). */
  readonly falls: number
  /** Sum of the values before each fall: a counter's increase over the block is `last − first + lost`. */
  readonly lost: number
}

/** Everything a coarse query needs, read without decoding a sample. */
export interface BlockHeader extends Aggregates {
  readonly version: number
  readonly valueCodec: ValueCodec
  readonly timeCodec: TimeCodec
  /** 1 to BLOCK_SAMPLES_MAX. */
  readonly count: number
  readonly t0Ms: number
  readonly t1Ms: number
  /** The distance most samples have; the mean distance, rounded, where no distance has the majority; 0 for one sample. */
  readonly stepMs: number
  /** Values are integers over 10 to this power; 0 where values are raw. */
  readonly exponent: number
  readonly hasExceptions: boolean
  /** Where the payload begins; it ends four bytes before the end of the block. */
  readonly payloadOffset: number
}

/** Why a block was refused, in `data.reason` of BLOCK_CORRUPT. */
export type CorruptReason =
  | 'checksum'
  | 'version'
  | 'truncated'
  | 'header'
  | 'table'
  | 'payload'
  | 'timestamps'
  | 'values'

/** The error for bytes that are no valid block. */
export function corrupt(reason: CorruptReason, found: string): LanistaError {
  return new LanistaError('BLOCK_CORRUPT', `decode block: ${found}`, { data: { reason } })
}

/** The error for samples that cannot be put in a block, or room that cannot take it: the caller's mistake. */
export function badInput(message: string): LanistaError {
  return new LanistaError('BLOCK_INPUT', message)
}
