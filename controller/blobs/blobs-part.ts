import type { Bus } from '#broker/bus.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { BlobDesk } from './blob-desk.ts'
import { BlobStore } from './blob-store.ts'

export interface OpenBlobsDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
}

/** Large files in `blobs/` of the data folder, and the desk that agents get them from, which the caller closes. Throws DATA_DIR_UNWRITABLE. */
export async function openBlobs(
  { dataDir }: { readonly dataDir: string },
  { bus, registry, clock, logger: all }: OpenBlobsDeps,
): Promise<{ readonly blobs: BlobStore; readonly blobDesk: BlobDesk }> {
  const logger = all.child({ component: 'blobs' })
  const blobs = await BlobStore.open({ folder: `${dataDir}/blobs` }, { registry, logger })
  return { blobs, blobDesk: new BlobDesk({ bus, store: blobs, clock, logger }) }
}
