import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { LanistaError } from '#protocol/errors.ts'

/**
 * Replaces a small file that its owner alone may read (mode 0600): the text is written beside it, onto the disk, and renamed, so
 * that a crash leaves the old file or the new one, never half. Throws what the file system throws.
 * @param beside where it is written first; where several processes may write at once, each needs a name of its own
 */
export function writeSecretFile(path: string, text: string, beside: string = `${path}.new`): void {
  try {
    rmSync(beside, { force: true }) // one that a crash left would keep its own mode
    writeFileSync(beside, text, { mode: 0o600, flush: true })
    renameSync(beside, path)
  } catch (error) {
    removeQuietly(beside)
    throw error
  }
}

/**
 * The text of such a file; undefined when there is none. A device, a pipe or a folder is not read: some never end. Throws NOT_A_FILE, and
 * what the file system throws.
 */
export function readSecretFile(path: string): string | undefined {
  const descriptor = openIfThere(path)
  if (descriptor === undefined) return undefined
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new LanistaError('NOT_A_FILE', `put a regular file in the place of ${path}: found none, expected text`)
    }
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) // a pipe has no writer to wait for
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** What could not be written is told by the first error. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // the folder itself is out of reach
  }
}
