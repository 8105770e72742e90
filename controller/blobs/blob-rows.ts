/** Which blobs are kept, and for whom: `blob!T!<sha256>!<holder>`. A row of another shape is as good as none. */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import { sha256Pattern } from '#protocol/blobs/blob-format.ts'

export interface Blob {
  readonly sha256: string
  readonly bytes: number
}

/** A blob, the tenant whose agents may read it, and what keeps it. */
export interface HeldBlob extends Blob {
  readonly tenant: string
  /** Whoever put it: `code.shop.web`. A blob that nothing holds any more is gone. */
  readonly holder: string
}

const prefix = 'blob!'
const valueSchema = z.object({ bytes: z.int().min(0) })

export async function readBlobRows(registry: Pick<RegistryStore, 'list'>): Promise<HeldBlob[]> {
  const blobs: HeldBlob[] = []
  for await (const { key, value } of registry.list(prefix)) {
    const [tenant, sha256, holder] = key.slice(prefix.length).split('!')
    const { success, data } = valueSchema.safeParse(value)
    if (tenant && sha256 && holder && sha256Pattern.test(sha256) && success) {
      blobs.push({ tenant, sha256, holder, bytes: data.bytes })
    }
  }
  return blobs
}

export function blobRow({ tenant, sha256, holder, bytes }: HeldBlob): RegistryChange {
  return { key: keyOf({ tenant, sha256, holder }), value: { bytes } }
}

export function noBlobRow(held: Omit<HeldBlob, 'bytes'>): RegistryChange {
  return { key: keyOf(held), remove: true }
}

function keyOf({ tenant, sha256, holder }: Omit<HeldBlob, 'bytes'>): string {
  return `${prefix}${tenant}!${sha256}!${holder}`
}
