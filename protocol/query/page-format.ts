/**
 * Answers to `control.query` and `control.store`, version 1; README.md beside this file has them byte by byte. Writer and reader share
 * nothing but what stands here.
 */
import { LanistaError } from '#protocol/errors.ts'

/** First byte of every answer. A reader refuses versions that it does not know. */
export const answerVersion = 1

/** Second byte. */
export const answerKind = { page: 0, refusal: 1, json: 2 } as const

/** A page that is written takes at most this many bytes, so that it fits into any broker's message. */
export const pageBytesMax = 786_432
/** An answer above this many bytes is refused unread. */
export const answerBytesMax = 1_048_576
/** Samples in one page; runs would let a few bytes claim any number. */
export const pageSamplesMax = 262_144
/** Chunks in one page. */
export const pageChunksMax = 16_384
/** Samples in one chunk as written: a page is closed between chunks. */
export const chunkSamplesMax = 2_048
/** Bytes of a canonical series name, and of a unit. */
export const textBytesMax = 8_192
/** Columns of one chunk: the slope and the intercept of a line. */
export const columnsMax = 2

/** A column's mode: an exponent, or this. */
export const doublesMode = 255

/** Where the next page begins: this series, at this time. */
export interface PageCursor {
  /** Place in the store's series dictionary. */
  readonly seriesId: number
  readonly fromMs: number
}

/** A stretch of one series. Consecutive chunks of one series follow each other in time. */
export interface SeriesChunk {
  /** Canonical text, see `#protocol/metrics/series.ts`. */
  readonly name: string
  readonly unit: string | undefined
  /** Epoch ms, increasing: of samples, or where windows start. */
  readonly timestampsMs: Float64Array
  /** One column of values; two (slope, intercept) where the function gives lines; none = the one value asked for is unknown. */
  readonly columns: readonly Float64Array[]
}

/** One page as read. */
export interface QueryPage {
  readonly chunks: readonly SeriesChunk[]
  /** Absent = this was the last page. */
  readonly next: PageCursor | undefined
}

/** PAGE_INVALID: the bytes are no answer of a version that we know. */
export function invalidPage(found: string, cause?: unknown): LanistaError {
  return new LanistaError('PAGE_INVALID', `refuse the answer: ${found}`, { cause })
}
