/** Orders, composed: the key that signs them, and the hosts that can be ordered, as presence knows them. */
import type { Bus } from '#broker/bus.ts'
import type { PresenceService } from '#controller/presence/presence-service.ts'
import type { RegistryStore } from '#controller/registry/registry-store.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { OrderHost } from './order-hosts.ts'
import { openOrderKey } from './order-key.ts'
import { OrderService } from './order-service.ts'

export interface OrdersPartDeps {
  readonly bus: Bus
  readonly registry: RegistryStore
  readonly clock: Clock
  readonly logger: Logger
  readonly presence: Pick<PresenceService, 'hosts'>
}

/** The orders, and the public nkey (`U…`) that agents must know to take them. Throws as `openOrderKey`. */
export async function openOrders(
  { dataDir, session }: { readonly dataDir: string; readonly session: number },
  { bus, registry, clock, logger, presence }: OrdersPartDeps,
): Promise<{ readonly orders: OrderService; readonly orderKey: string }> {
  const key = openOrderKey(dataDir)
  const orders = await OrderService.open(
    { session },
    {
      bus,
      registry,
      clock,
      logger: logger.child({ component: 'orders' }),
      sign: (data) => key.sign(data),
      hosts: () => orderHosts(presence),
    },
  )
  return { orders, orderKey: key.publicKey }
}

/** Who can be ordered: those whose newest session was born, by the journal that it named. */
function* orderHosts(presence: Pick<PresenceService, 'hosts'>): Iterable<OrderHost> {
  for (const { record, presence: known } of presence.hosts()) {
    const { state, session, isBorn } = known
    const isHere = isBorn && (state === 'online' || state === 'suspect')
    const journal = record.birth?.session === session ? record.birth.journal : undefined
    yield { id: hostIdOf(record.address), isHere, hasLeft: state === 'left', session, journal }
  }
}
