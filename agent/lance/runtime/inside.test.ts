import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linkStaysInside, partsInside } from '#protocol/archive/member-path.ts'
import { removeInside, writeInside } from './inside.ts'

describe('a path inside', () => {
  it.each([
    ['a/b', ['a', 'b']],
    ['./a//b/', ['a', 'b']],
    ['a..b', ['a..b']],
  ])('%s is taken', (path, parts) => expect(partsInside(path)).toEqual(parts))

  it.each(['', '.', '/etc/passwd', '../x', 'a/../../x', 'a/..', 'a\0b'])('%j is refused', (path) => {
    expect(() => partsInside(path)).toThrow(expect.objectContaining({ code: 'PATH_REFUSED' }))
  })

  it.each([
    ['a/link', '../b', true],
    ['a/link', '.././b/c', true],
    ['a/link', 'b/../c', false],
    ['a/link', '../../b', false],
    ['link', '..', false],
    ['link', 'a/../../b', false],
    ['link', '/etc', false],
  ])('a link %s to %s stays inside: %s', (path, target, stays) => expect(linkStaysInside(path, target)).toBe(stays))
})

describe('a file inside', () => {
  let root = ''
  let outside = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'inside-'))
    outside = await mkdtemp(join(tmpdir(), 'outside-'))
  })
  afterEach(async () => {
    for (const folder of [root, outside]) await rm(folder, { recursive: true })
  })

  it('is written with the folders above it', async () => {
    await writeInside(root, 'a/b/c.sh', Buffer.from('x'), 0o755)
    expect(await readFile(join(root, 'a/b/c.sh'), 'utf8')).toBe('x')
  })

  it('is not written through a link, neither of a folder nor of the file', async () => {
    await writeFile(join(outside, 'kept'), 'kept')
    await symlink(outside, join(root, 'folder'))
    await symlink(join(outside, 'kept'), join(root, 'file'))
    for (const path of ['folder/new', 'folder/kept', 'file']) {
      await expect(writeInside(root, path, Buffer.from('x'), 0o644)).rejects.toMatchObject({ code: 'PATH_REFUSED' })
    }
    expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('kept')
  })

  it('is removed, or the link that lies there, and nothing behind a link on the way', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'))
    await writeFile(join(outside, 'kept'), 'yes')
    await symlink(outside, join(root, 'away'))
    await symlink(join(outside, 'kept'), join(root, 'link'))
    await writeInside(root, 'a/b', Buffer.from('x'), 0o644)
    for (const path of ['away/kept', 'link', 'a/b', 'a', 'none/x']) await removeInside(root, path)
    expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('yes')
    expect((await readdir(root)).sort()).toEqual(['a', 'away'])
    expect(await readdir(join(root, 'a'))).toEqual([])
    await rm(outside, { recursive: true })
  })
})
