import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { LanistaError } from '#protocol/errors.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { BlobStore } from './blob-store.ts'
import type { StagedBlob } from './staged-blob.ts'

const signal = new AbortController().signal
const web = { tenant: 'acme', holder: 'code.shop.web' }
const db = { tenant: 'acme', holder: 'code.shop.db' }

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

describe('blobs', () => {
  let folder: string
  let rows: Map<string, string>

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanista-blobs-'))
    rows = new Map()
  })
  afterEach(() => rm(folder, { recursive: true }))

  const open = (bytesMax?: number, registry = new MemoryRegistryStore(rows)): Promise<BlobStore> =>
    BlobStore.open({ folder, bytesMax }, { registry, logger: silentLogger })
  const stage = (store: BlobStore, ...texts: readonly string[]): Promise<StagedBlob> =>
    store.stage(pieces(...texts), 1000, signal)

  it('are named by what is in them, and read in parts, also after a restart', async () => {
    const store = await open()
    const blob = await store.keep(await stage(store, 'hello ', 'world'), web)
    expect(blob).toEqual({ sha256: createHash('sha256').update('hello world').digest('hex'), bytes: 11 })
    const again = await open()
    expect(Buffer.from(await again.read('acme', blob.sha256, 6, 100)).toString()).toBe('world')
    expect(await readdir(folder)).toEqual([blob.sha256])
  })

  it('stay while something holds them', async () => {
    const store = await open()
    const { sha256 } = await store.keep(await stage(store, 'code'), web)
    await store.keep(await stage(store, 'code'), db)
    await store.release(sha256, web)
    expect(store.find('acme', sha256)).toEqual({ sha256, bytes: 4 })
    await store.release(sha256, db)
    expect(store.find('acme', sha256)).toBeUndefined()
    expect([await readdir(folder), rows.size]).toEqual([[], 0])
  })

  it('of one tenant are unknown to another', async () => {
    const store = await open()
    const { sha256 } = await store.keep(await stage(store, 'code'), web)
    expect(store.find('evil', sha256)).toBeUndefined()
    await expect(store.read('evil', sha256, 0, 4)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
  })

  it('that are not kept leave nothing, nor do those a crash broke off', async () => {
    const store = await open()
    await (await stage(store, 'code'))[Symbol.asyncDispose]()
    expect(await readdir(folder)).toEqual([])
    await writeFile(join(folder, 'half.part'), 'x')
    await writeFile(join(folder, 'ab'.repeat(32)), 'renamed, and its row never written')
    await open()
    expect(await readdir(folder)).toEqual([])
  })

  it('that are too large, or do not fit beside the others, leave nothing', async () => {
    const store = await open(10)
    await expect(store.stage(pieces('12345', '6'), 5, signal)).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' })
    const staged = await stage(store, '123456')
    await expect(stage(store, '12345')).rejects.toMatchObject({ code: 'BLOBS_FULL' })
    await staged[Symbol.asyncDispose]()
    expect((await store.keep(await stage(store, '1234567890'), web)).bytes).toBe(10)
    await expect(stage(store, '1')).rejects.toMatchObject({ code: 'BLOBS_FULL' })
    expect(await readdir(folder)).toHaveLength(1)
  })

  it('whose row cannot be written are not there', async () => {
    class Full extends MemoryRegistryStore {
      override async write(): Promise<void> {
        throw new LanistaError('REGISTRY_WRITE_FAILED', 'make room')
      }
    }
    const store = await open(undefined, new Full(rows))
    const staged = await stage(store, 'code')
    await expect(store.keep(staged, web)).rejects.toMatchObject({ code: 'REGISTRY_WRITE_FAILED' })
    expect(store.find('acme', staged.sha256)).toBeUndefined()
    expect(await readdir(folder)).toEqual([])
  })

  it('that are gone from the disk are told as such', async () => {
    const store = await open()
    const { sha256 } = await store.keep(await stage(store, 'code'), web)
    await rm(join(folder, sha256))
    await expect(store.read('acme', sha256, 0, 4)).rejects.toMatchObject({ code: 'BLOB_UNREADABLE' })
  })
})
