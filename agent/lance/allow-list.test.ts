import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectAllowed } from './allow-list.ts'
import { specForTests } from './machine-driver.ts'

it.each([
  [['shop/web:1'], 'shop/web:1', true],
  [['shop/*'], 'shop/web:1', true],
  [['*'], 'any', true],
  [['shop/web:1'], 'shop/web:2', false],
  [[], 'any', false],
])('%j lets an image %s run: %s', async (images, image, isAllowed) => {
  const asked = expectAllowed(specForTests({ isolation: 'docker', image }), { images, volumes: [] })
  if (isAllowed) await asked
  else await expect(asked).rejects.toMatchObject({ code: 'IMAGE_NOT_ALLOWED' })
})

it('a folder may be mounted below one that is allowed, not beside it, above it, or by a link out of it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lanista-allow-'))
  try {
    await mkdir(join(root, 'data/web'), { recursive: true })
    await symlink('/etc', join(root, 'data/out'))
    const isAllowed = (volume: string): Promise<boolean> =>
      expectAllowed(specForTests({ volumes: [volume] }), { images: [], volumes: [join(root, 'data')] }).then(
        () => true,
        (error: unknown) => (expect(error).toMatchObject({ code: 'VOLUME_NOT_ALLOWED' }), false),
      )
    expect(await isAllowed(`${root}/data:/data`)).toBe(true)
    expect(await isAllowed(`${root}/data/web:/data:ro`)).toBe(true)
    expect(await isAllowed(`${root}/data/to/be/made:/data`)).toBe(true)
    expect(await isAllowed('cache:/data')).toBe(true)
    for (const path of [
      root,
      `${root}/database`,
      `${root}/data/../x`,
      `${root}/data/out`,
      `${root}/data/out/x`,
      '..',
      '/',
    ]) {
      expect(await isAllowed(`${path}:/data`), path).toBe(false)
    }
  } finally {
    await rm(root, { recursive: true })
  }
})
