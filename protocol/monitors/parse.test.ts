import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AxeParsed, type AxeSections, parseAxe } from './parse.ts'

const shop = { application: 'shop', components: ['web', 'db'] }
const parse = (sections: AxeSections): AxeParsed => parseAxe(sections, shop)
const cpu = { of: 'cpu.usage', component: 'web', function: 'mean', window: '5m', every: '15s' }

/** Issues as people read them. */
function said(sections: AxeSections): string[] {
  return parse(sections).issues.map(
    ({ path, says, expected, found }) => `${path}: ${says ?? `expected ${expected}, found ${found}`}`,
  )
}

describe('the example of the design', () => {
  const sections = {
    monitors: {
      'cpu-5m': cpu,
      'cpu-1m': { ...cpu, window: '1m' },
      queue: { of: 'shop.queue.length', function: 'sum', window: '1m', every: '15s', scope: 'cross-cloud' },
    },
    rules: {
      'grow-web': {
        when: {
          all: [
            { every: 'cpu-5m', above: 60 },
            { some: 'cpu-1m', above: 85 },
            { instances: 'web', below: 6 },
          ],
        },
        then: { scale: 'web', by: 1 },
        cooldown: '2m',
      },
    },
  }

  it('is a map of checked monitors, and a rule whose leaves are monitors', () => {
    const { monitors, rules, issues } = parse(sections)
    expect(issues).toEqual([])
    expect(monitors.map(({ name, scope }) => `${name} ${scope}`)).toEqual([
      'cpu-5m host',
      'cpu-1m host',
      'queue cross-cloud',
      'grow-web-1 cross-cloud',
      'grow-web-2 cross-cloud',
    ])
    expect(monitors[0]).toEqual({
      kind: 'raw',
      name: 'cpu-5m',
      of: 'cpu.usage',
      filter: { component: 'web' },
      scope: 'host',
      everyMs: 15_000,
      latenessMs: 5_000,
      coverage: 1,
      function: 'mean',
      window: { kind: 'time', ms: 300_000 },
      by: [],
      exact: false,
    })
    expect(monitors[3]).toMatchObject({
      from: ['cpu-5m'],
      compare: { with: 'above', limit: 60 },
      quantifier: { kind: 'every' },
    })
    expect(rules).toEqual([
      {
        name: 'grow-web',
        when: {
          kind: 'all',
          of: [
            { kind: 'monitor', monitor: 'grow-web-1', text: 'every cpu-5m above 60' },
            { kind: 'monitor', monitor: 'grow-web-2', text: 'some cpu-1m above 85' },
            { kind: 'instances', component: 'web', with: 'below', limit: 6 },
          ],
        },
        then: [{ kind: 'scale', component: 'web', by: 1 }],
        everyMs: 15_000,
        cooldown: { upMs: 120_000, downMs: 120_000 },
        stabilisation: { upMs: 0, downMs: 0 },
        tolerancePercent: 0,
        paused: false,
        onMissing: 'hold',
      },
    ])
  })

  it('is the same however often it is read', () => {
    expect(parse(sections)).toEqual(parse(structuredClone(sections)))
  })
})

describe('what is left out', () => {
  it('is the newest sample for a raw monitor without a function', () => {
    expect(parse({ monitors: { up: { of: 'web.up', every: '30s' } } }).monitors[0]).toMatchObject({
      function: 'last',
      window: { kind: 'time', ms: 30_000 },
    })
  })

  it('comes from the inputs of a composed one: the widest scope, the slowest schedule', () => {
    const { monitors, issues } = parse({
      monitors: {
        late: { from: 'busy', function: 'max', window: '10m' },
        busy: { of: 'cpu.usage', function: 'mean', window: '1m', every: '30s', lateness: '9s', scope: 'cloud' },
      },
    })
    expect(issues).toEqual([])
    expect(monitors.map(({ name }) => name)).toEqual(['busy', 'late'])
    expect(monitors[1]).toMatchObject({ scope: 'cloud', everyMs: 30_000, latenessMs: 9_000 })
  })

  it('of a schedule is every day, from midnight to midnight, in UTC', () => {
    const rule = (schedule: object): AxeParsed =>
      parse({ rules: { r: { when: { instances: 'web', below: 2 }, then: { raise: 'few' }, schedule } } })
    expect(rule({}).rules[0]?.schedule).toEqual({
      days: [0, 1, 2, 3, 4, 5, 6],
      fromMinute: 0,
      untilMinute: 1_440,
      zone: 'UTC',
    })
    expect(
      rule({ days: 'Fri-Mon,Wed', from: '22:00', until: '06:30', zone: 'Europe/Berlin' }).rules[0]?.schedule,
    ).toEqual({ days: [0, 1, 3, 5, 6], fromMinute: 1_320, untilMinute: 390, zone: 'Europe/Berlin' })
  })
})

