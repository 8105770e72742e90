import { array, assert, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Candidate, type MemberPlace, type Membership, membersFor, nextMembership } from './membership.ts'
import { componentsOf, ModelFleet } from './model-fleet.ts'

const at = (number: number, cloud = 'home'): MemberPlace => ({
  id: `a-b-${number}`,
  cloud,
  cloudIp: `10.0.0.${number}`,
  publicIp: `1.0.0.${number}`,
})
const one = (number: number, standing: Candidate['standing']): Candidate => {
  const isKnown = standing === 'running' || standing === 'heard'
  return { number, id: `a-b-${number}`, standing, place: isKnown ? at(number) : undefined }
}
const candidates = (text: string): Candidate[] =>
  text
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => {
      const [number, word] = part.split(':')
      return one(Number(number), word as Candidate['standing'])
    })
/** `term master: joined`. */
const shown = (membership: Membership | undefined): string => {
  const numberOf = ({ id }: MemberPlace): string => id.slice(4)
  if (!membership) return 'nobody'
  return `${membership.term} ${numberOf(membership.master)}: ${membership.joined.map(numberOf).join(' ')}`
}

describe('members of a component', () => {
  it.each<[string, string, string[]]>([
    ['the first is the master before it runs', '1:heard', ['1 1: ']],
    [
      'they join when they run for the first time',
      '1:heard,1:running 2:heard,1:running 2:running',
      ['1 1: ', '1 1: 1', '1 1: 1 2'],
    ],
    ['one that fails stays', '1:running 2:running,1:heard 2:running', ['1 1: 1 2', '1 1: 1 2']],
    ['one that is silent stays, for a while', '1:running 2:running,1:silent 2:running', ['1 1: 1 2', '1 1: 1 2']],
    [
      'a lost master is followed by the oldest that runs, and comes back as a node',
      '1:running 2:silent 3:running 4:running,1:lost 2:silent 3:running 4:running,1:running 3:running 4:running',
      ['1 1: 1 3 4', '2 3: 3 4', '2 3: 1 3 4'],
    ],
    ['a master that was removed is followed at once', '1:running 2:running,2:running', ['1 1: 1 2', '2 2: 2']],
    ['where nobody is heard the master stays', '1:running 2:running,1:lost 2:silent', ['1 1: 1 2', '1 1: 2']],
    ['who comes after all were gone begins another term', '1:running,,2:heard', ['1 1: 1', '1 1: ', '2 2: ']],
  ])('%s', (_name, steps, expected) => {
    let membership: Membership | undefined
    const seen = steps.split(',').map((text) => {
      membership = nextMembership(membership, candidates(text))
      return shown(membership)
    })
    expect(seen).toEqual(expected)
  })

  it('are told to each with itself, by the addresses that it can reach', () => {
    const membership = { term: 3, master: at(1, 'far'), joined: [at(1, 'far'), at(2)] }
    const first = membersFor({ ...membership, joined: [at(2), at(10)] }, at(1, 'far'))
    expect(first.list.map(({ id }) => id)).toEqual(['a-b-1', 'a-b-2', 'a-b-10'])
    expect(membersFor(membership, at(3))).toEqual({
      term: 3,
      masterIp: '1.0.0.1',
      list: [
        { id: 'a-b-1', ip: '1.0.0.1', role: 'master' },
        { id: 'a-b-2', ip: '10.0.0.2', role: 'node' },
        { id: 'a-b-3', ip: '10.0.0.3', role: 'node' },
      ],
    })
  })

  it('are a bounded list with the master and oneself', () => {
    const joined = Array.from({ length: 1200 }, (_, i) => at(i + 1))
    const { list } = membersFor({ term: 1, master: at(1200), joined }, at(1100))
    expect(list).toHaveLength(1000)
    expect(list.slice(-2).map(({ id }) => id)).toEqual(['a-b-1100', 'a-b-1200'])
  })

  it('have one master of each term, and terms that grow, whatever becomes of them; the same again changes nothing', () => {
    const standing = constantFrom<Candidate['standing'] | 'gone'>('running', 'heard', 'silent', 'lost', 'gone')
    assert(
      property(array(array(standing, { minLength: 4, maxLength: 4 }), { maxLength: 30 }), (rounds) => {
        const masters = new Map<number, string>()
        let before: Membership | undefined
        for (const round of rounds) {
          const there = round.flatMap((word, i) => (word === 'gone' ? [] : [one(i + 1, word)]))
          const next = nextMembership(before, there)
          if (!next) continue
          expect(nextMembership(next, there)).toBe(next)
          expect(next.term).toBeGreaterThanOrEqual(before?.term ?? 1)
          expect(masters.get(next.term) ?? next.master.id).toBe(next.master.id)
          masters.set(next.term, next.master.id)
          before = next
        }
      }),
    )
  })
})

