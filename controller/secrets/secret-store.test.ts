import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, test } from 'vitest'
import { LevelRegistryStore } from '#controller/registry/level-registry-store.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { credentialName, KeyFile, keyPlaceOf } from './key-file.ts'
import { formatMasterKeys, generateMasterKey } from './master-key.ts'
import { SecretStore } from './secret-store.ts'

const never = new AbortController().signal
const id = { tenant: 'main', name: 'ec2' }
let folder: string
let dataDir: string
let keyPath: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-secrets-'))
  dataDir = join(folder, 'data')
  await mkdir(dataDir)
  keyPath = join(folder, 'keys', 'master')
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function opened(registry = new MemoryRegistryStore(), path = keyPath): Promise<SecretStore> {
  const keyFile = await KeyFile.open({ path, kind: 'file' }, dataDir)
  return new SecretStore({ registry, keyFile, clock: new FakeClock(1000) })
}

async function filesBelow(path: string): Promise<Buffer[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return Promise.all(entries.filter((each) => each.isFile()).map((each) => readFile(join(each.parentPath, each.name))))
}

test('a secret is set, replaced, listed without its text, read, and removed', async () => {
  const secrets = await opened()
  expect(await secrets.set(id, 'one', never)).toBe('created')
  expect(await secrets.set(id, 'two', never)).toBe('changed')
  expect(await secrets.read(id)).toBe('two')
  const listed = await secrets.list('main')
  expect(listed).toMatchObject([{ name: 'ec2', createdMs: 1000, isOpenable: true }])
  expect(JSON.stringify(listed)).not.toContain('two')
  expect(await secrets.list('other')).toEqual([])
  expect(await secrets.list('mai')).toEqual([])
  await expect(secrets.read({ ...id, tenant: 'other' })).rejects.toMatchObject({ code: 'SECRET_UNKNOWN' })
  await secrets.remove(id, never)
  await expect(secrets.read(id)).rejects.toMatchObject({ code: 'SECRET_UNKNOWN' })
  await expect(secrets.remove(id, never)).rejects.toMatchObject({ code: 'SECRET_UNKNOWN' })
})

it.each([
  ['', 'SECRET_INVALID'],
  ['ü'.repeat(32_769), 'SECRET_INVALID'],
])('a text of no or too many bytes is refused', async (text, code) => {
  await expect((await opened()).set(id, text, never)).rejects.toMatchObject({ code })
})

test('a copy of the data folder decrypts nothing', async () => {
  const text = 'AKIA-this-is-the-secret-of-the-cloud'
  const registry = await LevelRegistryStore.open(dataDir, 'registry')
  const secrets = new SecretStore({
    registry,
    keyFile: await KeyFile.open({ path: keyPath, kind: 'file' }, dataDir),
    clock: new FakeClock(1000),
  })
  await secrets.set(id, text, never)
  await registry.close()
  const copy = join(folder, 'copy')
  await cp(dataDir, copy, { recursive: true })
  const key = (await readFile(keyPath, 'utf8')).trim()
  for (const bytes of await filesBelow(copy)) {
    for (const hidden of [text, Buffer.from(text).toString('base64url').slice(0, 40), key]) {
      expect(bytes.includes(hidden)).toBe(false)
    }
    expect(bytes.includes(Buffer.from(key, 'base64url'))).toBe(false)
  }
  await using thief = await LevelRegistryStore.open(copy, 'registry')
  const own = await KeyFile.open({ path: join(folder, 'thief', 'key'), kind: 'file' }, copy)
  const stolen = new SecretStore({ registry: thief, keyFile: own, clock: new FakeClock(1000) })
  expect(await stolen.list('main')).toMatchObject([{ name: 'ec2', isOpenable: false }])
  await expect(stolen.read(id)).rejects.toMatchObject({ code: 'SECRET_KEY_MISSING' })
})

test('after a rotation the new key alone opens everything', async () => {
  const registry = new MemoryRegistryStore()
  const secrets = await opened(registry)
  const other = { tenant: 'other', name: 'a' }
  await secrets.set(id, 'one', never)
  await secrets.set(other, 'two', never)
  const before = await readFile(keyPath, 'utf8')
  expect(await secrets.rotate(never)).toMatchObject({ resealed: 2, left: 0 })
  const after = await readFile(keyPath, 'utf8')
  expect(after).not.toContain(before.trim())
  const again = await opened(registry)
  expect([await again.read(id), await again.read(other)]).toEqual(['one', 'two'])
})

