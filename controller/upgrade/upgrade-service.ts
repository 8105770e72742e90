/**
 * Upgrades of the fleet: keeps the bundle, gives orders batch by batch, looks at what became of them. All it knows is in the registry and in the
 * orders, so that a controller that was killed goes on; a host that gets a second order for what it runs already says so and is done.
 */
import { randomUUID } from 'node:crypto'
import type { BlobStore } from '#controller/blobs/blob-store.ts'
import type { StagedBlob } from '#controller/blobs/staged-blob.ts'
import { every } from '#controller/every.ts'
import type { OrderService } from '#controller/orders/order-service.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import { safeMembers } from '#protocol/archive/safe-members.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { isTerminal } from '#protocol/orders/states.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { type BundleManifest, manifestPath, parseManifest } from '#protocol/upgrade/bundle-manifest.ts'
import { type UpgradeAsk, upgradeVerb } from '#protocol/upgrade/upgrade-ask.ts'
import { nextBatch, type OrderEnd, ordered, settled, stopped, unordered } from './upgrade-core.ts'
import { parseUpgradeRow, type UpgradeHost, type UpgradeRow } from './upgrade-row.ts'

/** What an operator asks for. */
export interface UpgradeWish extends Pick<UpgradeRow, 'gateSeconds' | 'isForced' | 'batch' | 'lifetimeMs'> {
  /** `skipped` where there is nobody to upgrade now. */
  readonly hosts: readonly UpgradeHost[]
}

export interface UpgradeServiceDeps {
  readonly registry: RegistryStore
  readonly orders: Pick<OrderService, 'issue' | 'get' | 'onSettled'>
  readonly blobs: Pick<BlobStore, 'stage' | 'keep' | 'release'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Bytes of a bundle. */
const bundleBytesMax = 134_217_728
/** Bytes of its manifest. */
const manifestBytesMax = 65_536
/** Upgrades that are over and kept, with their bundles. */
const keptMax = 10
const lookMs = 1000
const rowPrefix = 'upgrade!'
/** All upgrades are about one thing: of two orders a host carries out the newer. */
const orderKey = upgradeVerb

export class UpgradeService implements AsyncDisposable {
  readonly #tenant: string
  readonly #deps: UpgradeServiceDeps
  readonly #rows = new Map<string, UpgradeRow>()
  readonly #quiet: OnceAMinute
  readonly #stops: (() => void)[] = []
  #looking: Promise<void> | undefined
  #isToLook = false
  #isClosed = false
  #isBeginning = false

  private constructor(tenant: string, deps: UpgradeServiceDeps) {
    this.#tenant = tenant
    this.#deps = deps
    this.#quiet = new OnceAMinute(deps.clock)
  }

  /** Goes on with what was under way. */
  static async open(tenant: string, deps: UpgradeServiceDeps): Promise<UpgradeService> {
    const service = new UpgradeService(tenant, deps)
    for await (const { value } of deps.registry.list(`${rowPrefix}${tenant}!`)) {
      const row = parseUpgradeRow(value)
      if (row) service.#rows.set(row.id, row)
    }
    service.#stops.push(
      deps.orders.onSettled(({ verb }) => {
        if (verb === upgradeVerb) service.#look()
      }),
      every(deps.clock, lookMs, () => service.#look()),
    )
    service.#look()
    return service
  }

  /** The newest first. */
  rows(): readonly UpgradeRow[] {
    return [...this.#rows.values()].toReversed().toSorted((a, b) => b.beganMs - a.beganMs)
  }

  /** Throws UPGRADE_UNKNOWN. */
  get(id: string): UpgradeRow {
    const row = this.#rows.get(id)
    if (row) return row
    throw new LanistaError('UPGRADE_UNKNOWN', `list the upgrades: found none with the id ${id.slice(0, 80)}`)
  }

  /**
   * Takes the bundle in and begins; once it resolves, a controller that is killed goes on.
   * @throws LanistaError BUSY (one is under way), BUNDLE_INVALID, CODE_REFUSED, BLOB_TOO_LARGE, BLOBS_FULL, DISK_FULL, REGISTRY_WRITE_FAILED
   */
  async begin(source: AsyncIterable<Uint8Array>, wish: UpgradeWish, signal: AbortSignal): Promise<UpgradeRow> {
    this.#expectIdle()
    this.#isBeginning = true
    try {
      await using staged = await this.#deps.blobs.stage(source, bundleBytesMax, signal)
      const { version } = await manifestOf(staged, signal)
      const row = await this.#add(staged, version, wish)
      this.#deps.logger.info({ id: row.id, version, hosts: row.hosts.length }, 'upgrade_began')
      return row
    } finally {
      this.#isBeginning = false
      this.#look()
    }
  }

  /** Nobody else gets an order. Throws UPGRADE_UNKNOWN, REGISTRY_WRITE_FAILED. */
  async stop(id: string): Promise<UpgradeRow> {
    const row = stopped(this.get(id), this.#deps.clock.now())
    await this.#keep(row)
    return row
  }

  /** Gives no more orders; what is under way goes on with the next start. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    await this.#looking
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #add(staged: StagedBlob, version: string, wish: UpgradeWish): Promise<UpgradeRow> {
    const { sha256, bytes } = staged
    const id = `upg-${randomUUID()}`
    const beganMs = this.#deps.clock.now()
    const begun: UpgradeRow = { id, sha256, version, bytes, beganMs, state: 'running', ...wish }
    const row = settled(begun, () => undefined, beganMs)
    await this.#deps.blobs.keep(staged, { tenant: this.#tenant, holder: id })
    try {
      await this.#keep(row)
    } catch (error) {
      await this.#forget(row)
      throw error
    }
    for (const old of this.rows().slice(keptMax)) await this.#forget(old)
    return row
  }

  #expectIdle(): void {
    if (this.#isBeginning) throw new LanistaError('BUSY', 'wait for the upgrade that is just beginning')
    const running = this.rows().find(({ state }) => state === 'running')
    if (running)
      throw new LanistaError(
        'BUSY',
        `wait for the upgrade to ${running.version}, or stop it: found ${running.id} under way`,
      )
  }

  /** One look at a time; what comes meanwhile is looked at after it. */
  #look(): void {
    this.#isToLook = true
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined
    })
  }

