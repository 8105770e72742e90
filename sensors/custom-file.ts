/** Whether a file may be loaded as a sensor: it runs with all the agent's rights, so only its owner's word counts. */
import { realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { LanistaError } from '#protocol/errors.ts'

/** A file that may be loaded. */
export interface CustomFile {
  /** With symbolic links resolved. */
  readonly path: string
  /** Changes whenever the file does. */
  readonly version: string
}

/**
 * Checks one file: below an allowed folder (links resolved), and, like the folder it is in, owned by root or by the agent's
 * user and writable by nobody else.
 * @throws LanistaError SENSOR_NOT_ALLOWED
 */
export function checkCustomFile(file: string, folders: readonly string[]): CustomFile {
  const path = resolved(file)
  const isInside = folders.some((folder) => path?.startsWith(resolved(folder) + sep))
  if (path === undefined || !isInside) throw refused(file, 'a place outside the folders of allow.sensorFolders')
  const stats = statSync(path)
  if (!stats.isFile()) throw refused(path, 'no plain file')
  checkOwner(path, stats)
  checkOwner(dirname(path), statSync(dirname(path)))
  return { path, version: `${stats.mtimeMs} ${stats.size} ${stats.ino}` }
}

function checkOwner(path: string, stats: Pick<Stats, 'uid' | 'mode'>): void {
  const isOurs = stats.uid === 0 || stats.uid === process.geteuid?.()
  if (!isOurs) throw refused(path, `owner ${stats.uid}, expected root or the agent's user`)
  if ((stats.mode & 0o022) !== 0)
    throw refused(path, `mode ${(stats.mode & 0o777).toString(8)}, expected no write to others`)
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function refused(path: string, found: string): LanistaError {
  return new LanistaError('SENSOR_NOT_ALLOWED', `make ${path} fit to be loaded: found ${found}`, { data: { path } })
}
