import { describe, expect, it } from 'vitest'
import type { Condition, Rule } from '#protocol/monitors/rule.ts'
import type { Decision, LeafInput, RuleHistory } from './decision.ts'
import { judge } from './judge.ts'
import { everyMs, leaf, type ModelInputs, modelInputs, modelRule, noHistory, startMs, wholeLeaf } from './model-rule.ts'

interface Case {
  readonly rule?: Partial<Rule>
  readonly inputs?: ModelInputs
  readonly history?: RuleHistory
  readonly nowMs?: number
}

function decided({ rule, inputs = {}, history = noHistory, nowMs = startMs }: Case): Decision {
  return judge(modelRule(rule), modelInputs(inputs, nowMs), history, nowMs)
}

/** The verdict, and the count that is wanted afterwards. */
function outcome(one: Case): readonly [string, number | null | undefined] {
  const { verdict, actions } = decided(one)
  return [verdict, actions[0]?.to]
}

const down: Rule['then'] = [{ kind: 'scale', component: 'web', by: -1 }]
const minute = 60_000

function partial(known: number, expected: number, more: Partial<LeafInput> = {}): LeafInput {
  return { ...wholeLeaf(1, startMs), reading: { value: 1, windowEndMs: startMs, known, expected }, ...more }
}

const silent: LeafInput = {
  ...wholeLeaf(1, startMs),
  reading: { value: 1, windowEndMs: startMs, known: 2, expected: 2, gaps: 1 },
}

function scaled(upAgoMs?: number, downAgoMs?: number): RuleHistory {
  const at = (agoMs: number | undefined): number | undefined => (agoMs === undefined ? undefined : startMs - agoMs)
  return { scalings: new Map([['web', { upMs: at(upAgoMs), downMs: at(downAgoMs) }]]) }
}

function stood(
  recommends: 'up' | 'down' | 'raise',
  forMs: number,
  judgedAgoMs = everyMs,
  isRaised = false,
): RuleHistory {
  const standing = [{ recommends, sinceMs: startMs - forMs, isRaised }]
  return { ...noHistory, memory: { judgedMs: startMs - judgedAgoMs, standing } }
}

describe('a rule', () => {
  it.each<[string, Case, string, number | null]>([
    ['does what its condition says', {}, 'up', 3],
    ['does nothing while it is false', { inputs: { leaves: { busy: 0 } } }, 'condition', 2],
    ['does nothing while it is unknown', { inputs: { leaves: { busy: null } } }, 'unknown', 2],
    [
      'takes unknown for true where told so',
      { rule: { onMissing: 'true' }, inputs: { leaves: { busy: null } } },
      'up',
      3,
    ],
    [
      'takes unknown for false where told so',
      { rule: { onMissing: 'false' }, inputs: { leaves: { busy: null } } },
      'condition',
      2,
    ],
    ['does nothing while it is paused', { rule: { paused: true } }, 'paused', 2],
    ['goes to a count', { rule: { then: [{ kind: 'scale', component: 'web', to: 5 }] } }, 'up', 5],
    ['goes down to a count', { rule: { then: [{ kind: 'scale', component: 'web', to: 1 }] } }, 'down', 1],
    ['has nothing to do at that count', { rule: { then: [{ kind: 'scale', component: 'web', to: 2 }] } }, 'change', 2],
    ['knows only its components', { rule: { then: [{ kind: 'scale', component: 'db', by: 1 }] } }, 'component', null],
  ])('%s', (_, one, verdict, to) => expect(outcome(one)).toEqual([verdict, to]))
})

