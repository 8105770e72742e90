import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import type { CodeVersion } from '#protocol/instances/spec.ts'
import type { BlobFetcher } from '../blobs/blob-fetcher.ts'

/** Where the archives of components lie on this host, each under its digest: brought from the controller, or by hand. */
export class CodeFolder {
  readonly #folder: string
  readonly #blobs: Pick<BlobFetcher, 'fetchBlob'>

  constructor(folder: string, blobs: Pick<BlobFetcher, 'fetchBlob'>) {
    this.#folder = folder
    this.#blobs = blobs
  }

  /** The archive's path; it may take as long as the controller is away. Throws CODE_MISSING, CODE_REFUSED when its bytes are others, DISK_FULL. */
  async fetch({ id, sha256 }: CodeVersion, signal: AbortSignal): Promise<string> {
    try {
      return await this.#blobs.fetchBlob(sha256, this.#folder, signal)
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
}
