import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { CodeFolder } from './code-folder.ts'

const version = { id: 'v1', sha256: 'ab'.repeat(32), bytes: 4 }
const signal = new AbortController().signal
const used = (): ReadonlySet<string> => new Set()

it('gives out the archive that was brought', async () => {
  const blobs = { fetchBlob: async (sha256: string, into: string) => `${into}/${sha256}` }
  const folder = new CodeFolder({ folder: '/no/such/code' }, { blobs, used })
  expect(await folder.fetch(version, signal)).toBe(`/no/such/code/${version.sha256}`)
})

it.each([
  ['CODE_MISSING', new LanistaError('BLOB_UNKNOWN', 'upload it', { data: { refused: true } })],
  ['CODE_REFUSED', new LanistaError('BLOB_DAMAGED', 'found another digest')],
  ['DISK_FULL', new LanistaError('DISK_FULL', 'make room')],
])('says %s where it could not be brought', async (code, error) => {
  const blobs = { fetchBlob: async () => Promise.reject(error) }
  const folder = new CodeFolder({ folder: '/no/such/code' }, { blobs, used })
  await expect(folder.fetch(version, signal)).rejects.toMatchObject({ code })
})

it('keeps what instances have, and of the rest the newest that fit', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lanista-code-'))
  try {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((digit) => digit.repeat(64))
    for (const [i, name] of names.entries()) {
      await writeFile(join(root, name), 'x'.repeat(10))
      await utimes(join(root, name), i, i)
    }
    await writeFile(join(root, 'half.part'), 'x'.repeat(10))
    const blobs = { fetchBlob: async (sha256: string, into: string) => join(into, sha256) }
    const inUse = new Set([names[0] as string])
    const folder = new CodeFolder({ folder: root, spareBytesMax: 25 }, { blobs, used: () => inUse })
    await folder.fetch({ ...version, sha256: names[1] as string }, signal)
    const kept = [names[0], names[1], names[4], names[5], 'half.part']
    expect(new Set(await readdir(root))).toEqual(new Set(kept))
  } finally {
    await rm(root, { recursive: true })
  }
})