describe('a leaf is unknown', () => {
  it.each<[string, LeafInput | undefined, string]>([
    ['without a monitor', undefined, 'no monitor of this name'],
    ['without a result', { ...wholeLeaf(1, startMs), reading: undefined }, 'no result for 2026-11-23T10:00:00Z'],
    ['with the result of an earlier window', wholeLeaf(1, startMs - everyMs), 'the newest is of 2026-11-23T09:59:45Z'],
    ['with a result two days ahead', wholeLeaf(1, startMs + 2 * 86_400_000), 'the newest is of 2026-11-25T10:00:00Z'],
    ['with a value that is no condition', wholeLeaf(100, startMs), 'found 100, expected 0 or 1'],
    ['with NaN', wholeLeaf(Number.NaN, startMs), 'found NaN, expected 0 or 1'],
    ['with an infinity', wholeLeaf(Number.POSITIVE_INFINITY, startMs), 'found Infinity, expected 0 or 1'],
  ])('%s', (_, input, note) => {
    const { condition, verdict } = decided({ inputs: { leaves: input ? { busy: input } : {} } })
    expect([condition.value, verdict]).toEqual([null, 'unknown'])
    expect(condition.note).toContain(note)
  })

  it('and the newest result of a slower monitor holds until its next one', () => {
    const slow = { ...wholeLeaf(1, startMs), everyMs: minute }
    expect(outcome({ inputs: { leaves: { busy: slow } }, nowMs: startMs + 45_000 })).toEqual(['up', 3])
    expect(outcome({ inputs: { leaves: { busy: slow } }, nowMs: startMs + minute })).toEqual(['unknown', 2])
  })
})

describe('a condition', () => {
  const a = leaf('a')
  const b = leaf('b')
  it.each<[string, Condition, Record<string, number | null>, boolean | null]>([
    ['all: one false decides', { kind: 'all', of: [a, b] }, { a: 0, b: null }, false],
    ['all: an unknown is in the way', { kind: 'all', of: [a, b] }, { a: 1, b: null }, null],
    ['any: one true decides', { kind: 'any', of: [a, b] }, { a: 1, b: null }, true],
    ['any: an unknown is in the way', { kind: 'any', of: [a, b] }, { a: 0, b: null }, null],
    ['xor: needs both', { kind: 'xor', of: [a, b] }, { a: 1, b: null }, null],
    ['xor', { kind: 'xor', of: [a, b] }, { a: 1, b: 0 }, true],
    ['not', { kind: 'not', of: a }, { a: 0 }, true],
    ['not: unknown stays unknown', { kind: 'not', of: a }, { a: null }, null],
    ['instances below', { kind: 'instances', component: 'web', with: 'below', limit: 3 }, {}, true],
    ['instances not below', { kind: 'instances', component: 'web', with: 'below', limit: 2 }, {}, false],
    ['instances of nothing', { kind: 'instances', component: 'db', with: 'below', limit: 2 }, {}, null],
  ])('%s', (_, when, leaves, value) => expect(decided({ rule: { when }, inputs: { leaves } }).value).toBe(value))
})

describe('lowering', () => {
  const either: Condition = { kind: 'any', of: [leaf('a'), leaf('b')] }
  it.each<[string, Case, string, number]>([
    ['is done when everything is known', { rule: { then: down } }, 'down', 1],
    ['is not done on unknown', { rule: { then: down }, inputs: { leaves: { busy: null } } }, 'unknown', 2],
    [
      'is not done on unknown that is taken for true',
      { rule: { then: down, onMissing: 'true' }, inputs: { leaves: { busy: null } } },
      'unknown',
      2,
    ],
    [
      'is not done while a leaf is unknown, decided without it or not',
      { rule: { then: down, when: either }, inputs: { leaves: { a: 1, b: null } } },
      'unknown',
      2,
    ],
    [
      'is not done while an input is missing',
      { rule: { then: down }, inputs: { leaves: { busy: partial(5, 6) } } },
      'coverage',
      2,
    ],
    [
      'is not done while an input was silent for a part of the window',
      { rule: { then: down }, inputs: { leaves: { busy: silent } } },
      'coverage',
      2,
    ],
    [
      'is not done while an input of its inputs is missing',
      { rule: { then: down }, inputs: { leaves: { busy: partial(1, 1, { gaps: ['cpu-5m'] }) } } },
      'coverage',
      2,
    ],
    [
      'is not done while an instance that is wanted says nothing',
      { rule: { then: down }, inputs: { leaves: { busy: partial(2, 2, { components: ['web'] }) }, web: 3 } },
      'coverage',
      3,
    ],
    ['does not keep others from growing', { inputs: { leaves: { busy: partial(5, 6) } } }, 'up', 3],
  ])('%s', (_, one, verdict, to) => expect(outcome(one)).toEqual([verdict, to]))
})

