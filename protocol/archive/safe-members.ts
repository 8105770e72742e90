/** What an archive of code may hold: looked at by the controller when it is uploaded, and by the agent when it is unpacked, alike. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { linkStaysInside, partsInside, refused } from './member-path.ts'
import { damaged, type TarMember } from './tar-format.ts'
import { readTar, type TarEntry } from './tar-reader.ts'

/** Members of one archive. */
export const membersMax = 100_000
/** Bytes of one archive, unpacked: an archive of zeros packs a thousand to one. */
export const unpackedBytesMax: number = 4 * 1024 ** 3
/** Bytes of one member's path. */
const pathBytesMax = 4096

/**
 * The members of a tar or tar.gz, told by its first bytes, that stay inside the folder they are unpacked in, one after the other; the folder's own
 * entry (`./`) is left out.
 * @throws LanistaError CODE_REFUSED at the first that does not, naming it, and when it is no archive; what the file system throws
 */
export async function* safeMembers(archive: string, signal: AbortSignal): AsyncGenerator<TarEntry> {
  const check = new MemberCheck()
  try {
    for await (const member of readTar(await openArchive(archive, signal))) {
      if (/^\.?\/*$/.test(member.path)) continue
      check.expectSafe(member)
      yield member
    }
  } catch (error) {
    signal.throwIfAborted()
    throw asCodeRefused(error)
  }
}

/** Members as they come; each is judged by itself and by those before it. */
export class MemberCheck {
  readonly #kinds = new Map<string, TarMember['kind']>()
  #members = 0
  #bytes = 0

  /** Throws PATH_REFUSED or CODE_REFUSED for a member that would lie, point or be written outside, and for the one too many. */
  expectSafe(member: TarMember): void {
    const { path, kind, bytes } = member
    this.#members++
    this.#bytes += bytes
    if (this.#members > membersMax) throw damaged(`more than ${membersMax} members (${path})`)
    if (this.#bytes > unpackedBytesMax) throw damaged(`more than ${unpackedBytesMax} bytes (${path})`)
    if (Buffer.byteLength(path) > pathBytesMax)
      throw damaged(`a path of over ${pathBytesMax} bytes (${path.slice(0, 80)}…)`)
    const parts = partsInside(path)
    this.#expectNoLinkAbove(parts, path)
    this.#expectLinkInside(member)
    const name = parts.join('/')
    const before = this.#kinds.get(name)
    if (before !== undefined && (before === 'folder') !== (kind === 'folder')) {
      throw refused(path, 'one member of that name, a folder or none')
    }
    this.#kinds.set(name, kind)
  }

  #expectNoLinkAbove(parts: readonly string[], path: string): void {
    for (let count = 1; count < parts.length; count++) {
      const kind = this.#kinds.get(parts.slice(0, count).join('/'))
      if (kind !== undefined && kind !== 'folder') throw refused(path, 'nothing behind a link or a file')
    }
  }

  #expectLinkInside({ path, kind, target }: TarMember): void {
    if (kind === 'symlink' && !linkStaysInside(path, target)) throw refused(target, `a link inside the code (${path})`)
    if (kind !== 'hardlink') return
    const found = this.#kinds.get(partsInside(target).join('/'))
    if (found !== 'file' && found !== 'hardlink') throw refused(target, `a hard link to a file before it (${path})`)
  }
}

async function openArchive(archive: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const kind = await kindOfArchive(archive)
  if (kind === 'zip') throw new Error('a zip archive')
  const bytes = createReadStream(archive, { signal })
  if (kind === 'tar') return bytes
  const plain = createGunzip()
  bytes.once('error', (error) => plain.destroy(error))
  return bytes.pipe(plain)
}

/** Told by its first bytes, not by its name; what is neither is taken for a tar. */
export async function kindOfArchive(archive: string): Promise<'tar' | 'tar.gz' | 'zip'> {
  const file = await open(archive)
  const head = Buffer.alloc(4)
  try {
    await file.read(head, 0, 4, 0)
  } finally {
    await file.close()
  }
  if (head.toString('latin1') === 'PK\x03\x04' || head.toString('latin1') === 'PK\x05\x06') return 'zip'
  return head[0] === 0x1f && head[1] === 0x8b ? 'tar.gz' : 'tar'
}

/** The system's own errors (a full disk) stay what they are. */
export function asCodeRefused(error: unknown): unknown {
  const isSystems = error instanceof Error && 'syscall' in error
  if (isSystems || (error instanceof LanistaError && error.code === 'CODE_REFUSED')) return error
  if (error instanceof LanistaError)
    return new LanistaError('CODE_REFUSED', `upload the code again: ${error.message}`, { cause: error })
  return new LanistaError(
    'CODE_REFUSED',
    `upload the code again: found ${messageOf(error)}, expected a tar or tar.gz archive`,
    {
      cause: error,
    },
  )
}
