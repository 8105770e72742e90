import { expect, it } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { CodeFolder } from './code-folder.ts'

const version = { id: 'v1', sha256: 'ab'.repeat(32), bytes: 4 }
const signal = new AbortController().signal

it('gives out the archive that was brought', async () => {
  const folder = new CodeFolder('/code', { fetchBlob: async (sha256, into) => `${into}/${sha256}` })
  expect(await folder.fetch(version, signal)).toBe(`/code/${version.sha256}`)
})

it.each([
  ['CODE_MISSING', new LanistaError('BLOB_UNKNOWN', 'upload it', { data: { refused: true } })],
  ['CODE_REFUSED', new LanistaError('BLOB_DAMAGED', 'found another digest')],
  ['DISK_FULL', new LanistaError('DISK_FULL', 'make room')],
])('says %s where it could not be brought', async (code, error) => {
  const folder = new CodeFolder('/code', { fetchBlob: async () => Promise.reject(error) })
  await expect(folder.fetch(version, signal)).rejects.toMatchObject({ code })
})