describe('tolerance', () => {
  it.each<[number, number, string, number]>([
    [20, 1, 'tolerance', 20],
    [20, 2, 'up', 22],
    [0, 1, 'up', 1],
    [20, -1, 'tolerance', 20],
  ])('of 10 %%: from %d by %d', (wanted, by, verdict, to) => {
    const rule = { tolerancePercent: 10, then: [{ kind: 'scale', component: 'web', by } as const] }
    expect(outcome({ rule, inputs: { web: { wanted, min: 0, max: 100 } } })).toEqual([verdict, to])
  })
})

describe('stabilisation', () => {
  const stabilisation = { upMs: minute, downMs: 5 * minute }
  it.each<[string, Case, string]>([
    ['begins with the recommendation', { rule: { stabilisation } }, 'stabilisation'],
    ['goes on', { rule: { stabilisation }, history: stood('up', 45_000) }, 'stabilisation'],
    ['is over', { rule: { stabilisation }, history: stood('up', minute) }, 'up'],
    [
      'is each direction’s own',
      { rule: { stabilisation, then: down }, history: stood('down', minute) },
      'stabilisation',
    ],
    ['is over for down', { rule: { stabilisation, then: down }, history: stood('down', 5 * minute) }, 'down'],
    [
      'begins anew with the other direction',
      { rule: { stabilisation }, history: stood('down', 10 * minute) },
      'stabilisation',
    ],
    [
      'begins anew when nobody judged',
      { rule: { stabilisation }, history: stood('up', minute, 31_000) },
      'stabilisation',
    ],
    [
      'begins now for a time of the future',
      { rule: { stabilisation }, history: stood('up', -86_400_000) },
      'stabilisation',
    ],
  ])('%s', (_, one, verdict) => expect(outcome(one)[0]).toBe(verdict))

  it.each([
    ['an unknown leaf', { a: 1, b: null }],
    ['a missing input', { a: partial(5, 6), b: 1 }],
    ['an input that was silent for a part of the window', { a: silent, b: 1 }],
  ])('of lowering is ended by %s, which has not stood', (_, leaves) => {
    const either = { kind: 'any', of: [leaf('a'), leaf('b')] } as const
    const rule = { when: either, then: down, stabilisation }
    const { memory, verdict } = decided({ rule, inputs: { leaves }, history: stood('down', 10 * minute) })
    expect(['unknown', 'coverage']).toContain(verdict)
    expect(memory.standing).toEqual([{ recommends: 'nothing', sinceMs: startMs, isRaised: false }])
  })

  it('says when it is over', () => {
    const [action] = decided({ rule: { stabilisation } }).actions
    expect(action?.guards.at(-1)?.untilMs).toBe(startMs + minute)
  })

  it.each([
    ['a condition that is unknown', { leaves: { busy: null } }, {}],
    ['a condition that is false', { leaves: { busy: 0 } }, {}],
    ['a pause', {}, { paused: true }],
  ])('is ended by %s', (_, inputs, rule) => {
    const broken = decided({ rule: { stabilisation, ...rule }, inputs, history: stood('up', minute) })
    const next = startMs + everyMs
    const after = { ...noHistory, memory: broken.memory }
    expect(outcome({ rule: { stabilisation }, history: after, nowMs: next })[0]).toBe('stabilisation')
  })
})

