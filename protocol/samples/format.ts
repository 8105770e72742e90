/**
 * The wire form of samples, version 1. README.md beside this file has it byte by byte; the encoder and the decoder share
 * nothing but what stands here. Every message can be decoded without any other.
 */
import { LanistaError } from '#protocol/errors.ts'
import type { ArrivalRange } from './arrival.ts'

/** First element of every envelope. A decoder refuses versions that it does not know. */
export const samplesVersion = 1

/** Second element of the envelope. */
export const samplesKind = { batch: 0, dictionary: 1, selection: 2 } as const

/** Samples in one batch; a message that says more is refused. */
export const samplesPerBatchMax = 65_536
/** Entries in one dictionary chunk; a message that says more is refused. */
export const dictionaryEntriesMax = 10_000
/** Bytes of the canonical text of one series, and of its unit. */
export const seriesTextBytesMax = 8_192
/** A message above this many bytes is refused unread. Senders stay below the broker's own limit (1 MiB on NATS). */
export const bodyBytesMax = 4_194_304
/** The columns or entries of a message, inflated, take at most this many bytes; more is refused. */
export const payloadBytesMax = 16_777_216
/** Series ids are unsigned 32-bit. */
export const seriesIdMax = 0xffff_ffff

/** A store id: printable ASCII without space. */
export const storeIdPattern: RegExp = /^[\u0021-\u007e]{1,64}$/

/** How the timestamp column is written: see README.md. */
export const timestampMode = { deltaRuns: 0, deltaOfDelta: 1, doubles: 2 } as const

/** First token of a value; tokens from `firstInteger` on carry the zigzagged change of the series' mantissa. */
export const valueToken = { sameRun: 0, decimal: 1, double: 2, offset: 2 } as const

/** A value's decimal exponent is at most this: value = mantissa / 10^exponent. */
export const exponentMax = 15

/** 10^0 … 10^15, all exact doubles. */
export const powersOfTen: Float64Array = Float64Array.from({ length: exponentMax + 1 }, (_, i) => Number(`1e${i}`))

/**
 * Columns of samples in arrival order. Sample `i` has position `from + i`, so each column has `to − from + 1` elements; or,
 * where only some of the range were asked for, position `positions[i]`.
 */
export interface SampleColumns extends ArrivalRange {
  /** Increasing, all within the range; absent = the whole range. */
  readonly positions?: Float64Array | undefined
  readonly seriesIds: Uint32Array
  /** Epoch milliseconds, finite. */
  readonly timestampsMs: Float64Array
  /** Finite. */
  readonly values: Float64Array
}

/** One entry of a store's series dictionary. */
export interface DictionaryEntry {
  /** Canonical text, see `#protocol/metrics/series.ts`. */
  readonly name: string
  readonly unit?: string | undefined
}

/** A batch as decoded. */
export interface BatchMessage extends SampleColumns {
  readonly kind: 'batch'
  readonly storeId: string
}

/** A chunk of the series dictionary as decoded: entry `i` has the id `firstId + i`. */
export interface DictionaryMessage {
  readonly kind: 'dictionary'
  readonly storeId: string
  readonly firstId: number
  readonly entries: readonly DictionaryEntry[]
}

export type SamplesMessage = BatchMessage | DictionaryMessage

/** SAMPLES_INVALID: the bytes are no samples message of a version that we know. */
export function invalidSamples(found: string, cause?: unknown): LanistaError {
  return new LanistaError('SAMPLES_INVALID', `refuse the samples: ${found}`, { cause })
}
