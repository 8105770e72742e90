import { open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes of all files below a folder; what vanishes while counting counts nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  let bytes = 0
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += await folderBytes(path)
    else bytes += (await stat(path).catch(() => undefined))?.size ?? 0
  }
  return bytes
}

/** Size of the disk a folder is on, and what of it this process may still use, bytes. */
export async function diskSpace(folder: string): Promise<{ readonly totalBytes: number; readonly freeBytes: number }> {
  const facts = await statfs(folder)
  return { totalBytes: facts.blocks * facts.bsize, freeBytes: facts.bavail * facts.bsize }
}

/**
 * Tells a file from any other that may come to stand at its path; undefined when there is none. By number and birth, not by device: a
 * disk that is mounted again may have another device number and is the same disk.
 */
export async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { ino, birthtimeNs } = await stat(path, { bigint: true })
    return `${ino}:${birthtimeNs}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** True when a file can be written, synced and removed in this folder now. */
export async function canWrite(folder: string): Promise<boolean> {
  const path = join(folder, 'probe')
  try {
    const file = await open(path, 'w', 0o600)
    try {
      await file.write(new Uint8Array(4096))
      await file.sync()
    } finally {
      await file.close()
    }
    await rm(path)
    return true
  } catch {
    return false
  }
}
