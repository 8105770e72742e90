import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LanistaError } from '#protocol/errors.ts'
import type { CodeVersion } from '#protocol/instances/spec.ts'

/** Where the archives of components lie on this host, each under its digest; whoever brings one renames it in when it is whole. */
export class CodeFolder {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The archive's path. Throws CODE_MISSING, and CODE_REFUSED when its bytes are others. */
  async fetch({ id, sha256 }: CodeVersion, signal: AbortSignal): Promise<string> {
    const path = join(this.#folder, sha256)
    const digest = createHash('sha256')
    try {
      await pipeline(createReadStream(path), digest, { signal })
    } catch (cause) {
      signal.throwIfAborted()
      const message = `bring the archive of code ${id} to this host: found none that can be read, expected ${path}`
      throw new LanistaError('CODE_MISSING', message, { cause })
    }
    const found = digest.digest('hex')
    if (found === sha256) return path
    throw new LanistaError('CODE_REFUSED', `upload code ${id} again: found digest ${found}, expected ${sha256}`)
  }
}
