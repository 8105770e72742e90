import type { Bus } from '#broker/bus.ts'
import { isOrderId } from '#protocol/orders/order.ts'
import { encodeReport } from '#protocol/orders/report.ts'
import { type Address, parseSubject, prefixOf, replySubject } from '#protocol/subjects/subject.ts'
import type { JournalCounters } from './journal-events.ts'

/** Orders refused for want of a key, counted as the service counts. */
export interface OrderRefuser {
  readonly open: 0
  readonly counters: JournalCounters
  close(): void
}

/**
 * For an agent that knows no order key: refuses every order with the reason. Nothing need be kept of that: without a journal in its
 * birth no controller sends it any.
 */
export function refuseOrders(address: Address, bus: Pick<Bus, 'publish' | 'subscribe' | 'state'>): OrderRefuser {
  let refused = 0
  const code = 'ORDER_KEY_MISSING'
  const reason = 'the agent takes no orders: its configuration has no orders.key'
  const subscription = bus.subscribe(`${prefixOf(address)}.order.>`, ({ subject }) => {
    refused++
    const [, id = ''] = parseSubject(subject).rest
    if (!isOrderId(id) || bus.state !== 'up') return
    bus.publish(replySubject(subject), encodeReport({ id, journal: '', state: 'refused', code, reason }))
  })
  return {
    open: 0,
    get counters() {
      return { received: refused, repeated: 0, started: 0, refused: { [code]: refused }, forgotten: 0 }
    },
    close: () => subscription.close(),
  }
}
