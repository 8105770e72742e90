/** Upgrades, composed: the verb, and the word that this process is to be started again. */
import type { Bus } from '#broker/bus.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { upgradeVerb } from '#protocol/upgrade/upgrade-ask.ts'
import type { BlobFetcher } from '../blobs/blob-fetcher.ts'
import type { OrderHandler } from '../orders/order-handler.ts'
import type { Store } from '../store/store.ts'
import { healthy } from './health.ts'
import { type restartReason, type UpgradeOptions, upgradeHandler } from './upgrade-handler.ts'

export interface OpenUpgradeDeps {
  readonly bus: Pick<Bus, 'up' | 'subscribe'>
  readonly store: Pick<Store, 'commit' | 'stats'>
  readonly blobs: Pick<BlobFetcher, 'fetchBlob'>
  readonly logger: Logger
}

export interface Upgrade {
  readonly handler: OrderHandler
  /** Resolves when another bundle is to be started in our place. Never rejects. */
  readonly restartAsked: Promise<typeof restartReason>
}

/** Verbs whose outcome the next process tells. */
export const resumedVerbs: ReadonlySet<string> = new Set([upgradeVerb])

/** Owns nothing: what it waits for ends with the orders that wait. */
export function openUpgrade(address: Address, options: UpgradeOptions, deps: OpenUpgradeDeps): Upgrade {
  const { bus, store, blobs, logger } = deps
  let restart: (reason: typeof restartReason) => void = () => {}
  const restartAsked = new Promise<typeof restartReason>((resolve) => {
    restart = resolve
  })
  const handler = upgradeHandler(options, {
    fetch: (sha256, folder, signal) => blobs.fetchBlob(sha256, folder, signal),
    healthy: (signal) => healthy(address, { bus, store }, signal),
    restart: (reason) => restart(reason),
    logger,
  })
  return { handler, restartAsked }
}
