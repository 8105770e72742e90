import type { Bus } from '#broker/bus.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { LevelJournalStore } from './level-journal-store.ts'
import type { OrdersConfig } from './order-options.ts'
import { OrderService } from './order-service.ts'

export interface OpenOrdersOptions {
  readonly address: Address
  readonly config: OrdersConfig
  /** Of the journal. */
  readonly folder: string
  /** Verbs whose handlers can `resume`. Default none. */
  readonly resumes?: ReadonlySet<string> | undefined
}

export interface OpenOrdersDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * The service of orders with its journal open; it hears nothing before `start`, and owns the journal.
 * @throws LanistaError STORE_LOCKED, STORE_FOLDER, NKEY_INVALID
 */
export async function openOrders(
  { address, config, folder, resumes }: OpenOrdersOptions,
  deps: OpenOrdersDeps,
): Promise<OrderService> {
  const { clock, logger } = deps
  const store = await LevelJournalStore.open(folder, { nowMs: () => clock.now(), logger })
  try {
    return new OrderService({ address, ...config, resumes }, { ...deps, store })
  } catch (error) {
    await store.close()
    throw error
  }
}
