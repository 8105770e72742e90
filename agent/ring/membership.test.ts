import { describe, expect, test } from 'vitest'
import { Membership, type MembershipAction, membershipDefaults } from './membership.ts'
import type { GossipRow } from './ring-message.ts'

const options = { ...membershipDefaults, host: 'me', zone: 'z1' }
const graceMs = options.graceMs

function known(...hosts: string[]): Membership {
  const membership = new Membership(options, 100, 0)
  for (const host of hosts) membership.step({ kind: 'birth', host, session: 5, zone: 'z1' }, 0)
  membership.watch(hosts, 0)
  return membership
}

function statesOf(membership: Membership): string[] {
  return [...membership.members].map(({ host, state }) => `${host} ${state}`)
}

function row(host: string, rest: Partial<GossipRow> = {}): GossipRow {
  return { host, session: 5, zone: 'z1', heardAgoMs: -1, silentAgoMs: -1, hasLeft: false, ...rest }
}

function gossipTo(actions: readonly MembershipAction[]): string[] {
  return actions.flatMap((action) => (action.kind === 'gossip' ? [action.to] : []))
}

describe('membership', () => {
  test('learns of members by births, heartbeats and tables, and answers a newcomer with its own', () => {
    const membership = new Membership(options, 100, 0)
    expect(gossipTo(membership.step({ kind: 'birth', host: 'a', session: 5, zone: 'z2' }, 0))).toEqual(['a'])
    membership.step({ kind: 'heartbeat', host: 'b', session: 5 }, 0)
    membership.step({ kind: 'gossip', from: 'b', asks: false, rows: [row('b'), row('c')] }, 0)
    expect(statesOf(membership)).toEqual(['a alive', 'b alive', 'c alive'])
    expect(membership.get('b')?.zone).toBe('z1')
  })

  test('finds a watched member silent, tells everybody who lives, and declares it dead after the grace time', () => {
    const membership = known('a', 'b')
    const heardB = (nowMs: number): void => void membership.step({ kind: 'heartbeat', host: 'b', session: 5 }, nowMs)
    heardB(31_000)
    const told = membership.step({ kind: 'tick' }, 31_000)
    expect(membership.get('a')?.state).toBe('suspect')
    expect(gossipTo(told)).toContain('b')
    heardB(31_000 + graceMs)
    membership.step({ kind: 'tick' }, 31_000 + graceMs)
    expect(statesOf(membership)).toEqual(['a dead', 'b alive'])
  })

  test('does not judge the silence of those it does not hear', () => {
    const membership = known('a')
    membership.watch([], 0)
    membership.step({ kind: 'tick' }, 10 * graceMs)
    expect(membership.get('a')?.state).toBe('alive')
  })

  test('takes any message as a sign of life', () => {
    const membership = known('a')
    membership.step({ kind: 'tick' }, 31_000)
    membership.step({ kind: 'heard', host: 'a' }, 32_000)
    expect(membership.get('a')?.state).toBe('alive')
  })

  test('believes a rumour of silence only until it hears the member itself', () => {
    const membership = known('a', 'b')
    membership.step({ kind: 'heartbeat', host: 'a', session: 5 }, 9000)
    membership.step({ kind: 'gossip', from: 'b', asks: false, rows: [row('a', { silentAgoMs: 2000 })] }, 10_000)
    expect(membership.get('a')?.state).toBe('alive')
    membership.step({ kind: 'gossip', from: 'b', asks: false, rows: [row('a', { silentAgoMs: 0 })] }, 10_000)
    expect(membership.get('a')?.state).toBe('suspect')
    membership.step({ kind: 'heartbeat', host: 'a', session: 5 }, 10_001)
    expect(membership.get('a')?.state).toBe('alive')
  })

  test('takes a death as a hint: suspect at once, dead only after the grace time', () => {
    const membership = known('a')
    membership.step({ kind: 'death', host: 'a', session: 5, leaves: false }, 1000)
    expect(membership.get('a')?.state).toBe('suspect')
    membership.step({ kind: 'heartbeat', host: 'a', session: 5 }, 2000)
    expect(membership.get('a')?.state).toBe('alive')
  })

  test('ignores what an older session says, and starts over with a newer one', () => {
    const membership = known('a')
    membership.step({ kind: 'death', host: 'a', session: 4, leaves: true }, 1000)
    expect(membership.get('a')?.state).toBe('alive')
    membership.step({ kind: 'death', host: 'a', session: 5, leaves: true }, 1000)
    expect(membership.get('a')?.state).toBe('left')
    const actions = membership.step({ kind: 'birth', host: 'a', session: 6, zone: '' }, 2000)
    expect(actions).toContainEqual({ kind: 'member', host: 'a', from: 'left', to: 'alive', isNewSession: true })
  })

  test('does not take it from one session to the next that a host has left', () => {
    const membership = known('a')
    membership.step({ kind: 'death', host: 'a', session: 5, leaves: true }, 1000)
    membership.step({ kind: 'death', host: 'a', session: 6, leaves: false }, 2000)
    expect(membership.get('a')?.state).toBe('suspect')
  })

  test('takes a new session when others believe that it has left', () => {
    const rows = [row('me', { session: 100, hasLeft: true })]
    expect(known('a').step({ kind: 'gossip', from: 'a', asks: false, rows }, 0)).toEqual([
      { kind: 'renewSession', above: 100 },
    ])
  })

  test('does not raise the dead by an old table', () => {
    const membership = known('a')
    membership.step({ kind: 'death', host: 'a', session: 5, leaves: true }, 1000)
    membership.step({ kind: 'gossip', from: 'b', asks: false, rows: [row('a', { heardAgoMs: 500 })] }, 1200)
    expect(membership.get('a')?.state).toBe('left')
    membership.step({ kind: 'gossip', from: 'b', asks: false, rows: [row('gone', { hasLeft: true })] }, 1200)
    expect(membership.get('gone')).toBeUndefined()
  })

  test('tells of the dead, so that nobody misses a death, and forgets them after a day', () => {
    const membership = known('a', 'b')
    const hearB = (nowMs: number): MembershipAction[] =>
      membership.step({ kind: 'gossip', from: 'b', asks: true, rows: [row('b')] }, nowMs)
    hearB(31_000)
    membership.step({ kind: 'tick' }, 31_000)
    hearB(31_000 + graceMs)
    membership.step({ kind: 'tick' }, 31_000 + graceMs)
    const [told] = hearB(31_000 + graceMs)
    expect(told?.kind === 'gossip' && told.rows).toContainEqual(expect.objectContaining({ host: 'a', silentAgoMs: 0 }))
    membership.watch([], 31_000 + graceMs)
    membership.step({ kind: 'tick' }, 32_000 + graceMs + options.forgetMs)
    expect(membership.get('a')).toBeUndefined()
  })

  test('takes no birth that the broker may have kept for a sign of life', () => {
    const membership = new Membership(options, 100, 0)
    membership.step({ kind: 'busBack' }, 0)
    for (const host of ['gone', 'here']) membership.step({ kind: 'birth', host, session: 5, zone: 'z9' }, 10)
    expect(statesOf(membership)).toEqual([])
    membership.step({ kind: 'heartbeat', host: 'here', session: 5 }, 20)
    expect(statesOf(membership)).toEqual(['here alive'])
    expect(membership.get('here')?.zone).toBe('z9')
  })

  test('begins every wait anew after it was cut off', () => {
    const membership = known('a')
    membership.step({ kind: 'tick' }, 31_000)
    membership.step({ kind: 'busLost' }, 32_000)
    membership.step({ kind: 'tick' }, 5 * graceMs)
    membership.step({ kind: 'busBack' }, 5 * graceMs)
    membership.step({ kind: 'tick' }, 5 * graceMs + 1)
    expect(membership.get('a')?.state).toBe('suspect')
    expect(membership.hearsAll(5 * graceMs + 1)).toBe(true)
  })

  test('reports a clone: its own identity in a session that it did not take', () => {
    const membership = new Membership(options, 100, 0)
    expect(membership.step({ kind: 'birth', host: 'me', session: 99, zone: '' }, 0)).toEqual([])
    expect(membership.step({ kind: 'birth', host: 'me', session: 101, zone: '' }, 0)).toEqual([
      { kind: 'clone', session: 101 },
    ])
    membership.step({ kind: 'session', session: 101 }, 0)
    expect(membership.step({ kind: 'birth', host: 'me', session: 101, zone: '' }, 0)).toEqual([])
  })

  test('tells its forgotten past from a clone', () => {
    const membership = new Membership(options, 100, 50_000)
    const told = (heardAgoMs: number): MembershipAction[] =>
      membership.step(
        { kind: 'gossip', from: 'a', asks: false, rows: [row('me', { session: 200, heardAgoMs })] },
        60_000,
      )
    expect(told(15_000)).toEqual([{ kind: 'renewSession', above: 200 }])
    expect(told(5000)).toEqual([{ kind: 'clone', session: 200 }])
  })

  test('knows no more members than its bound, and forgets the gone first', () => {
    const membership = new Membership({ ...options, membersMax: 2 }, 100, 0)
    for (const host of ['a', 'b', 'c']) membership.step({ kind: 'birth', host, session: 5, zone: '' }, 0)
    expect(statesOf(membership)).toEqual(['a alive', 'b alive'])
    expect(membership.refused).toBe(1)
    membership.step({ kind: 'death', host: 'a', session: 5, leaves: true }, 0)
    membership.step({ kind: 'birth', host: 'c', session: 5, zone: '' }, 0)
    expect(statesOf(membership)).toEqual(['b alive', 'c alive'])
  })

  test('does not take in a session that nobody could follow', () => {
    const membership = known('a')
    membership.step({ kind: 'birth', host: 'a', session: 2 ** 50, zone: '' }, 0)
    membership.step(
      {
        kind: 'gossip',
        from: 'a',
        asks: false,
        rows: [row('me', { session: 2 ** 50 }), row('b', { session: 2 ** 50 })],
      },
      0,
    )
    expect([...membership.members].map(({ host, session }) => [host, session])).toEqual([['a', 5]])
    expect(membership.refused).toBe(3)
  })

  test('says of itself that it leaves', () => {
    const membership = known('a')
    const [action] = membership.step({ kind: 'leave' }, 0)
    expect(action?.kind === 'gossip' && action.rows[0]).toMatchObject({ host: 'me', hasLeft: true })
    expect(membership.isAlive('me')).toBe(false)
  })
})
