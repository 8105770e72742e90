/** A blob on its way in: written beside its place and onto the disk, and only then, if it is wanted, put there. */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import type { Blob } from './blob-rows.ts'

/** Files with this end are no blobs: what an upload that was broken off left. */
export const stagedSuffix = '.part'

/** What has been written; whoever has it either keeps it in the store or disposes of it, and then the file is gone. */
export interface StagedBlob extends Blob, AsyncDisposable {
  readonly path: string
}

export interface StageLimits {
  /** Bytes of this one. */
  readonly bytesMax: number
  /** Called before so many more bytes are written; throws when there is no room for them. */
  readonly reserve: (bytes: number) => void
}

/**
 * Writes what comes to a new file in the folder.
 * @throws LanistaError BLOB_TOO_LARGE, DISK_FULL, what `reserve` throws, the signal's reason; nothing is left then
 */
export async function stageBlob(
  folder: string,
  source: AsyncIterable<Uint8Array>,
  limits: StageLimits,
  signal: AbortSignal,
): Promise<StagedBlob> {
  const path = join(folder, `${randomUUID()}${stagedSuffix}`)
  const remove = (): Promise<void> => rm(path, { force: true })
  try {
    const blob = await write(path, source, limits, signal)
    return { ...blob, path, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    signal.throwIfAborted()
    throw asDiskFull(error)
  }
}

async function write(
  path: string,
  source: AsyncIterable<Uint8Array>,
  { bytesMax, reserve }: StageLimits,
  signal: AbortSignal,
): Promise<Blob> {
  const digest = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  let bytes = 0
  try {
    for await (const chunk of source) {
      signal.throwIfAborted()
      bytes += chunk.length
      if (bytes > bytesMax) throw tooLarge(bytesMax)
      reserve(chunk.length)
      digest.update(chunk)
      await writeAll(file, chunk)
    }
    signal.throwIfAborted()
    await file.sync()
  } finally {
    await file.close()
  }
  return { sha256: digest.digest('hex'), bytes }
}

/** A disk that is nearly full takes a part, and says so at the next. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
}

function tooLarge(bytesMax: number): LanistaError {
  return new LanistaError('BLOB_TOO_LARGE', `make it smaller: found more than ${bytesMax} bytes, expected at most that`)
}

/** What the disk says when it is full, in our words. */
export function asDiskFull(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  const message = `make room on the controller's disk: found ${messageOf(error)}, expected to write a blob`
  return new LanistaError('DISK_FULL', message, { cause: error })
}
