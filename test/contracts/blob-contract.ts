/** What both halves of blobs promise over any bus; one suite, run on memory, on the embedded broker and on a real nats-server. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BlobFetcher } from '#agent/blobs/blob-fetcher.ts'
import type { CountedBus } from '#broker/bus.ts'
import { BlobDesk } from '#controller/blobs/blob-desk.ts'
import type { Blob } from '#controller/blobs/blob-rows.ts'
import { BlobStore } from '#controller/blobs/blob-store.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { chunkBytesMax } from '#protocol/blobs/blob-format.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { agentA, type BusHarness } from './bus-contract.ts'

const controller = { kind: 'controller' } as const
const address = { tenant: 'acme', cloud: 'c1', host: 'a1' }
const limitMs = 20_000
const soon = (): AbortSignal => AbortSignal.timeout(limitMs)
const deps = { clock: systemClock, logger: silentLogger }

export function blobContract(name: string, open: () => Promise<BusHarness>): void {
  describe(`blobs over ${name}`, { timeout: limitMs }, () => {
    let harness: BusHarness
    let root: string
    let folder: string
    let store: BlobStore
    let desk: BlobDesk
    let fetcher: BlobFetcher
    let buses: CountedBus[]
    let rows: Map<string, string>

    beforeAll(async () => {
      harness = await open()
    })
    afterAll(() => harness.close())

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'lanista-blobs-'))
      folder = join(root, 'code')
      rows = new Map()
      buses = [harness.connect(controller), harness.connect(agentA)]
      await openController()
      openAgent()
      await Promise.all(buses.map((bus) => bus.up(soon())))
    })

    afterEach(async () => {
      await fetcher.close()
      await desk.close()
      for (const bus of buses) await bus.close()
      await rm(root, { recursive: true })
    })

    async function openController(): Promise<void> {
      const registry = new MemoryRegistryStore(rows)
      store = await BlobStore.open({ folder: join(root, 'blobs') }, { registry, logger: silentLogger })
      desk = new BlobDesk({ bus: buses[0] as CountedBus, store, ...deps })
    }

    function openAgent(bytesPerSecondMax?: number): void {
      fetcher = new BlobFetcher({ address, bytesPerSecondMax }, { bus: buses[1] as CountedBus, ...deps })
    }

    async function upload(bytes: Uint8Array, tenant = 'acme'): Promise<Blob> {
      await using staged = await store.stage([bytes] as unknown as AsyncIterable<Uint8Array>, bytes.length, soon())
      return await store.keep(staged, { tenant, holder: 'test' })
    }

    it.each([0, 1, chunkBytesMax, 20 * chunkBytesMax + 17])('brings %i bytes whole', async (size) => {
      const bytes = randomBytes(size)
      const { sha256 } = await upload(bytes)
      const path = await fetcher.fetchBlob(sha256, folder, soon())
      expect(path).toBe(join(folder, sha256))
      expect(
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ).toBe(sha256)
      expect(await readdir(folder)).toEqual([sha256])
    })

    it('brings it once, however many ask, and not again when it is there', async () => {
      const { sha256 } = await upload(randomBytes(3 * chunkBytesMax))
      const paths = await Promise.all([1, 2, 3].map(() => fetcher.fetchBlob(sha256, folder, soon())))
      expect(new Set(paths).size).toBe(1)
      await fetcher.fetchBlob(sha256, folder, soon())
      expect(fetcher.counters).toMatchObject({ fetched: 1, bytes: 3 * chunkBytesMax })
    })

    it('brings it again where other bytes lie in its place', async () => {
      const { sha256 } = await upload(randomBytes(10))
      const path = await fetcher.fetchBlob(sha256, folder, soon())
      await writeFile(path, 'somebody else’s')
      await fetcher.fetchBlob(sha256, folder, soon())
      expect((await readFile(path)).length).toBe(10)
    })

    it('refuses what nobody has put there, and what is another tenant’s, in the same words', async () => {
      const { sha256 } = await upload(randomBytes(10), 'evil')
      const unknown = 'ab'.repeat(32)
      for (const digest of [sha256, unknown]) {
        const message = `upload it again: found no blob ${digest} that can be sent`
        await expect(fetcher.fetchBlob(digest, folder, soon())).rejects.toMatchObject({
          code: 'BLOB_UNKNOWN',
          message,
          data: { refused: true },
        })
      }
      expect(await readdir(folder)).toEqual([])
    })

    it('lets nobody ask in another host’s name, nor hear what it is sent', () => {
      const [, agent] = buses as [CountedBus, CountedBus]
      const denied = expect.objectContaining({ code: 'DENIED' })
      expect(() => agent.publish('lanista.acme.c1.b1.reply._controller.blob-x', new Uint8Array())).toThrow(denied)
      expect(() => agent.publish('lanista.evil.c1.a1.reply._controller.blob-x', new Uint8Array())).toThrow(denied)
      expect(() => agent.publish('lanista.acme.c1.b1.control.blob.blob-x', new Uint8Array())).toThrow(denied)
      expect(() => agent.subscribe('lanista.acme.c1.*.control.blob.>', () => {})).toThrow(denied)
    })

    it('keeps nothing of a blob that is not what its name says', async () => {
      const { sha256 } = await upload(randomBytes(10))
      await writeFile(join(root, 'blobs', sha256), randomBytes(10))
      await expect(fetcher.fetchBlob(sha256, folder, soon())).rejects.toMatchObject({ code: 'BLOB_DAMAGED' })
      expect(await readdir(folder)).toEqual([])
    })

    it('goes on over a lost connection, and from where the agent was when it ended', async () => {
      const size = 40 * chunkBytesMax
      const { sha256 } = await upload(randomBytes(size))
      await fetcher.close()
      openAgent(size * 2)
      const first = fetcher.fetchBlob(sha256, folder, soon())
      const over = expect(first).rejects.toMatchObject({ code: 'CLOSED' })
      while (fetcher.counters.bytes < size / 4) await systemClock.sleep(5)
      await fetcher.close()
      await over
      const [part] = await readdir(folder)
      expect(part).toBe(`${sha256}.part`)
      openAgent(size * 2)
      const second = fetcher.fetchBlob(sha256, folder, soon())
      while (fetcher.counters.bytes < size / 4) await systemClock.sleep(5)
      await desk.close()
      await harness.stopBroker()
      await harness.startBroker()
      buses.unshift(harness.connect(controller))
      await buses[0]?.up(soon())
      await openController()
      expect((await readFile(await second)).length).toBe(size)
      expect(fetcher.counters.bytes).toBeLessThan(size)
    })

    it('begins again from nothing where what is here of it is damaged', async () => {
      const { sha256 } = await upload(randomBytes(2 * chunkBytesMax))
      await fetcher.fetchBlob(sha256, folder, soon())
      await rm(join(folder, sha256))
      await writeFile(join(folder, `${sha256}.part`), randomBytes(chunkBytesMax))
      await fetcher.fetchBlob(sha256, folder, soon())
      await rm(join(folder, sha256))
      await writeFile(join(folder, `${sha256}.part`), randomBytes(3 * chunkBytesMax))
      const path = await fetcher.fetchBlob(sha256, folder, soon())
      expect((await readFile(path)).length).toBe(2 * chunkBytesMax)
    })

    it('ends for who wants it no more, and goes on for the others', async () => {
      const size = 20 * chunkBytesMax
      const { sha256 } = await upload(randomBytes(size))
      await fetcher.close()
      openAgent(size * 4)
      const gone = new AbortController()
      const left = fetcher.fetchBlob(sha256, folder, gone.signal)
      const stayed = fetcher.fetchBlob(sha256, folder, soon())
      gone.abort(new Error('no more'))
      await expect(left).rejects.toThrow('no more')
      await stayed
      expect(fetcher.counters).toMatchObject({ fetched: 1, bytes: size })
    })
  })
}
