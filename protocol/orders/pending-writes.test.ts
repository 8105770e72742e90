import { expect, it } from 'vitest'
import { PendingWrites } from './pending-writes.ts'

it('writes one thing at a time, and all that changed meanwhile with the next', () => {
  const rows = new Map([['a', 1]])
  const pending = new PendingWrites<number>()
  const next = (): unknown => pending.next((id) => rows.get(id))
  expect(next()).toBeUndefined()

  pending.mark('a', false)
  expect(next()).toEqual({ rows: new Map([['a', 1]]), sync: false })
  rows.set('a', 2).set('b', 1)
  pending.mark('a', false)
  pending.mark('b', true)
  pending.mark('b', false)
  pending.mark('gone', false)
  expect(next()).toBeUndefined()

  expect(pending.finish()).toEqual(new Map([['a', 1]]))
  expect(next()).toEqual({
    rows: new Map<string, number | undefined>([
      ['a', 2],
      ['b', 1],
      ['gone', undefined],
    ]),
    sync: true,
  })
})