describe('leaves of rules', () => {
  const rule = (when: object): object => ({ when, then: { scale: 'web', by: -1 } })

  it('get names that nothing else has, within the bound of a token', () => {
    const long = 'r'.repeat(64)
    const { monitors, issues } = parse({
      monitors: { m: cpu, 'a-1': cpu },
      rules: { a: rule({ every: 'm', above: 1 }), [long]: rule({ some: 'm', below: 1 }) },
    })
    expect(issues).toEqual([])
    expect(monitors.slice(2).map(({ name }) => name)).toEqual(['a-1-2', `${'r'.repeat(62)}-1`])
  })

  it('over a condition of all clouds are that condition itself', () => {
    const { monitors, rules, issues } = parse({
      monitors: {
        busy: { of: 'cpu.usage', function: 'mean', window: '1m', scope: 'cross-cloud', reduce: 'mean' },
        hot: { from: 'busy', above: 80 },
      },
      rules: { cool: rule({ not: { monitor: 'hot' } }) },
    })
    expect(issues).toEqual([])
    expect(monitors).toHaveLength(2)
    expect(rules[0]?.when).toEqual({ kind: 'not', of: { kind: 'monitor', monitor: 'hot', text: 'hot' } })
  })

  it('may be quantified, counted and about events', () => {
    const { monitors, rules, issues } = parse({
      monitors: { m: cpu },
      rules: {
        r: rule({
          any: [
            { atLeast: '50%', of: 'm', atOrAbove: 7 },
            { atLeast: 3, of: 'm', above: 8 },
            {
              events: [{ kind: 'instance.failed', where: { component: 'web' } }, 'host.offline'],
              within: '5m',
              count: 2,
            },
          ],
        }),
      },
    })
    expect(issues).toEqual([])
    expect(monitors.slice(1).map((monitor) => 'quantifier' in monitor && monitor.quantifier)).toEqual([
      { kind: 'atLeastShare', percent: 50 },
      { kind: 'atLeast', count: 3 },
    ])
    expect(rules[0]?.when).toMatchObject({
      of: [
        { text: 'at least 50% of m atOrAbove 7' },
        { text: 'at least 3 of m above 8' },
        {
          kind: 'events',
          pattern: {
            sequence: [
              { kind: 'instance.failed', where: { component: 'web' } },
              { kind: 'host.offline', where: {} },
            ],
            withinMs: 300_000,
            count: 2,
          },
        },
      ],
    })
  })
})

