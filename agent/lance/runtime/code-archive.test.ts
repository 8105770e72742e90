import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeTarHeader, paddingOf, type TarHeader } from '#protocol/archive/tar-format.ts'
import { unpackCode } from './code-archive.ts'

const soon = (): AbortSignal => AbortSignal.timeout(10_000)

interface Written extends Partial<TarHeader> {
  readonly path: string
  readonly text?: string
}

/** An archive as nobody's tar would write it. */
function archiveOf(...members: readonly Written[]): Buffer {
  const blocks = members.flatMap(({ text = '', ...header }) => [
    encodeTarHeader({ type: '0', mode: 0o644, bytes: text.length, target: '', ...header }),
    Buffer.from(text),
    Buffer.alloc(paddingOf(text.length)),
  ])
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

describe('code', () => {
  let root = ''
  const archive = (): string => join(root, 'archive')
  const folder = (): string => join(root, 'code')
  const unpack = async (bytes: Uint8Array): Promise<void> => {
    await writeFile(archive(), bytes)
    await unpackCode(archive(), folder(), soon())
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'code-'))
  })
  afterEach(() => rm(root, { recursive: true }))

  it.each([[[]], [['--format=pax']], [['--format=gnu', '-z']], [['-z', '--format=ustar']]])(
    'packed by tar %j is unpacked as it was',
    async (options) => {
      const long = `${'deep/'.repeat(options.join().includes('ustar') ? 20 : 30)}file`
      await mkdir(join(root, 'from', long, '..'), { recursive: true })
      await writeFile(join(root, 'from', long), 'x'.repeat(70_000))
      await writeFile(join(root, 'from', 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
      execFileSync('ln', ['-s', 'run.sh', join(root, 'from', 'link')])
      execFileSync('ln', [join(root, 'from', 'run.sh'), join(root, 'from', 'same')])
      execFileSync('tar', [...options, '-cf', archive(), '-C', join(root, 'from'), '.'])
      await unpackCode(archive(), folder(), soon())
      expect((await readFile(join(folder(), long))).length).toBe(70_000)
      expect(await readFile(join(folder(), 'link'), 'utf8')).toBe('#!/bin/sh\n')
      expect((await stat(join(folder(), 'run.sh'))).mode & 0o777).toBe(0o755)
      expect((await stat(join(folder(), 'same'))).ino).toBe((await stat(join(folder(), 'run.sh'))).ino)
    },
  )

  it.each<[string, readonly Written[]]>([
    ['a member above', [{ path: '../x' }]],
    ['a member in the middle above', [{ path: 'a/../../x' }]],
    ['an absolute member', [{ path: '/tmp/x' }]],
    ['a link out', [{ path: 'l', type: '2', target: '../..' }]],
    ['an absolute link', [{ path: 'l', type: '2', target: '/etc' }]],
    [
      'a link out through another',
      [
        { path: 'l', type: '2', target: '.' },
        { path: 'm', type: '2', target: 'l/..' },
      ],
    ],
    ['a file through a link', [{ path: 'l', type: '2', target: 'd' }, { path: 'd', type: '5' }, { path: 'l/x' }]],
    ['a hard link out', [{ path: 'l', type: '1', target: '../archive' }]],
    [
      'a hard link to a link',
      [
        { path: 'd/l', type: '2', target: '..' },
        { path: 'm', type: '1', target: 'd/l' },
      ],
    ],
    ['a device', [{ path: 'null', type: '3' }]],
  ])('with %s is refused, and nothing is written outside', async (_, members) => {
    await expect(unpack(archiveOf({ path: 'd', type: '5' }, ...members))).rejects.toMatchObject({
      code: 'CODE_REFUSED',
    })
    expect((await readdir(root)).sort()).toEqual(['archive', 'code'])
  })

  it.each<[string, Uint8Array]>([
    ['a zip', Buffer.from('PK\x03\x04 and so on')],
    ['text', Buffer.from('x'.repeat(2000))],
    ['half an archive', archiveOf({ path: 'x', text: 'y'.repeat(600) }).subarray(0, 700)],
    ['half a gzip', gzipSync(archiveOf({ path: 'x', text: 'y'.repeat(600) })).subarray(0, 50)],
    ['nothing', Buffer.alloc(0)],
  ])('that is %s is refused', async (_, bytes) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'CODE_REFUSED' })
  })
})
