import type { OwnEvent } from '#controller/events/event-service.ts'
import type { HealthChange } from './health.ts'
import { subscriptionId } from './subscription.ts'
import type { Owned } from './subscription-rows.ts'

/**
 * The event `subscription.failing` or `subscription.recovered`, with the fields `subscription` and `reason`.
 * @param id no other event has it, ever
 */
export function alarmOf({ tenant, subscription }: Owned, id: string, { kind, reason }: HealthChange): OwnEvent {
  const { application } = subscription
  const fields = { subscription: subscriptionId(subscription), reason }
  return { tenant, id: `subscription-${id}`, kind: `subscription.${kind}`, application, fields }
}
