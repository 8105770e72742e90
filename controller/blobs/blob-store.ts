/**
 * Large files by the hash of their bytes: `<data>/blobs/<sha256>`, each held by one or several of a tenant's things and gone with the last of
 * them. A file is whole, and on the disk, before its row is; a row that is there answers for a file. What a crash leaves in between is removed at
 * the next start.
 */
import { createReadStream } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { blobBytesMax } from '#protocol/blobs/blob-format.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { makeDataFolder } from '#protocol/runtime/data-folder.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { type Blob, blobRow, type HeldBlob, noBlobRow, readBlobRows } from './blob-rows.ts'
import { type StagedBlob, stageBlob } from './staged-blob.ts'

export interface BlobStoreOptions {
  readonly folder: string
  /** Bytes of all blobs together, those on their way in included. Default 16 GiB. */
  readonly bytesMax?: number | undefined
}

export interface BlobStoreDeps {
  readonly registry: RegistryStore
  readonly logger: Logger
}

/** What keeps a blob. */
export type Hold = Pick<HeldBlob, 'tenant' | 'holder'>

const bytesMaxDefault: number = 16 * 2 ** 30
/** Keeps and releases that wait for the one before. */
const waitingMax = 64
const endless = new AbortController().signal

export class BlobStore {
  readonly #folder: string
  readonly #bytesMax: number
  readonly #deps: BlobStoreDeps
  /** By digest. */
  readonly #held = new Map<string, HeldBlob[]>()
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  #stagedBytes = 0

  private constructor({ folder, bytesMax }: BlobStoreOptions, deps: BlobStoreDeps) {
    this.#folder = folder
    this.#bytesMax = bytesMax ?? bytesMaxDefault
    this.#deps = deps
  }

  /** Removes what no row speaks of. Throws DATA_DIR_UNWRITABLE. */
  static async open(options: BlobStoreOptions, deps: BlobStoreDeps): Promise<BlobStore> {
    await makeDataFolder(options.folder)
    const store = new BlobStore(options, deps)
    for (const blob of await readBlobRows(deps.registry)) store.#add(blob)
    const files = new Set(await readdir(options.folder))
    for (const name of files) if (!store.#held.has(name)) await rm(join(options.folder, name), { force: true })
    for (const sha256 of store.#held.keys()) if (!files.has(sha256)) deps.logger.error({ sha256 }, 'blob_missing')
    return store
  }

  /** Bytes of all blobs that are kept. */
  get bytes(): number {
    return [...this.#held.values()].reduce((sum, [blob]) => sum + (blob?.bytes ?? 0), 0)
  }

  /**
   * Takes in what comes; kept by `keep` alone.
   * @param bytesMax of this one; never above 1 GiB
   * @throws LanistaError BLOB_TOO_LARGE, BLOBS_FULL, DISK_FULL, the signal's reason
   */
  async stage(source: AsyncIterable<Uint8Array>, bytesMax: number, signal: AbortSignal): Promise<StagedBlob> {
    let own = 0
    const reserve = (bytes: number): void => {
      const all = this.bytes + this.#stagedBytes + bytes
      if (all > this.#bytesMax) throw full(all, this.#bytesMax)
      own += bytes
      this.#stagedBytes += bytes
    }
    try {
      const limits = { bytesMax: Math.min(bytesMax, blobBytesMax), reserve }
      const staged = await stageBlob(this.#folder, source, limits, signal)
      const giveBack = once(() => {
        this.#stagedBytes -= own
      })
      return {
        ...staged,
        [Symbol.asyncDispose]: async () => {
          giveBack()
          await staged[Symbol.asyncDispose]()
        },
      }
    } catch (error) {
      this.#stagedBytes -= own
      throw error
    }
  }

  /** The agents of the tenant may read it from now on, until nothing holds it. Throws REGISTRY_WRITE_FAILED, BUSY. */
  async keep(staged: StagedBlob, { tenant, holder }: Hold): Promise<Blob> {
    const { sha256, bytes, path } = staged
    const held: HeldBlob = { tenant, holder, sha256, bytes }
    await this.#turns.run(async () => {
      // also where it is there already: that one may be damaged, this one was just written
      await rename(path, this.#pathOf(sha256))
      await syncFolder(this.#folder)
      try {
        await this.#deps.registry.write([blobRow(held)], { sync: true })
      } catch (error) {
        if (!this.#held.has(sha256)) await rm(this.#pathOf(sha256), { force: true })
        throw error
      }
      this.#add(held)
    }, endless)
    await staged[Symbol.asyncDispose]()
    return { sha256, bytes }
  }

  /** This thing holds it no more; with the last the file is gone. Does nothing where it is not held. Throws REGISTRY_WRITE_FAILED, BUSY. */
  async release(sha256: string, { tenant, holder }: Hold): Promise<void> {
    await this.#turns.run(async () => {
      const left = (this.#held.get(sha256) ?? []).filter((held) => held.tenant !== tenant || held.holder !== holder)
      await this.#deps.registry.write([noBlobRow({ tenant, sha256, holder })], { sync: true })
      if (left.length > 0) {
        this.#held.set(sha256, left)
        return
      }
      this.#held.delete(sha256)
      await rm(this.#pathOf(sha256), { force: true })
    }, endless)
  }

  /** Undefined where nothing of the tenant's holds it: whether somebody else's does is not told. */
  find(tenant: string, sha256: string): Blob | undefined {
    const held = this.#held.get(sha256)?.find((blob) => blob.tenant === tenant)
    return held && { sha256, bytes: held.bytes }
  }

  /**
   * A part of it, shorter at its end only.
   * @throws LanistaError BLOB_UNKNOWN, BLOB_UNREADABLE
   */
  async read(tenant: string, sha256: string, from: number, bytes: number): Promise<Uint8Array> {
    const { bytes: total } = this.#expect(tenant, sha256)
    const wanted = Math.max(0, Math.min(bytes, total - from))
    try {
      const file = await open(this.#pathOf(sha256))
      try {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, from)
        if (bytesRead !== wanted) throw new Error(`${from + bytesRead} bytes, expected ${total}`)
        return buffer
      } finally {
        await file.close()
      }
    } catch (cause) {
      throw unreadable(sha256, cause)
    }
  }

  /** All of it. Throws BLOB_UNKNOWN; the stream ends with what the file system says. */
  readAll(tenant: string, sha256: string): Readable {
    this.#expect(tenant, sha256)
    return createReadStream(this.#pathOf(sha256))
  }

  #expect(tenant: string, sha256: string): Blob {
    const blob = this.find(tenant, sha256)
    if (blob) return blob
    throw new LanistaError('BLOB_UNKNOWN', `upload it again: found no blob ${sha256} of ${tenant}`)
  }

  #add(blob: HeldBlob): void {
    const others = (this.#held.get(blob.sha256) ?? []).filter(
      ({ tenant, holder }) => tenant !== blob.tenant || holder !== blob.holder,
    )
    this.#held.set(blob.sha256, [...others, blob])
  }

  #pathOf(sha256: string): string {
    return join(this.#folder, sha256)
  }
}

/** A new name is on the disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}

function full(found: number, expected: number): LanistaError {
  return new LanistaError(
    'BLOBS_FULL',
    `delete versions that nobody needs: found ${found} bytes of blobs with this one, expected at most ${expected}`,
  )
}

function unreadable(sha256: string, cause: unknown): LanistaError {
  const message = `upload it again: found ${messageOf(cause)} where blob ${sha256} is kept`
  return new LanistaError('BLOB_UNREADABLE', message, { cause })
}
