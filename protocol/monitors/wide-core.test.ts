import { describe, expect, it } from 'vitest'
import { partialFor } from '#protocol/aggregation/partial.ts'
import { parseAxe } from './parse.ts'
import type { PartialMessage } from './partial-message-format.ts'
import { difference, planContext } from './plan.ts'
import { type WideAction, WideCore } from './wide-core.ts'

const monitor = { of: 'x', function: 'sum', window: '10s', every: '10s', lateness: '1s', scope: 'cloud' }
const planOf = (monitors: Record<string, object>): ReturnType<typeof planContext> =>
  planContext({
    application: 'shop',
    monitors: parseAxe({ monitors }, { application: 'shop', components: [] }).monitors,
  })
const plan = planOf({ m: monitor })
const hash = plan.monitors[0]?.hash as string
const startMs = 1_000_000

/** An aggregator of hosts a and b, which has closed what was before and asks for it no more. */
function coreOf(): {
  tick: (atMs: number) => string[]
  say: (from: string, values: number[], more?: Partial<PartialMessage>, atMs?: number) => void
  core: WideCore
} {
  const core = new WideCore({ scope: 'cloud', cloud: 'c', self: { host: 'a', session: 2 }, askEveryMs: 2_000 })
  core.step({ kind: 'plans', plans: [plan] }, startMs)
  core.step({ kind: 'members', members: ['a', 'b'] }, startMs)
  core.step({ kind: 'assigned', isMine: () => true }, startMs)
  const tick = (atMs: number): string[] => core.step({ kind: 'tick' }, startMs + atMs).map(brief)
  const say = (from: string, values: number[], more: Partial<PartialMessage> = {}, atMs = 10_500): void => {
    const partial = partialFor('sum')
    for (const value of values) partial.add(value)
    const groups = values.length === 0 ? [] : [{ tags: {}, partial, expected: values.length }]
    const header = { hash, windowEndMs: startMs + 10_000, session: 1, by: '', revision: 0, counted: 1, wanted: 1 }
    const message = { ...header, isQuiet: false, groups, ...more }
    core.step({ kind: 'partial', from, application: 'shop', monitor: 'm', message }, startMs + atMs)
  }
  for (const atMs of [0, 3_000, 5_000, 10_000]) tick(atMs)
  return { tick, say, core }
}

function brief(action: WideAction): string {
  if (action.kind === 'publish') {
    const results = action.results.map(({ value, known, expected }) => `${value} ${known}/${expected}`)
    return `${action.windowEndMs - startMs} r${action.revision}: ${results.join(', ')}`
  }
  return action.kind === 'ask' ? `ask ${action.member}` : action.kind
}

describe('a window', () => {
  it('is closed as soon as all have spoken, and once', () => {
    const { tick, say } = coreOf()
    say('a', [1])
    expect(tick(10_600)).toEqual([])
    say('b', [2, 3])
    say('b', [2, 3])
    expect(tick(10_700)).toEqual(['10000 r0: 6 3/3'])
    expect(tick(10_800)).toEqual([])
  })

  it('is closed without those who are silent when its time is over; they are asked, and count as before', () => {
    const { tick, say } = coreOf()
    say('a', [1])
    say('b', [2, 3])
    tick(10_700)
    say('a', [1], { windowEndMs: startMs + 20_000 }, 20_100)
    expect(tick(22_900)).toEqual([])
    expect(tick(23_000)).toEqual(['20000 r0: null 1/3', 'ask b'])
    say('b', [4, 5], { windowEndMs: startMs + 20_000 }, 23_100)
    expect(tick(23_200)).toEqual(['20000 r1: 10 3/3'])
  })

  it('does not expect inputs of those who said that they have none', () => {
    const { tick, say } = coreOf()
    say('a', [1])
    say('b', [], { isQuiet: true })
    tick(10_700)
    say('a', [1], { windowEndMs: startMs + 20_000 }, 20_100)
    expect(tick(23_000)).toEqual(['20000 r0: 1 1/1'])
  })

  it('published by another is left alone when it is better, and said again when it is not', () => {
    const { tick, say, core } = coreOf()
    say('a', [1])
    say('b', [2])
    tick(10_700)
    const result = { application: 'shop', monitor: 'm', tags: {}, windowEndMs: startMs + 10_000, revision: 0 }
    const hear = (session: number, known: number): string[] =>
      core
        .step(
          {
            kind: 'published',
            by: { host: 'b', session },
            application: 'shop',
            monitor: 'm',
            windowEndMs: startMs + 10_000,
            results: [{ ...result, value: 7, known, expected: 2 }],
            revision: 0,
          },
          startMs + 10_800,
        )
        .map(brief)
    expect(hear(9, 1)).toEqual(['10000 r1: 3 2/2'])
    expect(hear(1, 2)).toEqual([])
    expect(hear(9, 2)).toEqual([])
  })

  it('takes no partial of strangers, other plans, other times; each is counted', () => {
    const { say, core } = coreOf()
    say('c', [1])
    say('b', [1], { hash: '000000000000' })
    say('b', [1], { windowEndMs: startMs + 10_001 })
    say('b', [1], { windowEndMs: startMs + 172_800_000 })
    say('b', [1], { windowEndMs: startMs - 500_000 })
    expect([...core.refused]).toEqual([
      ['stranger', 1],
      ['otherPlan', 1],
      ['misaligned', 1],
      ['future', 1],
      ['old', 1],
    ])
  })
})

describe('a new plan', () => {
  it('starts and stops what computes something else, and shares what is the same', () => {
    const before = planOf({ a: monitor, b: monitor, c: { from: 'a', above: 1 } })
    const after = planOf({
      a: { ...monitor, unit: 'B' },
      b: { ...monitor, function: 'max' },
      d: { from: 'b', above: 1 },
    })
    const names = (list: readonly { monitor: { name: string } }[]): string[] => list.map((each) => each.monitor.name)
    const { starts, stops, stays } = difference(before, after)
    expect([names(starts), names(stops), names(stays)]).toEqual([['b', 'd'], ['b', 'c'], ['a']])
    expect(before.expressions.filter(({ kind }) => kind === 'window')).toHaveLength(1)
    expect(before.monitors.map(({ group }) => group)).toEqual(['a', 'b', 'a'])
  })
})
