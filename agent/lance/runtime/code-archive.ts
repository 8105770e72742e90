/** Unpacks the code of a component, as tar or tar.gz, so that nothing of it lands, points or is written outside its folder. */
import { createReadStream } from 'node:fs'
import { link, lstat, mkdir, open, rm, symlink } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { linkStaysInside, makeFoldersAbove, makePlainFolder, partsInside, refused, writeInside } from './inside.ts'
import { readTar, type TarEntry } from './tar-reader.ts'

/** Members of one archive. */
const membersMax = 100_000
/** Bytes of one archive, unpacked: an archive of zeros packs a thousand to one. */
const bytesMax = 4 * 1024 ** 3

/**
 * Unpacks into a new folder; owners are not kept, rights are (without set-uid). A folder that stands there already is replaced.
 * @throws LanistaError CODE_REFUSED when it is no archive or a member leaves the folder; what the file system throws
 */
export async function unpackCode(archive: string, folder: string, signal: AbortSignal): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  try {
    for await (const member of safeMembers(archive, signal)) await unpackMember(folder, member)
  } catch (error) {
    signal.throwIfAborted()
    throw asCodeRefused(error)
  }
}

/**
 * The members of an archive that stay inside; the folder's own entry (`./`) is left out.
 * @throws LanistaError CODE_REFUSED at the first that does not
 */
export async function* safeMembers(archive: string, signal: AbortSignal): AsyncGenerator<TarEntry> {
  let [members, bytes] = [0, 0]
  try {
    for await (const member of readTar(await openArchive(archive, signal))) {
      if (/^\.?\/*$/.test(member.path)) continue
      members++
      bytes += member.bytes
      if (members > membersMax) throw new Error(`more than ${membersMax} members`)
      if (bytes > bytesMax) throw new Error(`more than ${bytesMax} bytes`)
      expectInside(member)
      yield member
    }
  } catch (error) {
    signal.throwIfAborted()
    throw asCodeRefused(error)
  }
}

/** Throws PATH_REFUSED for a member that would lie, or point, outside. */
function expectInside({ path, kind, target }: TarEntry): void {
  partsInside(path)
  if (kind === 'symlink' && !linkStaysInside(path, target)) throw refused(target, `a link inside the code (${path})`)
  if (kind === 'hardlink') partsInside(target)
}

async function unpackMember(folder: string, member: TarEntry): Promise<void> {
  const path = await makeFoldersAbove(folder, partsInside(member.path))
  switch (member.kind) {
    case 'file':
      return writeInside(folder, member.path, member.content, member.mode)
    case 'folder':
      return makePlainFolder(path)
    case 'symlink':
      await rm(path, { force: true })
      return symlink(member.target, path)
    case 'hardlink':
      return linkHard(await makeFoldersAbove(folder, partsInside(member.target)), path)
  }
}

/** Of a plain file alone: a symbolic link that is linked from another folder would point elsewhere. */
async function linkHard(target: string, path: string): Promise<void> {
  if (!(await lstat(target)).isFile()) throw refused(target, 'a hard link to a file')
  await rm(path, { force: true })
  await link(target, path)
}

/** Told by its first bytes, not by its name. */
async function openArchive(archive: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const file = await open(archive)
  const head = Buffer.alloc(4)
  try {
    await file.read(head, 0, 4, 0)
  } finally {
    await file.close()
  }
  if (head.toString('latin1') === 'PK\x03\x04') throw new Error('a zip archive')
  const bytes = createReadStream(archive, { signal })
  if (head[0] !== 0x1f || head[1] !== 0x8b) return bytes
  const plain = createGunzip()
  bytes.once('error', (error) => plain.destroy(error))
  return bytes.pipe(plain)
}

/** The system's own errors (a full disk) stay what they are. */
function asCodeRefused(error: unknown): unknown {
  const isSystems = error instanceof Error && 'syscall' in error
  if (isSystems || (error instanceof LanistaError && error.code === 'CODE_REFUSED')) return error
  const found = error instanceof LanistaError ? error.message : messageOf(error)
  return new LanistaError('CODE_REFUSED', `upload the code again: found ${found}, expected a tar or tar.gz archive`, {
    cause: error,
  })
}
