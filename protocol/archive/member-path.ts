/** Paths in an archive, or of an instance's files: judged by their words alone, whatever the disk has. */
import { LanistaError } from '#protocol/errors.ts'

/**
 * The parts of a relative path: `./a//b` is `['a', 'b']`.
 * @throws LanistaError PATH_REFUSED for an absolute path, one with `..` or NUL, or an empty one
 */
export function partsInside(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (path.startsWith('/') || path.includes('\0') || parts.includes('..') || parts.length === 0) {
    throw refused(path, 'a relative path without ..')
  }
  return parts
}

/**
 * True when a link at `path` (relative to the folder) that points to `target` stays in the folder; judged by the words alone, so
 * that a target that does not exist yet is judged too. `..` counts at the target's start only: after a name it would lead out of
 * wherever that name, a link perhaps, points.
 */
export function linkStaysInside(path: string, target: string): boolean {
  if (target.startsWith('/') || target.includes('\0')) return false
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const down = parts.findIndex((part) => part !== '..')
  const up = down < 0 ? parts.length : down
  return up <= partsInside(path).length - 1 && !parts.slice(up).includes('..')
}

/** A path that leaves its folder. */
export function refused(path: string, expected: string): LanistaError {
  return new LanistaError('PATH_REFUSED', `change the path: found ${JSON.stringify(path)}, expected ${expected}`, {
    data: { path },
  })
}