describe('mistakes', () => {
  const one = (monitor: object): string[] => said({ monitors: { m: monitor } })
  const two = (monitor: object): string[] => said({ monitors: { m: cpu, n: monitor } })
  const rule = (entry: object): string[] =>
    said({
      monitors: { m: cpu },
      rules: { r: { when: { every: 'm', above: 1 }, then: { scale: 'web', by: 1 }, ...entry } },
    })

  it.each<[string, string[], RegExp[]]>([
    ['an unknown key', one({ ...cpu, windw: '5m' }), [/^monitors\.m\.windw: expected window\?, found an unknown key$/]],
    ['no input', one({ function: 'mean' }), [/^monitors\.m: found no input, expected one of: of, from, value$/]],
    ['two inputs', one({ of: 'a', value: 1 }), [/found of and value input/]],
    [
      'an unknown component',
      one({ ...cpu, component: 'wbe' }),
      [/^monitors\.m\.component: found no component "wbe", expected web\?$/],
    ],
    [
      'an unknown function',
      one({ ...cpu, function: 'avg' }),
      [/^monitors\.m\.function: use another function: found "avg"/],
    ],
    ['a missing window', one({ of: 'a', function: 'mean' }), [/^monitors\.m\.window: say how far mean looks/]],
    ['a window for nothing', one({ of: 'a', window: '5m' }), [/^monitors\.m\.function: say what is taken/]],
    ['a window with gaps', one({ ...cpu, window: '10s' }), [/found 10s every 15s/]],
    ['a duration', one({ ...cpu, every: '15' }), [/^monitors\.m\.every: expected a duration like/]],
    ['a short schedule', one({ ...cpu, every: '10ms' }), [/expected a duration of 1s to 1d, found "10ms"/]],
    [
      'order at a wider scope',
      one({ ...cpu, function: 'rate', scope: 'cloud' }),
      [/^monitors\.m\.function: apply rate to each series and reduce/],
    ],
    ['order in a reduction', one({ ...cpu, reduce: 'last', scope: 'cloud' }), [/^monitors\.m\.reduce: apply last/]],
    [
      'a quantifier over numbers',
      one({ ...cpu, quantifier: 'every' }),
      [/^monitors\.m\.quantifier: compare the values first/],
    ],
    [
      'reduce beside quantifier',
      one({ ...cpu, above: 1, quantifier: 'every', reduce: 'sum' }),
      [/found reduce and quantifier/],
    ],
    ['two comparisons', one({ ...cpu, above: 1, below: 2 }), [/^monitors\.m\.below: found above and below/]],
    [
      'a percentage',
      one({ ...cpu, coverage: '160%' }),
      [/^monitors\.m\.coverage: expected a percentage of 0% to 100%/],
    ],
    ['a share of nothing', one({ ...cpu, above: 1, quantifier: { atLeast: '0%' } }), [/above 0%/]],
    ['groups of a map', one({ ...cpu, by: ['host'] }), [/^monitors\.m\.by: found groups of results/]],
    ['a selector', one({ ...cpu, of: 'a..b' }), [/^monitors\.m\.of: select otherwise/]],
    [
      'a filter on monitors',
      two({ from: 'm', above: 1, component: 'web' }),
      [/^monitors\.n\.component: found component beside from/],
    ],
    ['an unknown monitor', two({ from: 'mm', above: 1 }), [/^monitors\.n\.from: found no monitor "mm", expected m\?$/]],
    [
      'a narrower scope',
      said({ monitors: { m: { ...cpu, scope: 'cloud' }, n: { from: 'm', above: 1, scope: 'host' } } }),
      [/^monitors\.n\.scope: found host, expected cloud or wider, as m is cloud$/],
    ],
    [
      'other window ends',
      two({ from: 'm', above: 1, every: '20s' }),
      [/^monitors\.n\.every: found 20s, expected a multiple of 15s/],
    ],
    ['nothing to do', two({ from: 'm' }), [/^monitors\.n: say what is done with the inputs/]],
    [
      'nothing that makes one of many',
      two({ from: 'm', above: 1, scope: 'cloud' }),
      [/^monitors\.n\.reduce: say how values of a narrower scope become one/],
    ],
    [
      'values combined over hosts',
      two({ from: ['m', 'm'], combine: 'add', scope: 'cloud' }),
      [/^monitors\.n\.from: reduce m first/, /reduce m first/],
    ],
    [
      'logic over numbers',
      two({ from: ['m', 'm'], combine: 'and' }),
      [/^monitors\.n\.combine: compare m first/, /compare m first/],
    ],
    ['an operand too many', two({ from: ['m', 'm'], combine: 'add', operand: 1 }), [/^monitors\.n\.operand/]],
    ['an operand too few', two({ from: 'm', combine: 'scale' }), [/^monitors\.n\.combine: give scale other operands/]],
    [
      'an unknown combination',
      two({ from: 'm', combine: 'plus', operand: 1 }),
      [/^monitors\.n\.combine: combine otherwise/],
    ],
    [
      'a window beside combine',
      two({ from: 'm', combine: 'scale', operand: 1, window: '1m' }),
      [/^monitors\.n\.function/, /^monitors\.n\.window: found window beside combine/],
    ],
    [
      'a window over a constant',
      said({ monitors: { m: { value: 1 }, n: { from: 'm', function: 'mean', window: '1m' } } }),
      [/^monitors\.n\.from: found a constant/],
    ],
    [
      'tags that no input has',
      said({
        monitors: {
          m: { ...cpu, reduce: 'sum', scope: 'cloud', by: ['zone'] },
          n: { from: 'm', reduce: 'sum', scope: 'cross-cloud', by: 'zon' },
        },
      }),
      [/^monitors\.n\.by: found the tag zon, .* expected zone\?$/],
    ],
    ['a name', said({ monitors: { 'a b': cpu } }), [/^monitors\.a b: found the name "a b"/]],
    ['a list', said({ monitors: [] }), [/^monitors: expected a map of names, found \[\]$/]],
    ['an empty condition', rule({ when: {} }), [/^rules\.r\.when: found nothing, expected one of all, any/]],
    ['two conditions', rule({ when: { every: 'm', some: 'm', above: 1 } }), [/^rules\.r\.when: found every and some/]],
    [
      'a condition over numbers',
      rule({ when: { all: [{ every: 'm' }] } }),
      [/^rules\.r\.when\.all\.0: compare m: found numbers/],
    ],
    ['one value of many', rule({ when: { monitor: 'm', above: 1 } }), [/^rules\.r\.when\.monitor: say for how many/]],
    [
      'an unknown monitor of a leaf',
      rule({ when: { every: 'cpu', above: 1 } }),
      [/^rules\.r\.when\.every: found no monitor "cpu"/],
    ],
    [
      'a word too many',
      rule({ when: { every: 'm', abvoe: 1 } }),
      [/^rules\.r\.when\.abvoe: found no key "abvoe", expected above\?/, /compare m/],
    ],
    [
      'instances of nothing',
      rule({ when: { instances: 'wbe', below: 1 } }),
      [/^rules\.r\.when\.instances: found no component "wbe"/],
    ],
    [
      'events without a time',
      rule({ when: { events: ['a'] } }),
      [/^rules\.r\.when\.within: expected a duration like 5m, found nothing/],
    ],
    ['an unknown action', rule({ then: [{ sacle: 'web', by: 1 }] }), [/^rules\.r\.then\.0: expected \{scale/]],
    [
      'scaling an unknown component',
      rule({ then: { scale: 'wen', by: 1 } }),
      [/^rules\.r\.then\.scale: found no component "wen", expected web\?/],
    ],
    ['scaling by nothing', rule({ then: { scale: 'web', by: 0 } }), [/^rules\.r\.then\.by/]],
    ['scaling by and to', rule({ then: { scale: 'web', by: 1, to: 3 } }), [/^rules\.r\.then: found by and to both/]],
    [
      'bounds upside down',
      rule({ then: { scale: 'web', by: 1, min: 4, max: 3 } }),
      [/^rules\.r\.then\.min: found 4, expected at most max, 3/],
    ],
    ['a zone', rule({ schedule: { zone: 'Mars/Base' } }), [/^rules\.r\.schedule\.zone/]],
    ['a day', rule({ schedule: { days: 'Mo-Fr' } }), [/^rules\.r\.schedule\.days/]],
    ['a time of day', rule({ schedule: { from: '25:00' } }), [/^rules\.r\.schedule\.from/]],
    ['a cooldown', rule({ cooldown: { up: 'soon' } }), [/^rules\.r\.cooldown\.up: expected a duration/]],
  ])('are told of %s', (_, found, expected) => {
    expect(found).toHaveLength(expected.length)
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern)
  })

  it('of cycles are told with their path, once, and what depends on them is left alone', () => {
    const from = (name: string): object => ({ from: name, above: 1 })
    expect(
      said({ monitors: { a: from('b'), b: from('c'), c: from('a'), d: from('a'), s: from('s'), m: cpu } }),
    ).toEqual([
      'monitors.a.from: found a cycle, a → b → c → a, expected monitors that end in of or value',
      'monitors.s.from: found a cycle, s → s, expected monitors that end in of or value',
    ])
  })

  it('are told all at once, and nothing else is thrown, whatever is given', () => {
    expect(said({ monitors: { m: { of: 1 }, n: { value: 'x' } }, rules: { r: { then: 3 } } }).length).toBeGreaterThan(3)
    const key = fc.constantFrom('of', 'from', 'function', 'window', 'when', 'then', 'every', 'all', 'above', 'by', 'a')
    const entry = fc.dictionary(key, fc.oneof(fc.jsonValue(), key, fc.dictionary(key, fc.jsonValue())))
    fc.assert(
      fc.property(fc.dictionary(key, entry), fc.dictionary(key, entry), (monitors, rules) => {
        expect(parse({ monitors, rules }).issues.length).toBeGreaterThanOrEqual(0)
      }),
    )
    fc.assert(fc.property(fc.jsonValue(), (section) => void parse({ monitors: section, rules: section })))
  })
})
