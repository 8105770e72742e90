import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { encodeBatch } from '#protocol/samples/encoder.ts'
import type { HistoryStore } from '../store/store.ts'
import type { RunOfRows } from './replica-store.ts'
import type { OwnRead } from './shipper-actions.ts'

/** What the ring needs of the agent's own store. */
export type OwnStore = Pick<
  HistoryStore,
  | 'storeId'
  | 'nextPosition'
  | 'seriesCount'
  | 'seriesId'
  | 'seriesEntry'
  | 'append'
  | 'isFull'
  | 'drained'
  | 'commit'
  | 'onCommit'
  | 'consumer'
  | 'syncedTo'
  | 'arrivalsFrom'
  | 'readArrivals'
>

/** Own samples of a range as rows, in the form in which they travel and are kept. Throws STORE_UNAVAILABLE. */
export async function readOwnRows(
  store: OwnStore,
  range: ArrivalRange,
  samplesMax: number,
): Promise<Pick<OwnRead, 'void'> & { readonly run?: RunOfRows | undefined }> {
  const { run, void: empty } = await store.readArrivals(range, samplesMax)
  if (!run) return { void: empty }
  let idsTo = 0
  for (const id of run.seriesIds) if (id >= idsTo) idsTo = id + 1
  return { run: { from: run.from, to: run.to, idsTo, rows: encodeBatch(store.storeId, run) }, void: empty }
}
