import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { type WrittenMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { usageError } from './exit-code.ts'

/** What no version of code needs. */
const leftOut: ReadonlySet<string> = new Set(['.git'])

/**
 * A folder as tar.gz: the same files, wherever they lie and whenever they were written, are the same bytes. Members in order of their names;
 * of their rights whether they may be run; `.git` is left out.
 * @throws LanistaError USAGE naming what is no file, folder or link
 */
export function packFolder(folder: string): AsyncIterable<Uint8Array> {
  const plain = Readable.from(writeTar(membersOf(folder, '')), { objectMode: false })
  const packed = createGzip()
  plain.once('error', (error) => packed.destroy(error))
  return plain.pipe(packed)
}

async function* membersOf(root: string, below: string): AsyncGenerator<WrittenMember> {
  const names = await readdir(join(root, below))
  for (const name of names.toSorted()) {
    if (leftOut.has(name)) continue
    const path = below === '' ? name : `${below}/${name}`
    const member = await memberAt(root, path)
    yield member
    if (member.kind === 'folder') yield* membersOf(root, path)
  }
}

async function memberAt(root: string, path: string): Promise<WrittenMember> {
  const place = join(root, path)
  const found = await lstat(place)
  const plain = { path, bytes: 0, target: '', content: [] }
  if (found.isDirectory()) return { ...plain, kind: 'folder', mode: 0o755 }
  if (found.isSymbolicLink()) return { ...plain, kind: 'symlink', mode: 0o777, target: await readlink(place) }
  if (!found.isFile()) throw usageError(`take ${place} away: found neither a file, a folder nor a link`)
  const mode = found.mode & 0o111 ? 0o755 : 0o644
  return { ...plain, kind: 'file', mode, bytes: found.size, content: contentOf(place) }
}

/** Opened when it is its turn. */
async function* contentOf(place: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(place)) yield chunk as Uint8Array
}
