/**
 * What a zip archive says that it holds: its central directory (PKWARE's APPNOTE, 4.3.12 and 4.3.16). Pure. Archives of one disk, without
 * encryption and without Zip64's sizes: code is smaller.
 */

import type { TarMember } from '#protocol/archive/tar-format.ts'
import { LanistaError } from '#protocol/errors.ts'

/** Bytes at an archive's end that hold its last record: 22, and a comment. */
export const endBytesMax: number = 22 + 65_535
/** Bytes of the record before a member's content, its name and extra field not counted. */
export const localHeaderBytes = 30

export interface ZipEnd {
  readonly members: number
  readonly directoryAt: number
  readonly directoryBytes: number
}

export interface ZipMember extends Omit<TarMember, 'target'> {
  readonly isDeflated: boolean
  readonly packedBytes: number
  readonly crc32: number
  /** Where its local header begins. */
  readonly at: number
}

/** Finds the last record in an archive's last bytes. Throws CODE_REFUSED. */
export function parseZipEnd(tail: Buffer): ZipEnd {
  const at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (at < 0 || at + 22 > tail.length) throw refusedZip('an archive that ends in the middle')
  const members = tail.readUInt16LE(at + 10)
  const [directoryBytes, directoryAt] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)]
  if (members === 0xffff || directoryAt === 0xffff_ffff) throw refusedZip('more than a zip archive of 4 GiB may hold')
  return { members, directoryAt, directoryBytes }
}

/** The members in the directory's order. Throws CODE_REFUSED, naming the one that cannot be had. */
export function* parseZipDirectory(directory: Buffer, count: number): Generator<ZipMember> {
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x0201_4b50) {
      throw refusedZip('a directory that ends in the middle')
    }
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28)
    const path = directory.toString('utf8', at + 46, nameEnd)
    yield memberAt(directory, at, path)
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
}

function memberAt(directory: Buffer, at: number, path: string): ZipMember {
  const [flags, method] = [directory.readUInt16LE(at + 8), directory.readUInt16LE(at + 10)]
  if (flags & 1) throw refusedZip(`${path}, which is encrypted`)
  if (method !== 0 && method !== 8) throw refusedZip(`${path}, packed by the method ${method}`)
  const [packedBytes, bytes] = [directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 24)]
  const headerAt = directory.readUInt32LE(at + 42)
  if ([packedBytes, bytes, headerAt].includes(0xffff_ffff)) throw refusedZip(`${path}, of 4 GiB or more`)
  const isUnix = directory[at + 5] === 3
  const rights = isUnix ? directory.readUInt16LE(at + 40) : 0
  return {
    path,
    kind: kindOf(path, rights),
    mode: rights & 0o777 || 0o644,
    bytes,
    isDeflated: method === 8,
    packedBytes,
    crc32: directory.readUInt32LE(at + 16),
    at: headerAt,
  }
}

/** By the type in its rights, where there is one. */
function kindOf(path: string, rights: number): TarMember['kind'] {
  const type = rights & 0o170_000
  if (type === 0o120_000) return 'symlink'
  if (type === 0o040_000 || path.endsWith('/')) return 'folder'
  if (type === 0 || type === 0o100_000) return 'file'
  throw refusedZip(`${path}, which is no file, folder or link`)
}

/** A zip archive that cannot be taken. */
export function refusedZip(found: string): LanistaError {
  return new LanistaError(
    'CODE_REFUSED',
    `upload the code again: found ${found}, expected a zip archive of plain files`,
  )
}
