/**
 * The wire form of partial aggregates, version 1. README.md beside this file has it byte by byte; the encoder and the decoder share
 * nothing but what stands here. Every message can be decoded without any other.
 */
import { LanistaError } from '#protocol/errors.ts'

/** First byte. A decoder refuses versions that it does not know. */
export const partialVersion = 1

/** Second byte; `exactFlag` is added where all values were asked for. */
export const functionCode = {
  count: 0,
  sum: 1,
  mean: 2,
  stddev: 3,
  min: 4,
  max: 5,
  mode: 6,
  distinct: 7,
  percentile: 8,
  top: 9,
  bottom: 10,
  histogram: 11,
  every: 12,
  some: 13,
  atLeast: 14,
  atLeastShare: 15,
} as const

export const exactFlag = 128

/** Percents travel as whole millionths. */
export const percentScale = 1_000_000

/** In place of the number of parts of a sum: the sum overflowed. */
export const overflowMark = 255
/** Parts of an exact sum; more do not fit into the range of doubles. */
export const sumPartsMax = 40

/** First byte of a percentile's, a mode's and a distinct count's payload. */
export const payloadForm = { values: 0, condensed: 1 } as const

/** No double has a bucket beyond this key, at either end. */
export const bucketKeyMax = 37_300

/** Bytes of the canonical text of the tags of one input of `topN`. */
export const tagTextBytesMax = 8_192
/** A message above this many bytes is refused unread; the largest there can be is smaller, and below NATS's limit of 1 MiB. */
export const partialBytesMax = 1_000_000

/** PARTIAL_INVALID: the bytes are no partial aggregate of a version that we know. */
export function invalidPartial(found: string, cause?: unknown): LanistaError {
  return new LanistaError('PARTIAL_INVALID', `refuse the partial aggregate: ${found}`, { cause })
}
