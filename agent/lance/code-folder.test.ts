import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CodeFolder } from './code-folder.ts'

it('gives out an archive that is what it says, and nothing else', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lanista-code-'))
  try {
    const folder = new CodeFolder(root)
    const sha256 = createHash('sha256').update('code').digest('hex')
    const version = { id: '1', sha256, bytes: 4 }
    const signal = AbortSignal.timeout(10_000)
    await expect(folder.fetch(version, signal)).rejects.toMatchObject({ code: 'CODE_MISSING' })
    await writeFile(join(root, sha256), 'other')
    await expect(folder.fetch(version, signal)).rejects.toMatchObject({ code: 'CODE_REFUSED' })
    await writeFile(join(root, sha256), 'code')
    expect(await folder.fetch(version, signal)).toBe(join(root, sha256))
  } finally {
    await rm(root, { recursive: true })
  }
})