describe('a service on hosts', () => {
  const service = (min = 0): ReturnType<typeof componentsOf> =>
    componentsOf({ crunch: { instances: { min, initial: 3, max: 4 }, service: true, members: { grace: '5s' } } })
  const roles = (fleet: ModelFleet): string[] =>
    fleet.live('crunch').map(({ spec }) => {
      const own = spec.members?.list.find(({ id }) => id === spec.id)
      return `${spec.id.slice(-1)} ${own?.role} of ${spec.members?.term}: ${spec.members?.list.map(({ id }) => id.slice(-1)).join('')}`
    })

  it('knows its master from the first order on, and all of each other in the end', () => {
    const fleet = new ModelFleet(service(), 3)
    const first = fleet.reconcile().orders.map(({ body }) => (body as { members: { list: object[] } }).members.list)
    expect(first).toEqual([
      [{ id: 'shop-crunch-1', ip: '10.0.0.1', role: 'master' }],
      [{ id: 'shop-crunch-2', ip: '10.0.0.2', role: 'node' }],
      [{ id: 'shop-crunch-3', ip: '10.0.0.3', role: 'node' }],
    ])
    fleet.settle()
    expect(roles(fleet)).toEqual(['1 master of 1: 123', '2 node of 1: 123', '3 node of 1: 123'])
  })

  it('is told of who comes and goes, and keeps its master while another is there', () => {
    const fleet = new ModelFleet(service(), 3)
    fleet.settle()
    fleet.wanted.set('crunch', 4)
    fleet.settle()
    expect(roles(fleet)[0]).toBe('1 master of 1: 1234')
    fleet.wanted.set('crunch', 1)
    fleet.settle()
    expect(roles(fleet)).toEqual(['1 master of 1: 1'])
  })

  it('has another master when the host of the first is silent for too long, and takes that one away last', () => {
    const fleet = new ModelFleet(service(), 3)
    fleet.settle()
    const host = fleet.hosts.get('main.home.h1')
    if (host) host.isOnline = false
    fleet.work()
    expect(fleet.reconcile().waits.get('shop/crunch')?.[0]).toContain('shop-crunch-1 to be heard again')
    expect(fleet.memberships.get('shop/crunch')?.term).toBe(1)
    for (let i = 0; i < 8; i++) {
      fleet.work()
      fleet.reconcile()
    }
    expect(roles(fleet).slice(1)).toEqual(['2 master of 2: 23', '3 node of 2: 23'])
    if (host) host.isOnline = true
    fleet.settle()
    expect(roles(fleet)).toEqual(['1 node of 2: 123', '2 master of 2: 123', '3 node of 2: 123'])
    fleet.wanted.set('crunch', 1)
    fleet.settle()
    expect(roles(fleet)).toEqual(['2 master of 2: 2'])
  })

  it('never has two masters of one term, whatever hosts and operators do', () => {
    const action = record({
      host: integer({ min: 1, max: 3 }),
      isOnline: constantFrom(true, false),
      count: integer({ min: 0, max: 4 }),
    })
    assert(
      property(array(action, { maxLength: 12 }), (actions) => {
        const fleet = new ModelFleet(service(), 3)
        for (const { host, isOnline, count } of actions) {
          const changed = fleet.hosts.get(`main.home.h${host}`)
          if (changed) changed.isOnline = isOnline
          fleet.wanted.set('crunch', count)
          for (let i = 0; i < 7; i++) {
            fleet.reconcile()
            fleet.work()
          }
        }
        for (const masters of fleet.masters.values()) expect(masters.size).toBe(1)
      }),
      { numRuns: 40 },
    )
  })
})
