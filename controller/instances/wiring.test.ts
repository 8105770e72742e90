import { describe, expect, it } from 'vitest'
import type { InstanceSpec, PeerEndpoint } from '#protocol/instances/spec.ts'
import type { InstanceState, InstanceStatus } from '#protocol/instances/status.ts'
import type { FleetHost } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { instanceSpec } from './instance-spec.ts'
import { componentsOf } from './model-fleet.ts'
import { peersOf } from './wiring.ts'

const [db, web] = componentsOf({
  db: { instances: { max: 9 }, lifecycle: { start: 'x' }, provides: { sql: 5432 } },
  web: { lifecycle: { start: 'x' }, requires: { sql: { from: 'db.sql', max: 2 } } },
})
if (!db || !web) throw new Error('no components')

const at = { public: '1.1.1.1:1', cloud: '10.0.0.1:1', container: '172.17.0.1:1' }

interface Provider {
  readonly number: number
  readonly host?: string
  readonly state?: InstanceState
  readonly isLeaving?: boolean
}

const base = { application: 'shop', generation: 1, system: 'linux', peers: new Map(), isWanted: true } as const
const recordOf = ({ number, host = 'main.home.a', isLeaving = false }: Provider): InstanceRecord => {
  const id = `shop-db-${number}`
  const spec = instanceSpec({ ...base, id, component: db })
  return { id, application: 'shop', component: 'db', number, host, spec, isStopped: false, isLeaving, createdAtMs: 0 }
}

/** The peers of an instance on main.home.a; `silent` hosts have said nothing. */
function wired(
  providers: readonly Provider[],
  told: readonly string[] = [],
  silent: readonly string[] = [],
): readonly PeerEndpoint[] {
  const records = providers.map(recordOf)
  const hosts = new Map<string, FleetHost>()
  for (const id of new Set(records.map(({ host }) => host))) {
    const statuses = new Map<string, InstanceStatus>()
    for (const { number, host = 'main.home.a', state = 'running' } of providers) {
      const name = `shop-db-${number}`
      const facts = { id: name, application: 'shop', component: 'db', generation: 1, state, restarts: 0, sinceMs: 1 }
      if (host === id) statuses.set(name, { ...facts, endpoints: { sql: { instance: name, ...at } } })
    }
    const report = silent.includes(id) ? undefined : ({ system: 'linux', isolations: [], statuses } as const)
    hosts.set(id, { id, cloud: 'home', host: 'a', state: 'online', labels: {}, report })
  }
  const known: InstanceSpec = instanceSpec({
    ...base,
    id: 'shop-web-1',
    component: web as NonNullable<typeof web>,
    peers: new Map([['sql', told.map((instance) => ({ instance, cloud: 'as told' }))]]),
  })
  const consumer = { id: 'shop-web-1', application: 'shop', host: 'main.home.a', told: known }
  const fleet = { hosts, recordsOf: (_: string, component: string) => (component === 'db' ? records : []) }
  return peersOf(consumer, web as NonNullable<typeof web>, fleet).get('sql') ?? []
}

const names = (peers: readonly PeerEndpoint[]): string[] => peers.map(({ instance }) => instance)

describe('peersOf', () => {
  it('tells of each peer on the levels where it can be reached', () => {
    expect(wired([{ number: 1 }])).toEqual([{ instance: 'shop-db-1', ...at }])
    const sameCloud = { instance: 'shop-db-1', ...at, container: undefined }
    expect(wired([{ number: 1, host: 'main.home.b' }])).toEqual([sameCloud])
    expect(wired([{ number: 1, host: 'main.ec2.b' }])).toEqual([{ ...sameCloud, cloud: undefined }])
  })

  it('tells of none that is not ready, or goes', () => {
    expect(names(wired([{ number: 1, state: 'starting' }, { number: 2, isLeaving: true }, { number: 3 }]))).toEqual([
      'shop-db-3',
    ])
  })

  it('keeps what it was told of those that are not known, and tells of no other of them', () => {
    const providers = [
      { number: 1, host: 'main.home.b' },
      { number: 2, host: 'main.home.c', state: 'unknown' as const },
      { number: 3, host: 'main.home.b' },
    ]
    expect(wired(providers, ['shop-db-1', 'shop-db-2'], ['main.home.b'])).toEqual([
      { instance: 'shop-db-1', cloud: 'as told' },
      { instance: 'shop-db-2', cloud: 'as told' },
    ])
  })

  it('keeps those that it knows where there are more than it is told of', () => {
    const three = [{ number: 1 }, { number: 2 }, { number: 3 }]
    expect(names(wired(three))).toEqual(['shop-db-1', 'shop-db-2'])
    expect(names(wired(three, ['shop-db-2', 'shop-db-3']))).toEqual(['shop-db-2', 'shop-db-3'])
  })
})
