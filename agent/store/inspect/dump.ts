import type { BlockArea } from '../area/block-area.ts'
import { decodeHeader } from '../block/header-reader.ts'
import type { Dictionary } from '../dictionary.ts'
import { rowsAbove } from '../journal/journal-reader.ts'
import { keyRange } from '../keys.ts'
import type { Level } from '../level.ts'

/** One thing that is stored, as plain data for `lanista store dump`: what it is, where it lies, how large it is. */
export type DumpEntry =
  | { readonly kind: 'series'; readonly seriesId: number; readonly name: string; readonly unit?: string | undefined }
  | { readonly kind: 'row'; readonly from: number; readonly to: number; readonly bytes: number }
  | {
      readonly kind: 'block'
      readonly day: number
      readonly seriesId: number
      readonly sequence: number
      readonly from: number
      readonly to: number
      readonly bytes: number
      readonly samples?: number | undefined
      readonly firstMs?: number | undefined
      readonly lastMs?: number | undefined
      readonly stepMs?: number | undefined
      readonly codec?: string | undefined
    }
  | {
      readonly kind: 'page'
      readonly day: number
      readonly group: number
      readonly sequence: number
      readonly from: number
      readonly to: number
      readonly bytes: number
    }
  | { readonly kind: 'quarantined'; readonly key: string; readonly bytes: number }

/** Everything in the index, the journal and the blocks, in the order in which it lies on disk. */
export async function* dump(journal: Level, local: BlockArea, dictionary: Dictionary): AsyncGenerator<DumpEntry> {
  for (let seriesId = 0; seriesId < dictionary.size; seriesId++) {
    yield { kind: 'series', seriesId, ...dictionary.entry(seriesId) }
  }
  for await (const { from, to, row } of rowsAbove(journal, 0)) yield { kind: 'row', from, to, bytes: row.length }
  for (const day of local.days) {
    for await (const stored of local.walk(day)) {
      const { sequence, from, to } = stored
      const bytes = stored.bytes.length
      if ('group' in stored) yield { kind: 'page', day, group: stored.group, sequence, from, to, bytes }
      else yield { kind: 'block', day, seriesId: stored.seriesId, sequence, from, to, bytes, ...describe(stored.bytes) }
    }
  }
  for (const level of [journal, local.slot.level]) {
    for await (const [key, value] of level.iterator(keyRange('q'))) {
      yield { kind: 'quarantined', key: Buffer.from(key).toString('hex'), bytes: value.length }
    }
  }
}

/** What the header says; nothing when it cannot be read. */
function describe(bytes: Uint8Array): Partial<Extract<DumpEntry, { kind: 'block' }>> {
  try {
    const { count, t0Ms, t1Ms, stepMs, valueCodec, timeCodec } = decodeHeader(bytes)
    return { samples: count, firstMs: t0Ms, lastMs: t1Ms, stepMs, codec: `${timeCodec}/${valueCodec}` }
  } catch {
    return {}
  }
}
