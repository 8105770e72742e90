import type { BlobDeskCounters } from '#controller/blobs/blob-desk.ts'
import { counter, gauge } from './family.ts'
import type { MetricFamily } from './open-metrics.ts'

export interface BlobsSource {
  /** Bytes of all that is kept. */
  readonly keptBytes: number
  readonly desk: BlobDeskCounters
}

/** Large files that are kept, and what agents were given of them. */
export function blobFamilies({ keptBytes, desk }: BlobsSource): MetricFamily[] {
  return [
    gauge('blob_bytes', 'bytes', 'Archives of code and other large files that are kept.', keptBytes),
    counter('blob_pieces_sent', 'Pieces of them sent to agents.', desk.sent),
    counter('blob_sent_bytes', 'Bytes of those.', desk.bytes),
    counter('blob_asks_refused', 'Asks for what an agent may not have, or nobody has.', desk.refused),
    counter(
      'blob_asks_dropped',
      'Asks beyond the bounds, and pieces that could not be sent: asked for again.',
      desk.dropped,
    ),
  ]
}
