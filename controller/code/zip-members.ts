/** Reads a zip archive member by member, as what a tar would hold; holds its directory and one chunk, never the archive. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32, createInflateRaw } from 'node:zlib'
import type { TarEntry } from '#protocol/archive/tar-reader.ts'
import { messageOf } from '#protocol/errors.ts'
import {
  endBytesMax,
  localHeaderBytes,
  parseZipDirectory,
  parseZipEnd,
  refusedZip,
  type ZipMember,
} from './zip-directory.ts'

/** Bytes of a directory: 100,000 members with paths of 600 bytes. */
const directoryBytesMax: number = 64 * 2 ** 20
/** Bytes of where a link points. */
const targetBytesMax = 4096

/** Throws CODE_REFUSED, also while the content of a member is read. */
export async function* zipMembers(archive: string, signal: AbortSignal): AsyncGenerator<TarEntry> {
  const file = await open(archive)
  try {
    const { size } = await file.stat()
    const tailAt = Math.max(0, size - endBytesMax)
    const end = parseZipEnd(await readAt(file, tailAt, size - tailAt))
    if (end.directoryBytes > directoryBytesMax || end.directoryAt + end.directoryBytes > size) {
      throw refusedZip('a directory that does not lie in the archive')
    }
    const directory = await readAt(file, end.directoryAt, end.directoryBytes)
    for (const member of parseZipDirectory(directory, end.members)) {
      signal.throwIfAborted()
      yield await entryOf(archive, file, member, signal)
    }
  } finally {
    await file.close()
  }
}

async function entryOf(archive: string, file: FileHandle, member: ZipMember, signal: AbortSignal): Promise<TarEntry> {
  const { path, kind, mode, bytes } = member
  const from = (await contentAt(file, member)) ?? 0
  if (kind === 'folder') return { path, kind, mode: 0o755, bytes: 0, target: '', content: nothing() }
  const content = contentOf(archive, from, member, signal)
  if (kind !== 'symlink') return { path, kind, mode, bytes, target: '', content }
  if (bytes > targetBytesMax) throw refusedZip(`${path}, a link to ${bytes} bytes`)
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(part)
  return { path, kind, mode, bytes: 0, target: Buffer.concat(parts).toString('utf8'), content: nothing() }
}

/** The name and the extra field before it may be others than in the directory. */
async function contentAt(file: FileHandle, { at, path }: ZipMember): Promise<number> {
  const header = await readAt(file, at, localHeaderBytes)
  if (header.readUInt32LE(0) !== 0x0403_4b50) throw refusedZip(`${path} in another place than the directory says`)
  return at + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
}

/** As many bytes as the directory says, or an error: a small archive must not unpack to more than was looked at. */
async function* contentOf(
  archive: string,
  from: number,
  { path, bytes, packedBytes, isDeflated, crc32: expected }: ZipMember,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let [left, sum] = [bytes, 0]
  try {
    if (packedBytes > 0) {
      for await (const chunk of unpacked(archive, from, packedBytes, isDeflated, signal)) {
        left -= chunk.length
        if (left < 0) break
        sum = crc32(chunk, sum)
        yield chunk
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw refusedZip(`${path}, which cannot be unpacked: ${messageOf(error)}`)
  }
  if (left !== 0 || sum !== expected) throw refusedZip(`${path} with other bytes than the directory says`)
}

function unpacked(
  archive: string,
  start: number,
  bytes: number,
  isDeflated: boolean,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const packed = createReadStream(archive, { start, end: start + bytes - 1, signal })
  if (!isDeflated) return packed
  const plain = createInflateRaw()
  packed.once('error', (error) => plain.destroy(error))
  return packed.pipe(plain)
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
  if (bytesRead !== bytes) throw refusedZip('an archive that ends in the middle')
  return buffer
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
