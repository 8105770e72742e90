/** The file of the master keys: outside the data folder, so that a copy of the folder decrypts nothing. */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { makeFolder } from '#protocol/runtime/data-folder.ts'
import { writeSecretFile } from '#protocol/runtime/secret-file.ts'
import { formatMasterKeys, generateMasterKey, type MasterKey, parseMasterKeys } from './master-key.ts'

/** Where the master keys are. */
export interface KeyPlace {
  readonly path: string
  /** `file`: ours to make and to change, mode 0600. `credential`: handed over by systemd, which guards it; only read. */
  readonly kind: 'file' | 'credential'
}

/** A credential of this name (`LoadCredential=`, `LoadCredentialEncrypted=`) comes before any file. */
export const credentialName = 'lanista-master-key'

/** Where the controller looks when nothing is configured: systemd's credential, else `fallback`. */
export function keyPlaceOf(env: Readonly<Record<string, string | undefined>>, fallback: string): KeyPlace {
  const folder = env['CREDENTIALS_DIRECTORY']
  if (!folder) return { path: fallback, kind: 'file' }
  const path = join(folder, credentialName)
  return isThere(path) ? { path, kind: 'credential' } : { path: fallback, kind: 'file' }
}

export class KeyFile {
  readonly place: KeyPlace
  #keys: readonly MasterKey[]

  private constructor(place: KeyPlace, keys: readonly MasterKey[]) {
    this.place = place
    this.#keys = keys
  }

  /**
   * Reads the keys; none where a file of ours is not there yet: it is made with the first secret.
   * @param dataDir the folder it must not lie in
   * @throws LanistaError MASTER_KEY_EXPOSED (others may read it, or it lies in the data folder), MASTER_KEY_INVALID,
   * MASTER_KEY_UNREADABLE, MASTER_KEY_UNWRITABLE
   */
  static async open(place: KeyPlace, dataDir: string): Promise<KeyFile> {
    if (place.kind === 'file') await makeFolder(dirname(place.path)).catch((cause: unknown) => failWrite(place, cause))
    refuseInside(place, dataDir)
    const made = new KeyFile(place, [])
    made.reload()
    return made
  }

  /** The first one seals, all of them open. */
  get keys(): readonly MasterKey[] {
    return this.#keys
  }

  /** The one that seals; a file of ours without one is made with a new one. Throws MASTER_KEY_UNWRITABLE. */
  sealing(): MasterKey {
    const [first] = this.#keys
    if (first) return first
    const made = generateMasterKey()
    this.write([made])
    return made
  }

  /** Reads the file again: somebody may have put a new key on top. Throws as `open`; the keys stay as they were then. */
  reload(): void {
    const keys = readKeys(this.place)
    if (!keys && this.place.kind === 'credential') throw unreadable(this.place, 'no such credential')
    this.#keys = keys ?? []
  }

  /** Replaces them, on disk first. Throws MASTER_KEY_UNWRITABLE. */
  write(keys: readonly MasterKey[]): void {
    try {
      writeSecretFile(this.place.path, formatMasterKeys(keys))
    } catch (cause) {
      failWrite(this.place, cause)
    }
    this.#keys = keys
  }
}

/** Undefined when there is no such file. */
function readKeys(place: KeyPlace): MasterKey[] | undefined {
  let descriptor: number
  try {
    descriptor = openSync(place.path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw unreadable(place, messageOf(cause), cause)
  }
  try {
    refuseExposed(place, descriptor)
    return parseMasterKeys(readFileSync(descriptor, 'utf8'))
  } finally {
    closeSync(descriptor)
  }
}

/**
 * systemd lets the service's user in by an access list, whose mask shows in the group's bits: of a credential only the bits of
 * everybody else count.
 */
function refuseExposed(place: KeyPlace, descriptor: number): void {
  const stat = fstatSync(descriptor)
  if (!stat.isFile()) throw unreadable(place, 'no regular file')
  const mode = stat.mode & 0o777
  const uid = process.getuid?.()
  if ((mode & (place.kind === 'file' ? 0o077 : 0o007)) !== 0) {
    throw exposed(place, `mode 0${mode.toString(8)}`, 'mode 0600: nobody else may read it')
  }
  if (uid !== undefined && stat.uid !== uid && stat.uid !== 0) {
    throw exposed(place, `user ${stat.uid} as its owner`, `user ${uid}, or root`)
  }
}

function refuseInside(place: KeyPlace, dataDir: string): void {
  const path = relative(real(dataDir), join(real(dirname(place.path)), 'key'))
  if (!path.startsWith('..'))
    throw exposed(place, 'it in the data folder', 'another folder: who copies one must not have the other')
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function isThere(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
    return true
  } catch (error) {
    // one that is there and refuses us is told by whoever reads it
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

function exposed({ path }: KeyPlace, found: string, expected: string): LanistaError {
  return new LanistaError('MASTER_KEY_EXPOSED', `guard the master key ${path}: found ${found}, expected ${expected}`, {
    data: { path },
  })
}

function unreadable({ path }: KeyPlace, found: string, cause?: unknown): LanistaError {
  return new LanistaError('MASTER_KEY_UNREADABLE', `make the master key ${path} readable: found ${found}`, {
    cause,
    data: { path },
  })
}

function failWrite({ path }: KeyPlace, cause: unknown): never {
  throw new LanistaError(
    'MASTER_KEY_UNWRITABLE',
    `name a file for the master key that can be written: found ${messageOf(cause)}, expected to write ${path}`,
    { cause, data: { path } },
  )
}
