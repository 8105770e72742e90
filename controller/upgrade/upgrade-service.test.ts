import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BlobStore } from '#controller/blobs/blob-store.ts'
import type { OrderAsk } from '#controller/orders/order-ask.ts'
import type { OrderRow } from '#controller/orders/order-row.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { textMember, writeTar } from '#protocol/archive/tar-writer.ts'
import { LanistaError } from '#protocol/errors.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import { UpgradeService, type UpgradeWish } from './upgrade-service.ts'

let folder = ''
let disk: Map<string, string>
let orders: Orders
const opened: UpgradeService[] = []
const signal = AbortSignal.timeout(60_000)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanista-upgrades-'))
  disk = new Map()
  orders = new Orders()
})

afterEach(async () => {
  for (const service of opened.splice(0)) await service.close()
  await rm(folder, { recursive: true })
})

/** Orders that end when a test says so; they outlive a controller, as the real ones do. */
class Orders {
  readonly rows = new Map<string, OrderRow>()
  readonly #listeners = new Set<(row: OrderRow) => void>()
  isFull = false

  async issue(ask: OrderAsk): Promise<OrderRow> {
    if (this.isFull) throw new LanistaError('BUSY', 'too many')
    const row = {
      id: `ord-${this.rows.size}`,
      target: hostIdOf(ask.target),
      verb: ask.verb,
      state: 'queued',
    } as OrderRow
    this.rows.set(row.id, row)
    return row
  }

  get(id: string): OrderRow | undefined {
    return this.rows.get(id)
  }

  onSettled(listener: (row: OrderRow) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Ends the open order of a host. */
  end(target: string, state: OrderRow['state']): void {
    const row = [...this.rows.values()].find((each) => each.target === target && each.state === 'queued')
    if (!row) throw new Error(`no order of ${target}`)
    this.rows.set(row.id, { ...row, state })
    for (const listener of this.#listeners) listener({ ...row, state })
  }

  get targets(): readonly string[] {
    return [...this.rows.values()].map(({ target }) => target)
  }
}

async function open(): Promise<UpgradeService> {
  const registry = new MemoryRegistryStore(disk)
  const blobs = await BlobStore.open({ folder: join(folder, 'blobs') }, { registry, logger: silentLogger })
  const deps = { registry, orders, blobs, clock: systemClock, logger: silentLogger }
  const service = await UpgradeService.open('main', deps)
  opened.push(service)
  return service
}

async function* bundle(manifest = '{"version":"0.2.0","node":"20.19"}'): AsyncGenerator<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of writeTar([textMember('bundle.json', manifest, 0o644)])) pieces.push(piece)
  yield gzipSync(Buffer.concat(pieces))
}

function wish(...targets: readonly string[]): UpgradeWish {
  const hosts = targets.map((target) => ({ target, state: 'waiting' as const }))
  return { hosts, gateSeconds: 60, isForced: false, batch: 2, lifetimeMs: 1000 }
}

const targetsAre = (...targets: readonly string[]): Promise<void> => expect.poll(() => orders.targets).toEqual(targets)

it('orders host after host, and the bundle is kept for them', async () => {
  const service = await open()
  const { id } = await service.begin(bundle(), wish('main.c.a', 'main.c.b', 'main.c.d'), signal)
  await targetsAre('main.c.a')
  expect(await readdir(join(folder, 'blobs'))).toEqual([service.get(id).sha256])
  orders.end('main.c.a', 'done')
  await targetsAre('main.c.a', 'main.c.b', 'main.c.d')
  orders.end('main.c.b', 'done')
  orders.end('main.c.d', 'done')
  await expect.poll(() => service.get(id).state).toBe('done')
})

it('a controller that was killed goes on where it was, with what has ended meanwhile', async () => {
  const first = await open()
  const { id } = await first.begin(bundle(), wish('main.c.a', 'main.c.b'), signal)
  await targetsAre('main.c.a')
  await first.close()
  orders.end('main.c.a', 'done')
  const second = await open()
  await targetsAre('main.c.a', 'main.c.b')
  orders.end('main.c.b', 'failed')
  await expect.poll(() => second.get(id).state).toBe('stopped')
})

it('an order that cannot be given is a failure, and stops it', async () => {
  const service = await open()
  orders.isFull = true
  const { id } = await service.begin(bundle(), wish('main.c.a', 'main.c.b'), signal)
  await expect
    .poll(() => service.get(id))
    .toMatchObject({
      state: 'stopped',
      hosts: [{ state: 'failed', code: 'BUSY' }, { state: 'skipped' }],
    })
})

it('an operator stops it: who has an order finishes', async () => {
  const service = await open()
  const { id } = await service.begin(bundle(), wish('main.c.a', 'main.c.b'), signal)
  await targetsAre('main.c.a')
  expect(await service.stop(id)).toMatchObject({
    state: 'running',
    hosts: [{ state: 'ordered' }, { state: 'skipped' }],
  })
  orders.end('main.c.a', 'done')
  await expect.poll(() => service.get(id).state).toBe('stopped')
  await expect(service.stop('upg-none')).rejects.toMatchObject({ code: 'UPGRADE_UNKNOWN' })
})

it('one at a time; what is no bundle is refused, and nothing of it stays', async () => {
  const service = await open()
  const wrong = service.begin(bundle('{}'), wish('main.c.a'), signal)
  await expect(service.begin(bundle(), wish('main.c.a'), signal)).rejects.toMatchObject({ code: 'BUSY' })
  await expect(wrong).rejects.toMatchObject({ code: 'BUNDLE_INVALID' })
  expect([service.rows(), await readdir(join(folder, 'blobs')), disk.size]).toEqual([[], [], 0])
  await service.begin(bundle(), wish('main.c.a'), signal)
  await expect(service.begin(bundle(), wish('main.c.a'), signal)).rejects.toMatchObject({ code: 'BUSY' })
})

it('the last ten are kept, with their bundles', async () => {
  const service = await open()
  for (let i = 0; i < 12; i++) {
    const { id } = await service.begin(bundle(`{"version":"0.2.${i}","node":"20.19"}`), wish('main.c.a'), signal)
    await expect.poll(() => orders.rows.size).toBe(i + 1)
    orders.end('main.c.a', 'done')
    await expect.poll(() => service.get(id).state).toBe('done')
  }
  expect(service.rows()).toHaveLength(10)
  expect(await readdir(join(folder, 'blobs'))).toHaveLength(10)
})