  async #lookAll(): Promise<void> {
    while (this.#isToLook && !this.#isClosed) {
      this.#isToLook = false
      for (const row of this.rows().filter(({ state }) => state === 'running')) {
        try {
          await this.#goOn(row)
        } catch (error) {
          this.#quiet.pass(row.id, () =>
            this.#deps.logger.error({ id: row.id, error: messageOf(error) }, 'upgrade_stands_still'),
          )
        }
      }
    }
  }

  async #goOn(before: UpgradeRow): Promise<void> {
    const { clock } = this.#deps
    let row = settled(before, (order) => this.#endOf(order), clock.now())
    if (JSON.stringify(row) !== JSON.stringify(before)) await this.#keep(row)
    for (const target of nextBatch(row)) {
      // another look may have been at it while the last order was written: an operator who stops it
      row = this.get(row.id)
      if (row.hosts.find((host) => host.target === target)?.state !== 'waiting') return
      await this.#keep(await this.#order(row, target))
    }
  }

  async #order(row: UpgradeRow, target: string): Promise<UpgradeRow> {
    const { sha256, version, bytes, gateSeconds, isForced, lifetimeMs } = row
    const body: UpgradeAsk = { sha256, version, bytes, gateSeconds, isForced }
    try {
      const order = await this.#deps.orders.issue(
        { target: parseHostId(target), verb: upgradeVerb, key: orderKey, body },
        lifetimeMs,
      )
      return ordered(this.get(row.id), target, order.id)
    } catch (error) {
      if (!isLanistaError(error) || error.code === 'CLOSED') throw error
      return unordered(
        this.get(row.id),
        target,
        { state: 'failed', code: error.code, reason: error.message },
        this.#deps.clock.now(),
      )
    }
  }

  #endOf(id: string): OrderEnd | undefined {
    const row = this.#deps.orders.get(id)
    if (!row) return { state: 'lost', code: 'ORDER_UNKNOWN', reason: 'nobody knows any more what became of it' }
    return isTerminal(row.state) ? row : undefined
  }

  /** Here at once, so that nothing is decided by an older row; where the disk has an older one, the orders tell the rest. */
  async #keep(row: UpgradeRow): Promise<void> {
    const before = this.#rows.get(row.id)
    this.#rows.set(row.id, row)
    if (row.state !== 'running' && before?.state === 'running') {
      this.#deps.logger.info({ id: row.id, version: row.version, state: row.state }, 'upgrade_ended')
    }
    await this.#deps.registry.write([{ key: this.#keyOf(row.id), value: row }], { sync: true })
  }

  async #forget({ id, sha256 }: UpgradeRow): Promise<void> {
    this.#rows.delete(id)
    await this.#deps.registry.write([{ key: this.#keyOf(id), remove: true }])
    await this.#deps.blobs.release(sha256, { tenant: this.#tenant, holder: id })
  }

  #keyOf(id: string): string {
    return `${rowPrefix}${this.#tenant}!${id}`
  }
}

/** Looks into the archive before any host is sent it. Throws BUNDLE_INVALID, CODE_REFUSED. */
async function manifestOf({ path }: StagedBlob, signal: AbortSignal): Promise<BundleManifest> {
  let manifest: BundleManifest | undefined
  for await (const member of safeMembers(path, signal)) {
    if (member.path !== manifestPath || member.bytes > manifestBytesMax) continue
    const pieces: Uint8Array[] = []
    for await (const piece of member.content) pieces.push(piece)
    manifest = parseManifest(Buffer.concat(pieces).toString('utf8'))
  }
  if (manifest) return manifest
  throw new LanistaError('BUNDLE_INVALID', `send a bundle of the agent: found no ${manifestPath} in the archive`)
}
