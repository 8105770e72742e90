import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { allowedBinds } from './volumes.ts'

let root = ''
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'volumes-')))
  for (const name of ['allowed', 'allowed/data', 'allowed-not']) await mkdir(join(root, name))
  await symlink(join(root, 'allowed-not'), join(root, 'allowed', 'out'))
  await symlink(join(root, 'allowed', 'data'), join(root, 'in'))
})
afterEach(() => rm(root, { recursive: true }))

it.each([
  ['allowed/data:/data', 'allowed/data:/data:rw'],
  ['allowed:/data:ro', 'allowed:/data:ro'],
  ['in:/data', 'allowed/data:/data:rw'],
])('%s is mounted as %s', async (volume, bind) => {
  expect(await allowedBinds([`${root}/${volume}`], [join(root, 'allowed')])).toEqual([`${root}/${bind}`])
})

it.each(['allowed-not:/x', 'allowed/out:/x', 'allowed/../allowed-not:/x', 'nothing:/x', 'allowed:x', 'allowed:/x:z'])(
  '%s is refused',
  async (volume) => {
    const binds = allowedBinds([`${root}/${volume}`], [join(root, 'allowed')])
    await expect(binds).rejects.toMatchObject({ code: 'PATH_REFUSED' })
  },
)

it('with nothing allowed, nothing is', async () => {
  await expect(allowedBinds([`${root}/allowed:/x`], [])).rejects.toMatchObject({ code: 'PATH_REFUSED' })
})
