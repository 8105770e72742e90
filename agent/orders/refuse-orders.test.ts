import { expect, it } from 'vitest'
import { parseReport } from '#protocol/orders/report.ts'
import { refuseOrders } from './refuse-orders.ts'

it('an agent without a key refuses every order, with the reason', () => {
  const said: [string, unknown][] = []
  let hear: (subject: string) => void = () => {}
  const refuser = refuseOrders(
    { tenant: 'main', cloud: 'home', host: 'web' },
    {
      state: 'up',
      publish: (subject, body) => said.push([subject, parseReport(body).code]),
      subscribe: (pattern, handler) => {
        hear = (subject) => handler({ subject, body: new Uint8Array(0) })
        return { pattern, close: () => {} }
      },
    },
  )
  hear('lanista.main.home.web.order.ping.ord-1')
  hear('lanista.main.home.web.order.ping.something-else')
  expect(said).toEqual([['lanista.main.home.web.reply._controller.ord-1', 'ORDER_KEY_MISSING']])
  expect(refuser.counters).toMatchObject({ received: 2, refused: { ORDER_KEY_MISSING: 2 } })
})
