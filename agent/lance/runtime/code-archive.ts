/** Unpacks the code of a component, as tar or tar.gz, so that nothing of it lands, points or is written outside its folder. */
import { link, lstat, mkdir, rm, symlink } from 'node:fs/promises'
import { partsInside, refused } from '#protocol/archive/member-path.ts'
import { asCodeRefused, safeMembers } from '#protocol/archive/safe-members.ts'
import type { TarEntry } from '#protocol/archive/tar-reader.ts'
import { makeFoldersAbove, makePlainFolder, writeInside } from './inside.ts'

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
