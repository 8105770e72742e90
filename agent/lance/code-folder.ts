import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Pattern } from '#protocol/blobs/blob-format.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import type { CodeVersion } from '#protocol/instances/spec.ts'
import type { BlobFetcher } from '../blobs/blob-fetcher.ts'

export interface CodeFolderOptions {
  readonly folder: string
  /** Bytes of archives that no instance of this host has; the oldest go beyond it. Default 1 GiB. */
  readonly spareBytesMax?: number | undefined
}

export interface CodeFolderDeps {
  readonly blobs: Pick<BlobFetcher, 'fetchBlob'>
  /** Digests of the archives that instances of this host have, or are to have. */
  readonly used: () => ReadonlySet<string>
}

const spareBytesMaxDefault: number = 2 ** 30

/** Where the archives of components lie on this host, each under its digest: brought from the controller, or by hand. */
export class CodeFolder {
  readonly #options: CodeFolderOptions
  readonly #deps: CodeFolderDeps

  constructor(options: CodeFolderOptions, deps: CodeFolderDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** The archive's path; it may take as long as the controller is away. Throws CODE_MISSING, CODE_REFUSED when its bytes are others, DISK_FULL. */
  async fetch({ id, sha256 }: CodeVersion, signal: AbortSignal): Promise<string> {
    try {
      const path = await this.#deps.blobs.fetchBlob(sha256, this.#options.folder, signal)
      await this.#sweep(sha256)
      return path
    } catch (cause) {
      if (!isLanistaError(cause)) throw cause
      if (cause.data['refused'] === true) {
        const message = `upload code ${id} again: the controller has none for this host, ${cause.code}`
        throw new LanistaError('CODE_MISSING', message, { cause })
      }
      if (cause.code !== 'BLOB_DAMAGED' && cause.code !== 'BLOB_INVALID') throw cause
      throw new LanistaError('CODE_REFUSED', `upload code ${id} again: ${cause.message}`, { cause })
    }
  }

  /** Removes the oldest archives that nobody here has, beyond their bytes; what cannot be looked at is left. */
  async #sweep(wanted: string): Promise<void> {
    const { folder, spareBytesMax = spareBytesMaxDefault } = this.#options
    const used = this.#deps.used()
    const spare: { path: string; bytes: number; changedMs: number }[] = []
    for (const name of await readdir(folder).catch(() => [])) {
      if (name === wanted || used.has(name) || !sha256Pattern.test(name)) continue
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found?.isFile()) spare.push({ path, bytes: found.size, changedMs: found.mtimeMs })
    }
    let bytes = 0
    for (const archive of spare.toSorted((a, b) => b.changedMs - a.changedMs)) {
      bytes += archive.bytes
      if (bytes > spareBytesMax) await rm(archive.path, { force: true })
    }
  }
}
