import { describe, expect, it } from 'vitest'
import type { Rule } from '#protocol/monitors/rule.ts'
import { judge } from './judge.ts'
import { everyMs, leaf, type ModelInputs, modelInputs, modelRule, noHistory, startMs } from './model-rule.ts'
import { afterRound, judgeRound, noMemory } from './round.ts'

function rule(name: string, by: number, more: Partial<Rule> = {}): Rule {
  return modelRule({ name, then: [{ kind: 'scale', component: 'web', by }], ...more })
}

/** Verdict and count of each rule, by name. */
function round(rules: readonly Rule[], inputs: ModelInputs = {}): Record<string, readonly unknown[]> {
  const decisions = judgeRound(rules, modelInputs(inputs), noMemory, startMs)
  return Object.fromEntries(decisions.map(({ rule: name, verdict, actions }) => [name, [verdict, actions[0]?.to]]))
}

describe('of rules that want different things', () => {
  it('up wins', () => {
    expect(round([rule('shrink', -1), rule('grow', 1)])).toEqual({ shrink: ['precedence', 2], grow: ['up', 3] })
  })

  it('the largest up wins', () => {
    expect(round([rule('a', 1), rule('b', 3), rule('c', 2)])).toEqual({
      a: ['precedence', 2],
      b: ['up', 5],
      c: ['precedence', 2],
    })
  })

  it('the smallest down wins', () => {
    expect(round([rule('a', -3), rule('b', -1)], { web: 5 })).toEqual({ a: ['precedence', 5], b: ['down', 4] })
  })

  it('the first by name of equals wins, so that one thing is done once', () => {
    expect(round([rule('b', 1), rule('a', 1)])).toEqual({ b: ['precedence', 2], a: ['up', 3] })
  })

  it.each<[string, Rule, ModelInputs]>([
    ['is held back', rule('grow', 1, { stabilisation: { upMs: 60_000, downMs: 0 } }), {}],
    ['has no room', rule('grow', 1), { web: 6 }],
    ['is unknown', rule('grow', 1, { when: leaf('other') }), { leaves: { busy: 1, other: null } }],
    [
      'is unknown and taken for false',
      rule('grow', 1, { when: leaf('other'), onMissing: 'false' }),
      { leaves: { busy: 1, other: null } },
    ],
  ])('nothing is lowered while one that would grow %s', (_, grow, inputs) => {
    expect(round([rule('shrink', -1), grow], inputs)['shrink']?.[0]).toBe('precedence')
  })

  it.each<[string, Rule, ModelInputs]>([
    ['is false', rule('grow', 1, { when: leaf('other') }), { leaves: { busy: 1, other: 0 } }],
    ['is paused', rule('grow', 1, { paused: true }), {}],
    ['scales another component', modelRule({ name: 'grow', then: [{ kind: 'scale', component: 'db', by: 1 }] }), {}],
  ])('one that would grow and %s is in nobody’s way', (_, grow, inputs) => {
    expect(round([rule('shrink', -1), grow], inputs)['shrink']).toEqual(['down', 1])
  })

  it('one that is judged less often speaks until it is judged again', () => {
    const slow = rule('grow', 1, { everyMs: 60_000, stabilisation: { upMs: 600_000, downMs: 0 } })
    const rules = [rule('shrink', -1), slow]
    const memory = afterRound(noMemory, judgeRound(rules, modelInputs({}), noMemory, startMs))
    const at = (nowMs: number): string | undefined =>
      judgeRound(rules, modelInputs({ leaves: { busy: 1 } }, nowMs), memory, nowMs).find(
        ({ rule: name }) => name === 'shrink',
      )?.verdict
    expect(at(startMs + 45_000)).toBe('precedence')
    expect(at(startMs + 75_000)).toBe('down')
  })

  it('a rule alone is what it was judged', () => {
    const alone = rule('grow', 1)
    const [settled] = judgeRound([alone], modelInputs({}), noMemory, startMs)
    const judged = judge(alone, modelInputs({}), noHistory, startMs)
    expect(settled?.actions[0]?.guards.slice(0, -1)).toEqual(judged.actions[0]?.guards)
  })

  it('only rules that are due are judged', () => {
    const nowMs = startMs + everyMs
    const rules = [rule('a', 1), rule('b', 2, { everyMs: 60_000 })]
    expect(judgeRound(rules, modelInputs({}, nowMs), noMemory, nowMs).map(({ rule: name }) => name)).toEqual(['a'])
  })
})
