/**
 * Blobs: archives of code, bundles of the agent and the like, each named by the SHA-256 of its bytes. The controller keeps them, an agent pulls
 * them piece by piece over the bus. README.md has both messages byte by byte.
 */
import { LanistaError } from '#protocol/errors.ts'

/** Bytes of one blob. */
export const blobBytesMax: number = 2 ** 30
/** Bytes asked for, and sent, in one message: far below what any broker takes, so that what comes behind it does not wait for long. */
export const chunkBytesMax = 65_536
/** Pieces one agent has asked for and not been given. */
export const asksAtOnceMax = 4

/** First byte of every answer. A reader refuses versions that it does not know. */
export const blobAnswerVersion = 1
/** Second byte. */
export const blobAnswerKind = { chunk: 0, refusal: 1 } as const
/** Where in an answer a piece's place begins, where the size of the whole, where the bytes. */
export const placeAt = 2
export const totalAt = 8
export const bytesAt = 14
/** Bytes of a place and of a size. */
export const numberBytes = 6

/** A SHA-256 as 64 hexadecimal digits, lower case. */
export const sha256Pattern: RegExp = /^[0-9a-f]{64}$/

/** Ids of asks begin so: reports of orders come on the same subjects, under other ids. */
export const blobIdPrefix = 'blob-'

/** BLOB_INVALID: bytes are no answer about a blob of a version that we know. */
export function invalidBlobAnswer(found: string, cause?: unknown): LanistaError {
  return new LanistaError('BLOB_INVALID', `ask again: found ${found}, expected a piece of a blob`, { cause })
}
