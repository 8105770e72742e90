import { isLanistaError } from '#protocol/errors.ts'
import type { StoredBlock, StoredPage } from '../area/stored-block.ts'
import { BlockDecoder } from '../block/decoder.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { decodeRow } from '../journal/row-decoder.ts'
import { decodeWindows } from '../tier/tier-block.ts'

/** What one block or page has. */
export interface Seen {
  readonly count: number
  readonly minMs: number
  readonly maxMs: number
}

/** Reads a block or page whole. Throws BLOCK_CORRUPT, JOURNAL_ROW_CORRUPT. */
export type Look = (stored: StoredBlock | StoredPage) => Seen

/** Reads a block or a page of samples whole. */
export const lookAtSamples: Look = (stored) => {
  if ('group' in stored) return seenOf(decodeRow(stored.bytes).timestampsMs)
  const { count, t0Ms, t1Ms } = decodeHeader(stored.bytes)
  new BlockDecoder().decode(stored.bytes, new Float64Array(count), new Float64Array(count))
  return { count, minMs: t0Ms, maxMs: t1Ms }
}

/** Reads a block of a tier whole. */
export const lookAtWindows: Look = (stored) => seenOf(decodeWindows(stored.bytes).startsMs)

/** Why bytes cannot be read, in a word where there is one; throws what is no damage. */
export function reasonOf(error: unknown): string {
  if (!isLanistaError(error)) throw error
  const { reason } = error.data
  return typeof reason === 'string' ? reason : error.message
}

/** How many times there are, and the least and greatest of them. */
export function seenOf(timestampsMs: Float64Array): Seen {
  let [minMs, maxMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const time of timestampsMs) {
    if (time < minMs) minMs = time
    if (time > maxMs) maxMs = time
  }
  return { count: timestampsMs.length, minMs, maxMs }
}
