import type { Courier } from './courier.ts'
import type { CourierCounters } from './courier-counters.ts'
import { formOf } from './form.ts'
import type { HealthState } from './health.ts'
import type { SubscriptionForm } from './schema.ts'
import { subscriptionId } from './subscription.ts'
import type { Owned } from './subscription-rows.ts'

/** A subscription as it is shown: everything but the secret. */
export interface SubscriptionView {
  readonly id: string
  readonly name: string
  readonly application: string | null
  readonly form: SubscriptionForm
  readonly hasSecret: boolean
  /** Readings that wait. */
  readonly queued: number
  readonly health: HealthState
  readonly counters: Readonly<CourierCounters>
}

export function viewOf({ subscription, courier }: Owned & { readonly courier: Courier }): SubscriptionView {
  return {
    id: subscriptionId(subscription),
    name: subscription.name,
    application: subscription.application ?? null,
    form: formOf(subscription),
    hasSecret: subscription.secret !== undefined,
    queued: courier.queued,
    health: courier.health,
    counters: { ...courier.counters },
  }
}
