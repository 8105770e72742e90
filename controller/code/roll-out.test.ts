import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CodeState, type Member, type RollOutLimits, stepRollOut, type Watch } from './roll-out.ts'

const limits: RollOutLimits = { atOnce: 1, min: 1, healthyWithinMs: 60_000 }
const forward: CodeState = { current: 'v1', rollOut: { to: 'v2', phase: 'forward', gateMs: 5_000, beganAtMs: 7 } }

function member(id: string, version = 'v1', health: Member['health'] = 'well', more: Partial<Member> = {}): Member {
  return { id, version, health, restarts: 0, ...more }
}

/** Steps at these times with these members; what the last one says. */
function after(
  state: CodeState,
  ...looks: readonly (readonly [number, readonly Member[]])[]
): ReturnType<typeof stepRollOut> {
  let step: ReturnType<typeof stepRollOut> = { state, watches: new Map(), admitted: new Set() }
  for (const [nowMs, members] of looks) step = stepRollOut(step.state, step.watches, members, limits, nowMs)
  return step
}

describe('a roll-out', () => {
  it('changes one instance, and the next once that has stayed well', () => {
    const [a1, a2, b1, b2] = [member('a'), member('a', 'v2'), member('b'), member('b', 'v2')]
    expect([...after(forward, [0, [a1, b1]]).admitted]).toEqual(['a'])
    const busy = member('a', 'v2', 'busy')
    expect(after(forward, [0, [a1, b1]], [1_000, [busy, b1]]).admitted.size).toBe(0)
    expect(after(forward, [1_000, [a2, b1]], [5_999, [a2, b1]])).toMatchObject({ waits: 'a to stay well for 5 s' })
    expect([...after(forward, [1_000, [a2, b1]], [6_000, [a2, b1]]).admitted]).toEqual(['b'])
    const done = after(forward, [0, [a2, b2]], [5_000, [a2, b2]])
    expect(done.state).toEqual({ current: 'v2', last: { to: 'v2', outcome: 'enabled', beganAtMs: 7 } })
  })

  it('of a component without instances is over at once', () => {
    expect(after(forward, [0, []]).state.current).toBe('v2')
  })

  it.each<[string, readonly (readonly [number, readonly Member[]])[], string]>([
    ['fails', [[0, [member('a', 'v2', 'bad', { reason: 'exit 1' })]]], 'a: exit 1'],
    [
      'is started again while it is watched',
      [
        [0, [member('a', 'v2')]],
        [1000, [member('a', 'v2', 'well', { restarts: 1 })]],
      ],
      'a: it was started again while it was watched',
    ],
    [
      'is not well in time',
      [
        [0, [member('a', 'v2', 'busy')]],
        [60_001, [member('a', 'v2', 'busy')]],
      ],
      'a: not well within 60 s',
    ],
    [
      'fails after the others were changed',
      [
        [0, [member('a', 'v2'), member('b')]],
        [9_000, [member('a', 'v2', 'bad', { reason: 'late' }), member('b', 'v2', 'busy')]],
      ],
      'a: late',
    ],
  ])('goes back when an instance %s', (_, looks, reason) => {
    const { state, waits } = after(forward, ...looks)
    expect(state.rollOut).toMatchObject({ phase: 'back', reason })
    expect(waits).toContain(reason)
    const over = after(state, [0, [member('a'), member('b')]])
    expect(over.state).toEqual({ current: 'v1', last: { to: 'v2', outcome: 'rolledBack', reason, beganAtMs: 7 } })
  })

  it('gives its time anew to an instance that is told of other peers meanwhile, or whose host is silent', () => {
    const [well, busy, unknown] = (['well', 'busy', 'unknown'] as const).map((health) => member('a', 'v2', health))
    const late = after(forward, [0, [well as Member]], [59_000, [busy as Member]], [100_000, [busy as Member]])
    expect(late.state).toBe(forward)
    const silent = after(forward, [0, [busy as Member]], [99_000, [unknown as Member]], [150_000, [busy as Member]])
    expect(silent.state).toBe(forward)
  })

  it('waits for nobody whose host is silent, but changes no one else while that makes too few', () => {
    const silent = member('c', 'v1', 'unknown')
    expect(after(forward, [0, [member('a'), silent]]).admitted.size).toBe(0)
    const changed = member('a', 'v2')
    expect(after(forward, [0, [changed, silent]], [5_000, [changed, silent]]).state.current).toBe('v2')
    expect(after(forward, [0, [silent]]).waits).toBe('the hosts of c')
  })

  it('begins with those that do not run well', () => {
    expect([...after(forward, [0, [member('a'), member('b', 'v1', 'bad')]]).admitted]).toEqual(['b'])
  })

  it('changes several at once where so many may be down and enough are left', () => {
    const members = ['a', 'b', 'c', 'd'].map((id) => member(id))
    const at = (atOnce: number, min: number): number =>
      stepRollOut(forward, new Map(), members, { ...limits, atOnce, min }, 0).admitted.size
    expect([at(2, 1), at(4, 1), at(4, 4), at(3, 2)]).toEqual([2, 3, 1, 2])
  })

  it('without a version before goes back to none', () => {
    const first: CodeState = { rollOut: { to: 'v2', phase: 'back', gateMs: 0, beganAtMs: 7, reason: 'x' } }
    const { version: _, ...bare } = member('a')
    expect(after(first, [0, [member('a', 'v2')]]).state).toBe(first)
    expect(after(first, [0, [{ ...bare, version: undefined }]]).state.rollOut).toBeUndefined()
  })
})

