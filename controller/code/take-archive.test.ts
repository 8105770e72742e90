import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BlobStore } from '#controller/blobs/blob-store.ts'
import { packFolder } from '#controller/cli/pack-folder.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { takeArchive } from './take-archive.ts'

const signal = new AbortController().signal

interface Zipped {
  readonly path: string
  readonly text?: string
  /** As unix writes them. */
  readonly rights?: number
  readonly flags?: number
  readonly isStored?: boolean
  /** Bytes that the directory says there are. */
  readonly says?: number
}

/** A zip archive as PKWARE's APPNOTE says. */
function zipOf(...members: readonly Zipped[]): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { path, text = '', rights = 0o100_644, flags = 0, isStored = false, says } of members) {
    const [name, plain] = [Buffer.from(path), Buffer.from(text)]
    const packed = isStored ? plain : deflateRawSync(plain)
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt16LE(flags, 2)
    facts.writeUInt16LE(isStored ? 0 : 8, 4)
    facts.writeUInt32LE(crc32(plain), 10)
    facts.writeUInt32LE(packed.length, 14)
    facts.writeUInt32LE(says ?? plain.length, 18)
    facts.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), facts, name, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(rights * 65_536, 6)
    rest.writeUInt32LE(at, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), Buffer.of(20, 3), facts, rest, name]))
    locals.push(local)
    at += local.length
  }
  const all = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(all.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, all, end])
}

describe('an upload', () => {
  let root: string
  let blobs: BlobStore

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lanista-upload-'))
    const deps = { registry: new MemoryRegistryStore(), logger: silentLogger }
    blobs = await BlobStore.open({ folder: join(root, 'blobs') }, deps)
  })
  afterEach(() => rm(root, { recursive: true }))

  async function* of(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes
  }

  /** What tar finds in what was taken, with rights. */
  async function listed(source: AsyncIterable<Uint8Array>): Promise<string[]> {
    await using staged = (await takeArchive(blobs, source, signal)).staged
    const text = execFileSync('tar', ['-tvf', staged.path, '--numeric-owner'], { encoding: 'utf8' })
    return text
      .trim()
      .split('\n')
      .map((line) => line.replace(/^(\S+)\s.*\d\d:\d\d /, '$1 '))
  }

  it('of a folder is the same bytes wherever and whenever it was written', async () => {
    const digests = new Set<string>()
    for (const name of ['one', 'two']) {
      const folder = join(root, name)
      for (const below of ['b/c', 'empty', '.git']) await mkdir(join(folder, below), { recursive: true })
      await writeFile(join(folder, 'run.sh'), '#!/bin/sh\n')
      await chmod(join(folder, 'run.sh'), name === 'one' ? 0o755 : 0o700)
      await writeFile(join(folder, 'b/c/x'), 'x'.repeat(100_000))
      await writeFile(join(folder, '.git/head'), name)
      await symlink('../run.sh', join(folder, 'b/link'))
      await using staged = (await takeArchive(blobs, packFolder(folder), signal)).staged
      digests.add(staged.sha256)
    }
    expect(digests.size).toBe(1)
    expect(await listed(packFolder(join(root, 'two')))).toEqual([
      'drwxr-xr-x b',
      'drwxr-xr-x b/c',
      '-rw-r--r-- b/c/x',
      'lrwxrwxrwx b/link -> ../run.sh',
      'drwxr-xr-x empty',
      '-rwxr-xr-x run.sh',
    ])
  })

  it('of a zip is kept as what agents unpack', async () => {
    const zip = zipOf(
      { path: 'bin/', rights: 0o040_755 },
      { path: 'bin/run.sh', text: '#!/bin/sh\n', rights: 0o100_755 },
      { path: 'plain', text: 'y'.repeat(5000), isStored: true },
      { path: 'link', text: 'bin/run.sh', rights: 0o120_777 },
      { path: 'none' },
    )
    expect(await listed(of(zip))).toEqual([
      'drwxr-xr-x bin/',
      '-rwxr-xr-x bin/run.sh',
      '-rw-r--r-- plain',
      'lrwxrwxrwx link -> bin/run.sh',
      '-rw-r--r-- none',
    ])
    await using staged = (await takeArchive(blobs, of(zip), signal)).staged
    expect(execFileSync('tar', ['-xOf', staged.path, 'plain'], { encoding: 'utf8' })).toBe('y'.repeat(5000))
    expect((await readFile(staged.path))[0]).toBe(0x1f)
  })

  it.each<[string, readonly Zipped[]]>([
    ['a member above', [{ path: '../x' }]],
    ['an absolute member', [{ path: '/tmp/x' }]],
    ['a link out', [{ path: 'l', text: '../..', rights: 0o120_777 }]],
    ['a member behind a link', [{ path: 'l', text: '.', rights: 0o120_777 }, { path: 'l/x' }]],
    ['a device', [{ path: 'null', rights: 0o020_644 }]],
    ['an encrypted member', [{ path: 'secret', flags: 1 }]],
    ['more than it says', [{ path: 'bomb', text: 'x'.repeat(1000), says: 10 }]],
    ['less than it says', [{ path: 'short', text: 'x', says: 10 }]],
  ])('of a zip with %s is refused, naming it, and leaves nothing', async (_, members) => {
    const name = members.at(-1)?.path ?? ''
    const source = of(zipOf({ path: 'good', text: 'x' }, ...members))
    await expect(takeArchive(blobs, source, signal)).rejects.toMatchObject({
      code: 'CODE_REFUSED',
      message: expect.stringContaining(name) as string,
    })
    expect(await readdir(join(root, 'blobs'))).toEqual([])
  })

  it.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello '.repeat(200))],
    ['half a zip', zipOf({ path: 'x', text: 'y'.repeat(500) }).subarray(0, 60)],
  ])('of %s is refused, and leaves nothing', async (_, bytes) => {
    await expect(takeArchive(blobs, of(bytes), signal)).rejects.toMatchObject({ code: 'CODE_REFUSED' })
    expect(await readdir(join(root, 'blobs'))).toEqual([])
  })

  it('of a tar with a member that leaves is refused, naming it', async () => {
    await writeFile(join(root, 'x'), 'x')
    const tar = execFileSync('tar', ['-cPf', '-', '-C', root, '--transform=s,^x,a/../../x,', 'x'])
    await expect(takeArchive(blobs, of(tar), signal)).rejects.toMatchObject({
      code: 'CODE_REFUSED',
      message: 'upload the code again: change the path: found "a/../../x", expected a relative path without ..',
    })
  })
})
