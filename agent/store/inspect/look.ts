import { BlockDecoder } from '../block/decoder.ts'
import { decodeHeader } from '../block/header-reader.ts'
import { decodeRow } from '../journal/row-decoder.ts'
import { decodeWindows } from '../tier/tier-block.ts'
import type { Look } from './repair.ts'

/** Reads a block or a page of samples whole. */
export const lookAtSamples: Look = (stored) => {
  try {
    if ('group' in stored) {
      const { timestampsMs } = decodeRow(stored.bytes)
      return { count: timestampsMs.length, ...spanOf(timestampsMs) }
    }
    const { count, t0Ms, t1Ms } = decodeHeader(stored.bytes)
    new BlockDecoder().decode(stored.bytes, new Float64Array(count), new Float64Array(count))
    return { count, minMs: t0Ms, maxMs: t1Ms }
  } catch {
    return undefined
  }
}

/** Reads a block of a tier whole. */
export const lookAtWindows: Look = (stored) => {
  try {
    const { startsMs } = decodeWindows(stored.bytes)
    return { count: startsMs.length, ...spanOf(startsMs) }
  } catch {
    return undefined
  }
}

function spanOf(timestampsMs: Float64Array): { minMs: number; maxMs: number } {
  let [minMs, maxMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const time of timestampsMs) {
    if (time < minMs) minMs = time
    if (time > maxMs) maxMs = time
  }
  return { minMs, maxMs }
}