describe('whatever becomes of instances', () => {
  const health = fc.constantFrom('well', 'well', 'well', 'busy', 'bad', 'unknown' as const) as fc.Arbitrary<
    Member['health']
  >

  it('no more than may be are changed at once, and it ends, one way or the other, once they are well', () => {
    const rounds = fc.array(fc.array(health, { minLength: 5, maxLength: 5 }), { maxLength: 30 })
    fc.assert(
      fc.property(rounds, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 5 }), (all, atOnce, min) => {
        const own = { atOnce, min, healthyWithinMs: 60_000 }
        const versions = Array.from({ length: 5 }, () => 'v1')
        let [state, watches]: [CodeState, ReadonlyMap<string, Watch>] = [forward, new Map()]
        const calm = Array.from({ length: 30 }, () => versions.map(() => 'well' as const))
        let nowMs = 0
        for (const round of [...all, ...calm]) {
          nowMs += 3_000
          const members = versions.map((version, i) => member(`m${i}`, version, round[i]))
          const step = stepRollOut(state, watches, members, own, nowMs)
          const isDown = (i: number): boolean => step.admitted.has(`m${i}`) || round[i] !== 'well'
          const up = versions.filter((_, i) => !isDown(i)).length
          const taken = [...step.admitted].filter((id) => members.find((one) => one.id === id)?.health === 'well')
          expect(step.admitted.size).toBeLessThanOrEqual(atOnce)
          if (taken.length > 1) expect(up).toBeGreaterThanOrEqual(min)
          const down = members.filter(
            (one) => one.health !== 'well' && (one.version === 'v2' || one.health === 'unknown'),
          )
          if (step.admitted.size > 0) expect(step.admitted.size + down.length).toBeLessThanOrEqual(atOnce)
          ;({ state, watches } = step)
          for (let i = 0; i < versions.length; i++) {
            if (step.admitted.has(`m${i}`)) versions[i] = 'v2'
            const isHeard = round[i] !== 'unknown'
            if ((!state.rollOut || state.rollOut.phase === 'back') && isHeard) versions[i] = state.current ?? ''
          }
        }
        expect(state.rollOut).toBeUndefined()
        expect(new Set(versions)).toEqual(new Set([state.current]))
      }),
      { numRuns: 200 },
    )
  })

  it('a killed controller, which forgets what it watched, only takes longer', () => {
    const changed = [member('a', 'v2'), member('b')]
    expect(stepRollOut(forward, new Map(), changed, limits, 0).admitted.size).toBe(0)
    const { watches } = stepRollOut(forward, new Map(), changed, limits, 0)
    expect([...stepRollOut(forward, watches, changed, limits, 5_000).admitted]).toEqual(['b'])
  })
})