describe('cooldown', () => {
  const cooldown = { upMs: 2 * minute, downMs: 10 * minute }
  it.each<[string, Case, string]>([
    ['keeps up from following up', { rule: { cooldown }, history: scaled(minute) }, 'cooldown'],
    ['ends', { rule: { cooldown }, history: scaled(2 * minute) }, 'up'],
    ['never keeps up from following down', { rule: { cooldown }, history: scaled(undefined, 1000) }, 'up'],
    ['keeps down from following up', { rule: { cooldown, then: down }, history: scaled(9 * minute) }, 'cooldown'],
    [
      'keeps down from following down',
      { rule: { cooldown, then: down }, history: scaled(undefined, 9 * minute) },
      'cooldown',
    ],
    ['ends for down', { rule: { cooldown, then: down }, history: scaled(10 * minute, 11 * minute) }, 'down'],
    ['of a time two days ahead counts from now', { rule: { cooldown }, history: scaled(-2 * 86_400_000) }, 'cooldown'],
  ])('%s', (_, one, verdict) => expect(outcome(one)[0]).toBe(verdict))

  it('says when it is over', () => {
    const [action] = decided({ rule: { cooldown }, history: scaled(minute) }).actions
    expect(action?.guards.at(-1)?.untilMs).toBe(startMs + minute)
  })
})

describe('bounds', () => {
  const scale = (action: object): Rule['then'] => [{ kind: 'scale', component: 'web', ...action }]
  it.each<[string, object, number, string, number]>([
    ['cut a step', { by: 3 }, 4, 'up', 6],
    ['hold at the component’s max', { by: 1 }, 6, 'bounds', 6],
    ['hold at the component’s min', { by: -1 }, 1, 'bounds', 1],
    ['cut a step down', { by: -5 }, 4, 'down', 1],
    ['of the action are narrower', { by: 3, max: 4 }, 3, 'up', 4],
    ['of the action cannot be wider', { by: 9, max: 9 }, 3, 'up', 6],
    ['let a count above them come down to them', { by: -1 }, 9, 'down', 6],
    ['never lower because of up', { by: 1 }, 9, 'bounds', 9],
    ['let a count below them come up to them', { by: 1 }, 0, 'up', 1],
    ['never raise because of down', { by: -1, min: 3 }, 2, 'bounds', 2],
    ['that leave nothing hold', { by: 1, min: 8 }, 2, 'bounds', 2],
    ['hold a count that is asked for', { to: 20 }, 2, 'up', 6],
    ['hold zero', { to: 0 }, 2, 'down', 1],
  ])('%s', (_, action, web, verdict, to) => {
    expect(outcome({ rule: { then: scale(action) }, inputs: { web: { wanted: web, min: 1, max: 6 } } })).toEqual([
      verdict,
      to,
    ])
  })
})

describe('raising', () => {
  const rule: Partial<Rule> = { then: [{ kind: 'raise', event: 'busy', data: {} }] }
  it('happens once for each stretch in which the condition holds', () => {
    const first = decided({ rule })
    expect([first.verdict, first.memory.standing[0]?.isRaised]).toEqual(['raise', true])
    const nowMs = startMs + everyMs
    expect(outcome({ rule, history: { ...noHistory, memory: first.memory }, nowMs })[0]).toBe('change')
  })

  it('waits until the condition has stood', () => {
    const steady = { ...rule, stabilisation: { upMs: minute, downMs: 0 } }
    expect(outcome({ rule: steady, history: stood('raise', 45_000) })[0]).toBe('stabilisation')
    expect(outcome({ rule: steady, history: stood('raise', minute) })[0]).toBe('raise')
  })
})

describe('a decision', () => {
  it('shows every guard in turn and what it left', () => {
    const { id, actions } = decided({
      inputs: { web: 5 },
      rule: { then: [{ kind: 'scale', component: 'web', by: 3 }] },
    })
    expect(id).toBe(`shop.grow.${startMs}`)
    expect(actions[0]?.guards.map(({ guard, isHeld, count }) => [guard, isHeld, count])).toEqual([
      ['paused', false, 8],
      ['schedule', false, 8],
      ['condition', false, 8],
      ['component', false, 8],
      ['unknown', false, 8],
      ['coverage', false, 8],
      ['tolerance', false, 8],
      ['stabilisation', false, 8],
      ['cooldown', false, 8],
      ['bounds', false, 6],
    ])
  })

  it('is the same for the same window', () => expect(decided({})).toEqual(decided({})))
})
