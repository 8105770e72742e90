import { expect, it } from 'vitest'
import { type OrderAnswer, ordersText, orderText } from './orders.ts'

const order: OrderAnswer = {
  id: 'ord-1',
  cloud: 'home',
  host: 'web',
  verb: 'sensors-configure',
  key: 'sensors',
  state: 'refused',
  issued_ms: 1_700_000_000_000,
  settled_ms: null,
  code: 'VERB_NOT_ALLOWED',
  reason: 'the allow-list of this host\u001b[2J does not name it',
  progress: null,
  result: null,
}

it('orders are a table, what is not printable is not printed', () => {
  expect(ordersText([order], 1_700_000_005_000)).toBe(
    [
      'ID     HOST  CLOUD  VERB               STATE    AGE  WHY\n',
      'ord-1  web   home   sensors-configure  refused   5s  the allow-list of this host?[2J does not name it\n',
    ].join(''),
  )
})

it('an order is a fact a line, without what is not known', () => {
  const lines = orderText({ ...order, result: { sensors: 1 } }).split('\n')
  expect(lines).toContain('code      VERB_NOT_ALLOWED')
  expect(lines).toContain('result    {"sensors":1}')
  expect(lines.join()).not.toContain('progress')
})
