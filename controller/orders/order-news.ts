import type { EventService } from '#controller/events/event-service.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import type { OrderService } from './order-service.ts'

/** Says each end of an order as an event `order.settled`, under the order's id; the returned function ends it. */
export function tellOrderEnds(orders: Pick<OrderService, 'onSettled'>, events: Pick<EventService, 'say'>): () => void {
  return orders.onSettled(({ id, target, verb, key, state, code, reason }) => {
    const { tenant, cloud, host } = parseHostId(target)
    events.say({ tenant, id, kind: 'order.settled', fields: { cloud, host, verb, key, state, code, reason } })
  })
}
