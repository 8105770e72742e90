import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sessionAfterDeath } from './own-death.ts'
import {
  type HostState,
  initialPresence,
  type PresenceAction,
  type PresenceEvent,
  type PresenceState,
  step,
} from './presence.ts'
import { nextSession, sessionMax } from './session.ts'

const host = 'acme.home.web-1'

/** Plays a script of [time, event] and keeps what was done. */
function play(
  script: readonly (readonly [number, PresenceEvent])[],
  state = initialPresence({ heartbeatIntervalMs: 10 }),
) {
  const actions: PresenceAction[] = []
  for (const [nowMs, event] of script) {
    const next = step(state, event, nowMs)
    state = next.state
    actions.push(...next.actions)
  }
  return { state, actions, changes: actions.flatMap((a) => (a.kind === 'changed' ? [a.to] : [])) }
}

const birth = (session: number): PresenceEvent => ({ kind: 'birth', host, session })
const beat = (session: number): PresenceEvent => ({ kind: 'heartbeat', host, session })
const death = (session: number): PresenceEvent => ({ kind: 'death', host, session, reason: 'last will' })
const tick: PresenceEvent = { kind: 'tick' }

function stateOf(state: PresenceState): HostState | undefined {
  return state.hosts.get(host)?.state
}

describe('presence', () => {
  it('is online by birth, suspect after 2 silent intervals, offline after 4, and says so once each', () => {
    const { actions } = play([
      [0, birth(7)],
      [20, tick],
      [21, tick],
      [30, tick],
      [41, tick],
      [80, tick],
    ])
    expect(actions).toEqual([
      { kind: 'changed', host, session: 7, from: 'unknown', to: 'online', reason: 'birth' },
      { kind: 'changed', host, session: 7, from: 'online', to: 'suspect', reason: 'silent for 2 heartbeat intervals' },
      { kind: 'changed', host, session: 7, from: 'suspect', to: 'offline', reason: 'silent for 4 heartbeat intervals' },
      { kind: 'publishDeath', host, session: 7, reason: 'silent for 4 heartbeat intervals' },
    ])
  })

  it('a heartbeat brings a suspect back', () => {
    expect(
      play([
        [0, birth(7)],
        [25, tick],
        [26, beat(7)],
      ]).changes,
    ).toEqual(['online', 'suspect', 'online'])
  })

  it('a death of an older session is ignored, one of the present session counts', () => {
    expect(
      play([
        [0, birth(7)],
        [1, birth(8)],
        [2, death(7)],
      ]).changes,
    ).toEqual(['online'])
    expect(
      play([
        [0, birth(7)],
        [1, death(7)],
      ]).changes,
    ).toEqual(['online', 'offline'])
  })

  it('who said that it leaves for good has left, whatever is told of that session afterwards, until it is born anew', () => {
    const left: PresenceEvent = { kind: 'death', host, session: 7, reason: 'left' }
    expect(
      play([
        [0, birth(7)],
        [1, left],
        [2, death(7)],
        [3, { kind: 'brokerLost' }],
        [4, { kind: 'brokerBack' }],
        [90, tick],
        [91, birth(8)],
      ]).changes,
    ).toEqual(['online', 'left', 'online'])
  })

  it('a host that had left before the controller started is still known to have left', () => {
    const { state } = play([[0, { kind: 'restored', host, session: 7, isDead: true, hasLeft: true }]])
    expect(stateOf(state)).toBe('left')
  })

  it('a dead session stays dead: its late or retained birth changes nothing, a newer one does', () => {
    expect(
      stateOf(
        play([
          [0, death(7)],
          [1, birth(7)],
        ]).state,
      ),
    ).toBe('offline')
    expect(
      play([
        [0, birth(7)],
        [1, death(7)],
        [2, birth(7)],
        [3, birth(8)],
      ]).changes,
    ).toEqual(['online', 'offline', 'online'])
  })

  it('an agent that comes back under a dead session is told at once, and is online as soon as it takes a new one', () => {
    const { actions } = play([
      [0, birth(7)],
      [1, death(7)],
      [2, birth(7)],
      [2, beat(7)],
    ])
    const told = { kind: 'publishDeath', host: 'h', session: 7, reason: 'this session was declared dead' }
    expect(actions.slice(2)).toEqual([expect.objectContaining({ ...told, host: expect.any(String) as string })])
  })

  it('a heartbeat of a dead session is answered with its death, once an interval, until the agent takes a new one', () => {
    const { actions, state } = play([
      [0, birth(7)],
      [1, death(7)],
      [20, beat(7)],
      [21, beat(7)],
      [30, beat(7)],
      [31, birth(8)],
    ])
    expect(actions.filter((a) => a.kind === 'publishDeath')).toHaveLength(2)
    expect(stateOf(state)).toBe('online')
  })

  it('a heartbeat without a birth asks for it, at most once an interval', () => {
    const asks = (script: [number, PresenceEvent][]) => play(script).actions.filter((a) => a.kind === 'askBirth').length
    expect(
      asks([
        [0, beat(7)],
        [1, beat(7)],
        [9, beat(7)],
      ]),
    ).toBe(1)
    expect(
      asks([
        [0, beat(7)],
        [10, beat(7)],
        [20, beat(7)],
      ]),
    ).toBe(3)
    expect(
      asks([
        [0, beat(7)],
        [1, birth(7)],
        [20, beat(7)],
      ]),
    ).toBe(1)
    expect(
      asks([
        [0, birth(7)],
        [20, beat(8)],
      ]),
    ).toBe(1)
  })

  it('cut off itself, the controller knows of nobody, and calls nobody offline', () => {
    const cut: [number, PresenceEvent][] = [
      [0, birth(7)],
      [5, { kind: 'brokerLost' }],
      [500, tick],
      [590, tick],
      [600, { kind: 'brokerBack' }],
    ]
    expect(play([...cut, [610, tick], [630, tick]]).changes).toEqual(['online', 'unknown'])
    expect(play([...cut, [610, tick], [630, tick], [635, beat(7)]]).changes).toEqual(['online', 'unknown', 'online'])
    expect(play([...cut, [610, tick], [630, tick], [640, tick], [641, tick]]).changes).toEqual([
      'online',
      'unknown',
      'offline',
    ])
  })

  it('after it stood still itself, the controller hears what waited before it judges', () => {
    const slept: [number, PresenceEvent][] = [
      [0, birth(7)],
      [5, tick],
      [5_000, tick],
    ]
    expect(play([...slept, [5_001, beat(7)], [5_020, tick]]).changes).toEqual(['online'])
    expect(play([...slept, [5_020, tick], [5_040, tick], [5_041, tick]]).changes).toEqual([
      'online',
      'suspect',
      'offline',
    ])
  })

  it('what was offline stays offline while the controller is cut off', () => {
    expect(
      play([
        [0, death(7)],
        [1, { kind: 'brokerLost' }],
      ]).changes,
    ).toEqual(['offline'])
  })

  it('after a restart it knows the hosts of the registry, and waits for them before it calls them offline', () => {
    const restored = (session: number, isDead: boolean): PresenceEvent => ({ kind: 'restored', host, session, isDead })
    expect(
      stateOf(
        play([
          [0, restored(7, false)],
          [40, tick],
        ]).state,
      ),
    ).toBe('unknown')
    expect(
      stateOf(
        play([
          [0, restored(7, false)],
          [41, tick],
        ]).state,
      ),
    ).toBe('offline')
    expect(
      stateOf(
        play([
          [0, restored(7, false)],
          [1, beat(7)],
        ]).state,
      ),
    ).toBe('online')
    expect(
      stateOf(
        play([
          [0, restored(7, true)],
          [1, birth(7)],
        ]).state,
      ),
    ).toBe('offline')
    expect(
      stateOf(
        play([
          [0, birth(8)],
          [1, restored(7, true)],
        ]).state,
      ),
    ).toBe('online')
  })

  it('holds hostsMax hosts, refuses and counts more, and has room again when one is forgotten', () => {
    const state = initialPresence({ heartbeatIntervalMs: 10, hostsMax: 1 })
    const other: PresenceEvent = { kind: 'birth', host: 'acme.home.web-2', session: 1 }
    const full = play(
      [
        [0, birth(7)],
        [1, other],
        [2, beat(7)],
      ],
      state,
    )
    expect([full.state.hosts.size, full.state.refused]).toEqual([1, 1])
    const freed = play(
      [
        [3, { kind: 'forgotten', host }],
        [4, other],
      ],
      full.state,
    )
    expect([...freed.state.hosts.keys()]).toEqual(['acme.home.web-2'])
  })

  const session = fc.integer({ min: 1, max: 4 })
  const event: fc.Arbitrary<PresenceEvent> = fc.oneof(
    session.map(birth),
    session.map(beat),
    session.map(death),
    fc.record({ kind: fc.constant('restored' as const), host: fc.constant(host), session, isDead: fc.boolean() }),
    fc.constant(tick),
    fc.constantFrom<PresenceEvent>({ kind: 'brokerLost' }, { kind: 'brokerBack' }),
  )
  const script = fc.array(fc.tuple(fc.nat(30), event), { maxLength: 60 })

  it('no sequence lets an older session override a newer one, or a dead one return', () => {
    fc.assert(
      fc.property(script, (steps) => {
        let state = initialPresence({ heartbeatIntervalMs: 10 })
        let now = 0
        for (const [wait, event] of steps) {
          now += wait
          const before = state.hosts.get(host)
          const next = step(state, event, now)
          const after = next.state.hosts.get(host)
          if (before && after) {
            expect(after.session).toBeGreaterThanOrEqual(before.session)
            const isOld = 'session' in event && event.session < before.session
            if (isOld) expect([after, next.actions]).toEqual([before, []])
            if (before.isDead && after.session === before.session)
              expect([after.isDead, after.state]).toEqual([true, 'offline'])
          }
          if (after) expect(after.isDead).toBe(after.state === 'offline')
          if (event.kind === 'brokerLost') expect(after?.state).not.toBe('online')
          state = next.state
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('every change of state is told once, each from where the last one led', () => {
    fc.assert(
      fc.property(script, (steps) => {
        let now = 0
        const timed = steps.map(([wait, event]) => [(now += wait), event] as const)
        const { actions, state } = play(timed.filter(([, event]) => event.kind !== 'restored'))
        let told: HostState = 'unknown'
        for (const action of actions) {
          if (action.kind !== 'changed') continue
          expect(action.from).toBe(told)
          expect(action.to).not.toBe(told)
          told = action.to
        }
        expect(stateOf(state) ?? 'unknown').toBe(told)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a session number', () => {
  it('grows with each start and is never below the clock, even with an empty disk', () => {
    expect(nextSession(undefined, 1_700_000_000_999)).toBe(1_700_000_000)
    expect(nextSession(5, 1_700_000_000_000)).toBe(1_700_000_000)
    expect(nextSession(1_800_000_000, 1_700_000_000_000)).toBe(1_800_000_001)
  })

  it('that no clock can have given is damage, and is passed over', () => {
    expect(nextSession(Number.MAX_SAFE_INTEGER, 1_700_000_000_000)).toBe(1_700_000_000)
    expect(nextSession(sessionMax + 1, 1_700_000_000_000)).toBe(1_700_000_000)
  })

  it('is renewed by an agent that hears its own death, not by a death from its past', () => {
    expect(sessionAfterDeath(1_700_000_005, 1_700_000_004, 0)).toBeUndefined()
    expect(sessionAfterDeath(1_700_000_005, 1_700_000_005, 0)).toBe(1_700_000_006)
    expect(sessionAfterDeath(1_700_000_005, 1_700_000_009, 0)).toBe(1_700_000_010)
    expect(sessionAfterDeath(1, Number.MAX_SAFE_INTEGER, 0)).toBeUndefined()
  })
})