test('killed in a rotation, before or after the rows change, every secret still opens', async () => {
  const rows = new Map<string, string>()
  await (await opened(new MemoryRegistryStore(rows))).set(id, 'one', never)
  class Dying extends MemoryRegistryStore {
    override async write(...given: Parameters<MemoryRegistryStore['write']>): Promise<void> {
      if (rows.size > 0 && dies === 'after') await super.write(...given)
      throw new Error('killed')
    }
  }
  let dies: 'before' | 'after' = 'before'
  for (dies of ['before', 'after'] as const) {
    await expect((await opened(new Dying(rows))).rotate(never)).rejects.toThrow('killed')
    expect(await (await opened(new MemoryRegistryStore(rows))).read(id)).toBe('one')
  }
  const last = await opened(new MemoryRegistryStore(rows))
  expect(await last.rotate(never)).toMatchObject({ resealed: 1, left: 0 })
  expect(await last.read(id)).toBe('one')
})

test('secrets whose key is gone are counted, however often, and one set meanwhile opens', async () => {
  const registry = new MemoryRegistryStore()
  await (await opened(registry, join(folder, 'elsewhere', 'key'))).set(id, 'lost', never)
  const secrets = await opened(registry)
  const [done] = await Promise.all([secrets.rotate(never), secrets.set({ ...id, name: 'b' }, 'kept', never)])
  expect(done).toMatchObject({ resealed: 0, left: 1 })
  for (let i = 0; i < 20; i++) expect(await secrets.rotate(never)).toMatchObject({ resealed: 1, left: 1 })
  expect((await readFile(keyPath, 'utf8')).trim().split('\n')).toHaveLength(1)
  expect(await secrets.read({ ...id, name: 'b' })).toBe('kept')
})

test('a credential of systemd is only read; its first key seals after a rotation', async () => {
  const [old, fresh] = [generateMasterKey(), generateMasterKey()]
  const env = { CREDENTIALS_DIRECTORY: folder }
  expect(keyPlaceOf(env, '/fallback')).toEqual({ path: '/fallback', kind: 'file' })
  const path = join(folder, credentialName)
  await writeFile(path, formatMasterKeys([old]), { mode: 0o440 })
  expect(keyPlaceOf(env, '/fallback')).toEqual({ path, kind: 'credential' })
  const keyFile = await KeyFile.open({ path, kind: 'credential' }, dataDir)
  const secrets = new SecretStore({ registry: new MemoryRegistryStore(), keyFile, clock: new FakeClock(1000) })
  await secrets.set(id, 'one', never)
  await writeFile(path, formatMasterKeys([fresh, old]))
  expect(await secrets.rotate(never)).toEqual({ keyId: fresh.id, resealed: 1, left: 0 })
  expect(await readFile(path, 'utf8')).toBe(formatMasterKeys([fresh, old]))
  await writeFile(path, formatMasterKeys([fresh]))
  await secrets.rotate(never)
  expect(await secrets.read(id)).toBe('one')
})

test('a key file is made with the first secret, for its owner alone', async () => {
  const secrets = await opened()
  await expect(stat(keyPath)).rejects.toMatchObject({ code: 'ENOENT' })
  await secrets.set(id, 'one', never)
  expect((await stat(keyPath)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700)
})

it.each([0o640, 0o604, 0o660, 0o777])('a key file of mode %o is refused', async (mode) => {
  await (await opened()).set(id, 'one', never)
  await chmod(keyPath, mode)
  await expect(opened()).rejects.toMatchObject({ code: 'MASTER_KEY_EXPOSED' })
})

test('a key that everybody may read, one in the data folder, and a folder in its place are refused', async () => {
  const inside = join(dataDir, 'keys', 'master')
  await expect(opened(undefined, inside)).rejects.toMatchObject({ code: 'MASTER_KEY_EXPOSED' })
  await expect(opened(undefined, dataDir)).rejects.toMatchObject({ code: 'MASTER_KEY_UNREADABLE' })
  const path = join(folder, credentialName)
  await writeFile(path, formatMasterKeys([generateMasterKey()]), { mode: 0o444 })
  await expect(KeyFile.open({ path, kind: 'credential' }, dataDir)).rejects.toMatchObject({
    code: 'MASTER_KEY_EXPOSED',
  })
})
