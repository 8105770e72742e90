import { expect, it } from 'vitest'
import type { OrderRow } from '#controller/orders/order-row.ts'
import { OrderWatch } from './order-watch.ts'

const due = { id: 'shop-web-1', host: 'main.home.a', verb: 'instance-apply', body: { generation: 1 } }
const row = (more: Partial<OrderRow> = {}): OrderRow => ({
  id: 'ord-1',
  target: 'main.home.a',
  verb: 'instance-apply',
  key: 'instance/shop-web-1',
  generation: 1,
  issuedMs: 0,
  expiresMs: 1,
  keepUntilMs: 1,
  body: '',
  state: 'done',
  ...more,
})

function settledAgain(watch: OrderWatch, body: unknown, nowMs: number): number {
  watch.issuing({ ...due, body }, nowMs)
  watch.issued(due.id, 'ord-1')
  watch.settled(row({ state: 'refused', code: 'NO', reason: 'not here' }), nowMs)
  return (watch.orders.get(due.id)?.againAtMs ?? 0) - nowMs
}

it('what does not come about is ordered less and less often, and something else at once', () => {
  const watch = new OrderWatch()
  expect([1, 2, 3].map(() => settledAgain(watch, due.body, 1000))).toEqual([2000, 4000, 8000])
  expect(watch.orders.get(due.id)).toMatchObject({ isOpen: false, failure: 'its order was refused: NO: not here' })
  expect(settledAgain(watch, { generation: 2 }, 1000)).toBe(2000)
})

it('only the last order about an instance counts', () => {
  const watch = new OrderWatch()
  watch.issuing(due, 0)
  watch.issued(due.id, 'ord-2')
  expect(watch.settled(row({ state: 'superseded' }), 0)).toBe(false)
  expect(watch.settled(row({ id: 'ord-2', key: 'sensors' }), 0)).toBe(false)
  expect(watch.orders.get(due.id)?.isOpen).toBe(true)
  expect(watch.settled(row({ id: 'ord-2' }), 0)).toBe(true)
  expect(watch.orders.get(due.id)).toMatchObject({ isOpen: false, failure: undefined })
})

it('takes up the newest order about each instance of the tenant, and forgets those that are over', () => {
  const watch = new OrderWatch()
  const rows = [
    row({ generation: 2, state: 'sent', verb: 'instance-remove' }),
    row({ generation: 1 }),
    row({ generation: 3, verb: 'instance-restart' }),
    row({ key: 'instance/gone-1' }),
    row({ key: 'instance/other-1', target: 'evil.home.a' }),
  ]
  watch.restore('main', rows, 0)
  expect([...watch.orders].map(([id, { verb, isOpen }]) => [id, verb, isOpen])).toEqual([
    ['shop-web-1', 'instance-remove', true],
    ['gone-1', 'instance-apply', false],
  ])
  watch.prune(() => false, 0)
  expect([...watch.orders.keys()]).toEqual(['shop-web-1'])
})
