/** Paths that stay inside a folder, whatever they say and whatever links lie on the way. */
import { constants } from 'node:fs'
import { lstat, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { partsInside, refused } from '#protocol/archive/member-path.ts'

/** Makes the folders above `parts` below `root`, and returns the path of the last part. Throws PATH_REFUSED when one of them is a link. */
export async function makeFoldersAbove(root: string, parts: readonly string[]): Promise<string> {
  let folder = root
  for (const part of parts.slice(0, -1)) {
    folder = join(folder, part)
    await makePlainFolder(folder)
  }
  return join(folder, parts.at(-1) ?? '')
}

/** Makes a folder where there is none. Throws PATH_REFUSED when something else, a link too, is there. */
export async function makePlainFolder(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined)
  if (found?.isDirectory()) return
  if (found) throw refused(folder, 'a folder, no link and no file')
  await mkdir(folder, { mode: 0o755 })
}

/** Writes a new file or replaces a plain one; never through a link. Throws PATH_REFUSED, or what the file system throws. */
export async function writeInside(
  root: string,
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  mode: number,
): Promise<void> {
  const target = await makeFoldersAbove(root, partsInside(path))
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
  const file = await open(target, flags, mode).catch((error: unknown) => {
    if (codeOf(error) === 'ELOOP') throw refused(path, 'a file, no link')
    if (codeOf(error) === 'EISDIR') throw refused(path, 'a file, no folder')
    throw error
  })
  try {
    if (content instanceof Uint8Array) await file.writeFile(content)
    else for await (const chunk of content) await file.writeFile(chunk)
    await file.chmod(mode)
  } finally {
    await file.close()
  }
}

/** Removes a file, or a link itself; never one behind a link on the way. A folder there is left, and nothing is no error. */
export async function removeInside(root: string, path: string): Promise<void> {
  const parts = partsInside(path)
  let folder = root
  for (const part of parts.slice(0, -1)) {
    folder = join(folder, part)
    if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) return
  }
  const target = join(folder, parts.at(-1) ?? '')
  const found = await lstat(target).catch(() => undefined)
  if (found && !found.isDirectory()) await rm(target, { force: true })
}

/** The system's own code of an error, `ENOSPC` or so. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
