import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Ledger } from './ledger.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-ledger-'))
})

afterEach(() => rm(folder, { recursive: true }))

test('one folder, one lanista: the second is told which flag to change', async () => {
  const first = await Ledger.open(folder)
  await expect(Ledger.open(folder)).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: expect.stringContaining('--data'),
  })
  await first.close()
  await (await Ledger.open(folder)).close()
})

test.each(['file', 'file/deep', '/proc/lanista', '/proc/lanista/deep'])(
  '%s is no place for a folder, and named',
  async (place) => {
    await writeFile(join(folder, 'file'), '')
    const path = resolve(folder, place)
    await expect(Ledger.open(path)).rejects.toMatchObject({
      code: 'DATA_DIR_UNWRITABLE',
      message: expect.stringMatching(`--data.*${path}`),
    })
  },
)

test('the folder is made for its owner alone', async () => {
  const ledger = await Ledger.open(join(folder, 'deep', 'data'))
  expect((await stat(join(folder, 'deep', 'data'))).mode & 0o777).toBe(0o700)
  await ledger.close()
})

test('values and children are known again after a restart, until released', async () => {
  const first = await Ledger.open(folder)
  expect(await first.remember('host', () => 'box')).toBe('box')
  await first.adopt('broker', { pid: 7, started: 'x' })
  await first.adopt('gone', { pid: 8, started: 'y' })
  await first.release('gone')
  await first.close()
  const second = await Ledger.open(folder)
  expect(await second.remember('host', () => 'other')).toBe('box')
  expect([...(await second.adopted())]).toEqual([['broker', { pid: 7, started: 'x' }]])
  await second.close()
})
