/** An upload as it is kept: looked at from its first member to its last, and, where it is a zip, packed again as what agents unpack. */

import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { BlobStore } from '#controller/blobs/blob-store.ts'
import type { StagedBlob } from '#controller/blobs/staged-blob.ts'
import { asCodeRefused, kindOfArchive, MemberCheck, safeMembers } from '#protocol/archive/safe-members.ts'
import type { TarEntry } from '#protocol/archive/tar-reader.ts'
import { writeTar } from '#protocol/archive/tar-writer.ts'
import type { UploadedVersion } from './code-version.ts'
import { zipMembers } from './zip-members.ts'

/** Bytes of an archive. */
export const archiveBytesMax: number = 512 * 2 ** 20

export interface TakenArchive {
  readonly type: UploadedVersion['type']
  /** The caller keeps it or disposes of it. */
  readonly staged: StagedBlob
}

/** Throws CODE_REFUSED naming the member at fault, BLOB_TOO_LARGE, BLOBS_FULL, DISK_FULL, the signal's reason; nothing is left then. */
export async function takeArchive(
  blobs: Pick<BlobStore, 'stage'>,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<TakenArchive> {
  const staged = await blobs.stage(source, archiveBytesMax, signal)
  let isKept = false
  try {
    const type = await kindOfArchive(staged.path)
    if (type === 'zip') return { type, staged: await repacked(blobs, staged.path, signal) }
    for await (const _ of safeMembers(staged.path, signal));
    isKept = true
    return { type, staged }
  } finally {
    if (!isKept) await staged[Symbol.asyncDispose]()
  }
}

async function repacked(blobs: Pick<BlobStore, 'stage'>, zip: string, signal: AbortSignal): Promise<StagedBlob> {
  try {
    const plain = Readable.from(writeTar(safeZipMembers(zip, signal)), { objectMode: false })
    const packed = createGzip()
    plain.once('error', (error) => packed.destroy(error))
    return await blobs.stage(plain.pipe(packed), archiveBytesMax, signal)
  } catch (error) {
    signal.throwIfAborted()
    throw asCodeRefused(error)
  }
}

async function* safeZipMembers(zip: string, signal: AbortSignal): AsyncGenerator<TarEntry> {
  const check = new MemberCheck()
  for await (const member of zipMembers(zip, signal)) {
    check.expectSafe(member)
    yield member
  }
}
