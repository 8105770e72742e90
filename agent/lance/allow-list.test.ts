import { expect, it } from 'vitest'
import { expectAllowed, instanceAllowListSchema } from './allow-list.ts'
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

it('a folder of the host may be mounted below one that is allowed, and nowhere else', async () => {
  const asked = (volumes: string[]): Promise<void> =>
    expectAllowed(specForTests({ volumes }), { images: [], volumes: ['/usr'] })
  await asked(['/usr/bin:/data:ro'])
  await expect(asked(['/etc:/data'])).rejects.toMatchObject({ code: 'PATH_REFUSED' })
})

it.each([
  { images: ['a*b'], volumes: [] },
  { images: [], volumes: ['data'] },
  { images: [], volumes: ['/a/../b'] },
])('no list: %j', (list) => {
  expect(instanceAllowListSchema.safeParse(list).success).toBe(false)
})
