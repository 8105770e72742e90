/** A blob while it comes: the bytes that are here lie beside its place, and are hashed as they come; a later start of the agent goes on from them. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { diskSpace } from '../store/disk.ts'

const suffix = '.part'
/** One that nobody has gone on with for so long is removed, ms. */
const staleMs = 86_400_000
/** Bytes of the disk that a blob leaves free. */
const spareBytes: number = 32 * 2 ** 20

export class PartFile implements AsyncDisposable {
  readonly #path: string
  readonly #target: string
  readonly #file: FileHandle
  readonly #hash: Hash
  #bytes: number

  private constructor(target: string, file: FileHandle, hash: Hash, bytes: number) {
    this.#target = target
    this.#path = target + suffix
    this.#file = file
    this.#hash = hash
    this.#bytes = bytes
  }

  /** Of the file that is to stand at `target`, with what an earlier try got of it. Throws what the file system throws. */
  static async open(target: string, signal: AbortSignal): Promise<PartFile> {
    const path = target + suffix
    const hash = createHash('sha256')
    const file = await open(path, 'a', 0o600)
    try {
      await pipeline(createReadStream(path), hash, { signal, end: false })
      return new PartFile(target, file, hash, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Throws DISK_FULL when the rest would not fit. */
  async expectRoom(totalBytes: number): Promise<void> {
    const { freeBytes } = await diskSpace(join(this.#target, '..'))
    const wanted = totalBytes - this.#bytes + spareBytes
    if (totalBytes > this.#bytes && freeBytes < wanted) throw diskFull(`${freeBytes} bytes, expected ${wanted}`)
  }

  /** Throws DISK_FULL, and what else the file system throws. */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten
    } catch (error) {
      throw asDiskFull(error)
    }
    this.#hash.update(bytes)
    this.#bytes += bytes.length
  }

  /** Puts it in its place, on the disk, when its digest is this. Throws BLOB_DAMAGED, DISK_FULL. Once, as the last thing. */
  async finish(sha256: string): Promise<void> {
    const found = this.#hash.digest('hex')
    if (found !== sha256) {
      throw new LanistaError('BLOB_DAMAGED', `upload the blob again: found digest ${found}, expected ${sha256}`)
    }
    try {
      await this.#file.sync()
    } catch (error) {
      throw asDiskFull(error)
    }
    await rename(this.#path, this.#target)
  }

  /** Forgets what is here. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true })
  }

  /** Leaves what is here for another try. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** Removes what tries left in this folder that nobody has gone on with, and nobody is about to. */
export async function sweepParts(folder: string, nowMs: number, isWanted: (target: string) => boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (!name.endsWith(suffix) || isWanted(path.slice(0, -suffix.length))) continue
    const changedMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? nowMs
    if (nowMs - changedMs > staleMs) await rm(path, { force: true })
  }
}

/** Has the file these bytes? Undefined when there is none. */
export async function hasDigest(path: string, sha256: string, signal: AbortSignal): Promise<boolean | undefined> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash, { signal })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return hash.digest('hex') === sha256
}

function asDiskFull(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT' ? diskFull(messageOf(error)) : error
}

function diskFull(found: string): LanistaError {
  return new LanistaError('DISK_FULL', `make room on the disk: found ${found}`)
}
