import { expect, it } from 'vitest'
import { instanceViews } from './instance-view.ts'
import { componentsOf, ModelFleet } from './model-fleet.ts'

it('one that runs on without a mandatory peer says what it waits for', () => {
  const parts = componentsOf({
    db: { lifecycle: { start: 'x' }, provides: { sql: 5432 } },
    web: { lifecycle: { start: 'x' }, requires: { sql: { from: 'db.sql', min: 1 } } },
  })
  const fleet = new ModelFleet(parts, 1)
  const web = (): object => instanceViews(fleet.fleet(), fleet.last).find(({ id }) => id === 'shop-web-1') ?? {}
  for (let i = 0; i < 20; i++) {
    fleet.reconcile()
    fleet.work()
  }
  fleet.reconcile()
  expect(web()).toMatchObject({ state: 'running', why: null, next: 'nothing' })

  const record = fleet.records.get('shop-web-1')
  if (!record) throw new Error('no web')
  const requires = record.spec.requires.map((port) => ({ ...port, peers: [] }))
  fleet.records.set('shop-web-1', { ...record, spec: { ...record.spec, requires } })
  expect(web()).toMatchObject({
    state: 'running',
    why: 'waits for peers of sql: found 0, expected 1',
    next: 'it is told of its peers once they are ready',
  })
})
