import type { Bus } from '#broker/bus.ts'
import { LanistaError } from '#protocol/errors.ts'
import { type Address, prefixOf } from '#protocol/subjects/subject.ts'
import type { Store } from '../store/store.ts'

export interface HealthDeps {
  readonly bus: Pick<Bus, 'up' | 'subscribe'>
  readonly store: Pick<Store, 'commit' | 'stats'>
}

/**
 * Waits until this agent does its duty: the store takes and keeps what is written, the bus is up, and the controller has spoken to this very
 * host (its acknowledgements, or the order itself, which is sent again to every host that comes back).
 * @throws LanistaError STORE_FAULT; the signal's reason
 */
export async function healthy(address: Address, { bus, store }: HealthDeps, signal: AbortSignal): Promise<void> {
  await bus.up(signal)
  await spokenTo(address, bus, signal)
  await store.commit()
  const { fault } = store.stats()
  if (fault) throw new LanistaError('STORE_FAULT', `look at the store of the new bundle: found ${fault}`)
}

function spokenTo(address: Address, bus: HealthDeps['bus'], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const own = prefixOf(address)
    const subscriptions = ['control', 'order'].map((kind) => bus.subscribe(`${own}.${kind}.>`, () => end(resolve)))
    const abort = (): void => end(() => reject(signal.reason as Error))
    const end = (tell: () => void): void => {
      signal.removeEventListener('abort', abort)
      for (const subscription of subscriptions) subscription.close()
      tell()
    }
    signal.addEventListener('abort', abort, { once: true })
  })
}
