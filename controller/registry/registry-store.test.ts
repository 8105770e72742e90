import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LevelRegistryStore } from './level-registry-store.ts'
import { MemoryRegistryStore } from './memory-registry-store.ts'
import type { RegistryRow, RegistryStore } from './registry-store.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-registry-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function rowsOf(store: RegistryStore, prefix: string): Promise<RegistryRow[]> {
  const rows: RegistryRow[] = []
  for await (const row of store.list(prefix)) rows.push(row)
  return rows
}

const disk = new Map<string, string>()
const forms: [string, () => Promise<RegistryStore>][] = [
  ['memory', async () => new MemoryRegistryStore(disk)],
  ['LevelDB', () => LevelRegistryStore.open(folder, 'registry')],
]

describe.each(forms)('a registry in %s', (_name, open) => {
  beforeEach(() => disk.clear())

  it('gives back what was written, in order of the keys, after it was opened again', async () => {
    const first = await open()
    await first.write([
      { key: 'host!b', value: { session: 2 } },
      { key: 'host!a', value: { session: 1 } },
      { key: 'hosting', value: 0 },
    ])
    await first.write([{ key: 'hosting', remove: true }], { sync: true })
    await first.close()

    const second = await open()
    expect(await rowsOf(second, 'host')).toEqual([
      { key: 'host!a', value: { session: 1 } },
      { key: 'host!b', value: { session: 2 } },
    ])
    expect(await second.get('host!b')).toEqual({ session: 2 })
    expect(await second.get('nobody')).toBeUndefined()
    await second.close()
  })

  it('refuses to write once closed, and closes twice without harm', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await expect(store.write([{ key: 'a', value: 1 }])).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('the LevelDB registry', () => {
  it('names the folder when another process has it', async () => {
    await using _first = await LevelRegistryStore.open(folder, 'registry')
    await expect(LevelRegistryStore.open(folder, 'registry')).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      message: expect.stringContaining(folder),
    })
  })

  it('names the folder and the flag when it cannot be written', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    await expect(LevelRegistryStore.open(file, 'registry')).rejects.toMatchObject({
      code: 'DATA_DIR_UNWRITABLE',
      message: expect.stringContaining('--data'),
    })
  })

  it('repairs a database whose manifest is gone', async () => {
    const first = await LevelRegistryStore.open(folder, 'registry')
    await first.write([{ key: 'a', value: 1 }], { sync: true })
    await first.close()
    await writeFile(join(folder, 'registry', 'CURRENT'), 'nonsense\n')
    await using second = await LevelRegistryStore.open(folder, 'registry')
    expect(await second.get('a')).toBe(1)
  })
})
