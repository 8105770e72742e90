import { array, assert, constant, integer, oneof, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { componentsOf, ModelFleet } from './model-fleet.ts'
import { reconcile } from './reconcile.ts'

const start = './run.sh'
const shop = (web: object = {}): ReturnType<typeof componentsOf> =>
  componentsOf({
    web: {
      instances: { min: 1, initial: 2, max: 4 },
      lifecycle: { start },
      requires: { sql: { from: 'db.sql', onChange: './rewire.sh' } },
      ...web,
    },
    db: { instances: { min: 1, initial: 1, max: 1 }, lifecycle: { start }, provides: { sql: 5432 } },
  })

describe('reconcile', () => {
  it('makes what is wanted, wires it, and then does nothing', () => {
    const fleet = new ModelFleet(shop(), 3)
    expect(fleet.settle()).toBeLessThan(20)
    expect(fleet.made.toSorted()).toEqual(['shop-db-1', 'shop-web-1', 'shop-web-2'])
    expect(
      [...fleet.records.values()]
        .filter(({ component }) => component === 'web')
        .map(({ spec }) => spec.requires[0]?.peers),
    ).toEqual([0, 1].map(() => [{ instance: 'shop-db-1', cloud: '10.0.0.1:5432' }]))
    const { issued } = fleet
    for (let i = 0; i < 10; i++) {
      fleet.work()
      expect(fleet.reconcile().changes.size).toBe(0)
    }
    expect(fleet.issued).toBe(issued)
  })

  it('takes the newest away, and never uses a name again', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.wanted.set('web', 3)
    fleet.settle()
    fleet.wanted.set('web', 1)
    fleet.settle()
    expect(fleet.live('web').map(({ id }) => id)).toEqual(['shop-web-1'])
    fleet.wanted.set('web', 2)
    fleet.settle()
    expect(fleet.live('web').map(({ id }) => id)).toEqual(['shop-web-1', 'shop-web-4'])
    expect(fleet.running('web').toSorted()).toEqual(['shop-web-1', 'shop-web-4'])
  })

  it('changes one after the other, and stops at the first that does not come up', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.wanted.set('web', 3)
    fleet.settle()
    fleet.broken.add('web')
    fleet.components = shop({ environment: { VERSION: '2' } })
    fleet.settle()
    const versions = (): (string | undefined)[] => fleet.live('web').map(({ spec }) => spec.environment['VERSION'])
    expect(versions()).toEqual(['2', undefined, undefined])
    expect(fleet.last?.waits.get('shop-web-2')).toEqual(['shop-web-1 to be well before it is changed, too'])
    fleet.broken.clear()
    fleet.components = shop({ environment: { VERSION: '3' } })
    fleet.settle()
    expect(versions()).toEqual(['3', '3', '3'])
  })

  it('decides nothing on a host that is silent, and says so', () => {
    const fleet = new ModelFleet(shop(), 2)
    fleet.settle()
    const before = [...fleet.records.values()]
    for (const host of fleet.hosts.values()) host.isOnline = false
    const { issued } = fleet
    for (let i = 0; i < 5; i++) {
      fleet.work()
      fleet.reconcile()
    }
    expect([...fleet.records.values()]).toEqual(before)
    expect(fleet.issued).toBe(issued)
  })

  it('empties a host that is drained after others have taken over', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.settle()
    const [first] = fleet.live('web')
    const host = fleet.hosts.get(first?.host ?? '')
    if (host) host.drain = { sinceMs: fleet.nowMs }
    for (let i = 0; i < 40; i++) {
      fleet.reconcile()
      expect(fleet.live('web').length).toBeGreaterThanOrEqual(2)
      fleet.work()
    }
    expect(host?.statuses.size).toBe(0)
    expect(fleet.live('web')).toHaveLength(2)
    expect(fleet.live('db')).toHaveLength(1)
  })

  it('drains what may be there once only by taking it away first', () => {
    const fleet = new ModelFleet(shop(), 2)
    fleet.settle()
    const host = fleet.hosts.get(fleet.live('db')[0]?.host ?? '')
    if (host) host.drain = { sinceMs: fleet.nowMs }
    for (let i = 0; i < 40; i++) {
      fleet.reconcile()
      fleet.work()
      expect(fleet.running('db').length).toBeLessThanOrEqual(1)
    }
    expect(fleet.running('db')).toEqual(['shop-db-2'])
  })

  it('leaves nothing behind of an application that is removed, on hosts that were away either', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.settle()
    const [away] = fleet.hosts.values()
    if (away) away.isOnline = false
    fleet.components = []
    fleet.settle()
    if (away) away.isOnline = true
    fleet.settle()
    expect(fleet.records.size).toBe(0)
    expect([...fleet.hosts.values()].flatMap(({ statuses }) => [...statuses])).toEqual([])
  })

  it('replaces what was on a host that has left, and not what is on one that is not known yet', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.settle()
    const [db] = fleet.live('db')
    fleet.hosts.delete(db?.host ?? '')
    const early = reconcile({ ...fleet.fleet(), knowsHosts: false })
    expect(early.changes.has('shop-db-1')).toBe(false)
    fleet.settle()
    expect(fleet.running('db')).toEqual(['shop-db-2'])
  })

  it('removes what it named once and has no record of, and leaves other names alone', () => {
    const fleet = new ModelFleet(shop(), 1)
    fleet.settle()
    const [host] = fleet.hosts.values()
    const [status] = host?.statuses.values() ?? []
    if (!host || !status) throw new Error('nothing is there')
    fleet.numbers.set('shop-web', 9)
    for (const id of ['shop-web-9', 'shop-web-10', 'other-thing-1']) host.statuses.set(id, { ...status, id })
    expect(fleet.reconcile().orders.map(({ id }) => id)).toEqual(['shop-web-9'])
    fleet.wanted.set('web', 3)
    fleet.settle()
    expect(fleet.live('web').map(({ id }) => id)).toContain('shop-web-11')
  })

  it('places elsewhere what a host refuses, and remembers who did', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.refusing.add('main.home.h1').add('main.home.h2')
    expect(fleet.settle()).toBeLessThan(30)
    expect(fleet.running('web')).toHaveLength(2)
    expect([...fleet.records.values()].every(({ host }) => host === 'main.home.h3')).toBe(true)
    expect(fleet.last?.refusals.get('main.home.h1 shop/web')?.says).toMatch(
      /^it refused shop-web-\d+: .*IMAGE_NOT_ALLOWED/,
    )
    const { issued } = fleet
    fleet.wanted.set('web', 3)
    fleet.settle()
    expect(fleet.issued - issued).toBe(1)
  })

  it('leaves with a host what no other takes, and asks it again', () => {
    const fleet = new ModelFleet(shop(), 2)
    for (const host of fleet.hosts.keys()) fleet.refusing.add(host)
    for (let i = 0; i < 30; i++) {
      fleet.reconcile()
      fleet.work()
    }
    expect(fleet.live('web')).toHaveLength(2)
    expect(fleet.last?.rejected.get('shop/web')).toHaveLength(2)
    fleet.refusing.clear()
    fleet.settle()
    expect(fleet.running('web')).toHaveLength(2)
  })

  it('never moves what has run, whatever its host refuses of it now', () => {
    const fleet = new ModelFleet(shop(), 3)
    fleet.settle()
    const before = fleet.live('db')
    const [db] = before
    const status = fleet.hosts.get(db?.host ?? '')?.statuses.get(db?.id ?? '')
    if (!db || !status) throw new Error('no database')
    const failure = { kind: 'INSTALL_FAILED', code: 'PORT_TAKEN', reason: 'taken' } as const
    fleet.hosts.get(db.host)?.statuses.set(db.id, { ...status, state: 'backoff', hasRun: true, failure })
    fleet.reconcile()
    expect(fleet.live('db')).toEqual(before)
    fleet.hosts.get(db.host)?.statuses.set(db.id, { ...status, state: 'backoff', failure })
    fleet.reconcile()
    expect(fleet.live('db')).toEqual([])
  })

  it('converges whatever happens, within the bounds, without a name twice', () => {
    const event = oneof(
      record({ kind: constant('scale'), to: integer({ min: 1, max: 4 }) }),
      record({ kind: constant('away'), host: integer({ min: 1, max: 4 }) }),
      record({ kind: constant('back'), host: integer({ min: 1, max: 4 }) }),
      record({ kind: constant('drain'), host: integer({ min: 1, max: 4 }) }),
      record({ kind: constant('change'), version: integer({ min: 1, max: 99 }) }),
      record({ kind: constant('work') }),
    )
    assert(
      property(array(event, { maxLength: 30 }), (events) => {
        const fleet = new ModelFleet(shop(), 4)
        for (const one of events) {
          const host = 'host' in one ? fleet.hosts.get(`main.home.h${one.host}`) : undefined
          if ('to' in one) fleet.wanted.set('web', one.to)
          else if ('version' in one) fleet.components = shop({ environment: { VERSION: `${one.version}` } })
          else if (host && one.kind === 'drain') host.drain = { sinceMs: fleet.nowMs }
          else if (host) host.isOnline = one.kind === 'back'
          fleet.reconcile()
          fleet.work()
          expect(fleet.running('web').length).toBeLessThanOrEqual(4)
          expect(fleet.running('db').length).toBeLessThanOrEqual(1)
          expect(fleet.live('web').length).toBeLessThanOrEqual(4)
        }
        for (const host of fleet.hosts.values()) Object.assign(host, { isOnline: true, drain: undefined })
        const { issued } = fleet
        expect(fleet.settle()).toBeLessThan(100)
        expect(fleet.running('web').toSorted()).toEqual(
          fleet
            .live('web')
            .map(({ id }) => id)
            .toSorted(),
        )
        expect(fleet.live('web')).toHaveLength(fleet.wanted.get('web') ?? 0)
        expect(fleet.running('db')).toHaveLength(1)
        expect(new Set(fleet.made).size).toBe(fleet.made.length)
        expect(fleet.issued - issued).toBeLessThan(80)
      }),
      { numRuns: 300 },
    )
  })
})
