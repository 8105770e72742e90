import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { value } from '#protocol/aggregation/functions.ts'
import { type SampleSpan, spanOf } from '#protocol/aggregation/span.ts'
import { evaluateAll, type HostSamples } from './evaluate-all.ts'
import type { MonitorResult } from './model.ts'
import { parseAxe } from './parse.ts'
import { type ContextPlan, planContext } from './plan.ts'

/** The plan of monitors as they stand in a file. */
function planOf(monitors: Readonly<Record<string, object>>): ContextPlan {
  const parsed = parseAxe({ monitors }, { application: 'shop', components: ['web'] })
  expect(parsed.issues).toEqual([])
  return planContext({ application: 'shop', monitors: parsed.monitors })
}

type Pairs = readonly (readonly [number, number])[]

function hostOf(cloud: string, host: string, series: Readonly<Record<string, Pairs>>): HostSamples {
  return {
    cloud,
    host,
    series: Object.entries(series).map(([text, pairs]) => {
      const [name = '', ...tags] = text.split(';')
      return { series: { name, tags: Object.fromEntries(tags.map((tag) => tag.split('='))) }, span: spanOf(pairs) }
    }),
  }
}

function at(plan: ContextPlan, hosts: readonly HostSamples[], endMs: number, monitor: string): MonitorResult[] {
  return [...evaluateAll(plan, hosts, { fromMs: endMs, untilMs: endMs })].filter((each) => each.monitor === monitor)
}

const brief = (results: readonly MonitorResult[]): unknown[] =>
  results.map(({ tags, value, known, expected }) => [tags, value, `${known}/${expected}`])

const every = '10s'
const fleet = [
  hostOf('east', 'a', {
    'cpu;component=web;instance=w1': [
      [1_000, 10],
      [9_000, 30],
    ],
    'cpu;component=web;instance=w2': [[2_000, 80]],
  }),
  hostOf('east', 'b', { 'cpu;component=web;instance=w3': [[3_000, 60]] }),
  hostOf('west', 'c', {
    'cpu;component=web;instance=w4': [
      [4_000, 100],
      [15_000, 4],
    ],
  }),
  hostOf('west', 'd', { other: [[1_000, 1]] }),
]

describe('a monitor', () => {
  const raw = { of: 'cpu', component: 'web', function: 'mean', window: '10s', every }

  it('of host scope has a result for each series, with its tags', () => {
    expect(brief(at(planOf({ m: raw }), fleet, 10_000, 'm'))).toEqual([
      [{ component: 'web', instance: 'w1', cloud: 'east', host: 'a' }, 20, '1/1'],
      [{ component: 'web', instance: 'w2', cloud: 'east', host: 'a' }, 80, '1/1'],
      [{ component: 'web', instance: 'w3', cloud: 'east', host: 'b' }, 60, '1/1'],
      [{ component: 'web', instance: 'w4', cloud: 'west', host: 'c' }, 100, '1/1'],
    ])
  })

  it('of a wider scope pools all samples, or reduces a value of each series', () => {
    const plan = planOf({
      pooled: { ...raw, scope: 'cross-cloud' },
      reduced: { ...raw, scope: 'cross-cloud', reduce: 'mean' },
      cloud: { ...raw, scope: 'cloud', reduce: 'max' },
      byHost: { ...raw, scope: 'cross-cloud', reduce: 'max', by: ['host', 'cloud'] },
      top: { ...raw, scope: 'cross-cloud', reduce: 'top2' },
    })
    expect(brief(at(plan, fleet, 10_000, 'pooled'))).toEqual([[{}, 56, '4/4']])
    expect(brief(at(plan, fleet, 10_000, 'reduced'))).toEqual([[{}, 65, '4/4']])
    expect(brief(at(plan, fleet, 10_000, 'cloud'))).toEqual([
      [{ cloud: 'east' }, 80, '3/3'],
      [{ cloud: 'west' }, 100, '1/1'],
    ])
    expect(brief(at(plan, fleet, 10_000, 'byHost'))).toEqual([
      [{ cloud: 'east', host: 'a' }, 80, '2/2'],
      [{ cloud: 'east', host: 'b' }, 60, '1/1'],
      [{ cloud: 'west', host: 'c' }, 100, '1/1'],
    ])
    expect(brief(at(plan, fleet, 10_000, 'top'))).toEqual([
      [{ cloud: 'west', host: 'c', component: 'web', instance: 'w4' }, 100, '4/4'],
      [{ cloud: 'east', host: 'a', component: 'web', instance: 'w2' }, 80, '4/4'],
    ])
  })

  it('is unknown below its coverage, and a series that fell silent still counts', () => {
    const plan = planOf({
      all: { ...raw, scope: 'cross-cloud', reduce: 'count' },
      some: { ...raw, scope: 'cross-cloud', reduce: 'sum', coverage: '25%' },
      each: raw,
    })
    expect(brief(at(plan, fleet, 20_000, 'all'))).toEqual([[{}, null, '1/4']])
    expect(brief(at(plan, fleet, 20_000, 'some'))).toEqual([[{}, 4, '1/4']])
    expect(at(plan, fleet, 20_000, 'each').map((result) => result.value)).toEqual([null, null, null, 4])
    expect(brief(at(plan, fleet, 100_000_000, 'all'))).toEqual([[{}, null, '0/0']])
  })

  it('quantified is decided as soon as nothing unknown can change it', () => {
    const condition = { ...raw, above: 50, scope: 'cross-cloud' }
    const plan = planOf({
      every: { ...condition, quantifier: 'every' },
      some: { ...condition, quantifier: 'some' },
      half: { ...condition, quantifier: { atLeast: '50%' } },
    })
    const values = (endMs: number): unknown[] =>
      ['every', 'some', 'half'].map((name) => at(plan, fleet, endMs, name)[0]?.value)
    expect(values(10_000)).toEqual([0, 1, 1])
    expect(values(20_000)).toEqual([0, null, null])
    expect(values(0)).toEqual([null, null, null])
  })

  it('looks back on results of another, by time and by count, at its own scope and from a wider one', () => {
    const plan = planOf({
      m: { ...raw, scope: 'cloud', reduce: 'max', by: 'component' },
      peak: { from: 'm', function: 'max', window: '20s' },
      lastTwo: { from: 'm', function: 'sum', window: { samples: 2 } },
      all: { from: 'm', function: 'max', window: '20s', scope: 'cross-cloud' },
    })
    const tags = { component: 'web', cloud: 'west' }
    expect(brief(at(plan, fleet, 20_000, 'm'))[1]).toEqual([tags, 4, '1/1'])
    expect(brief(at(plan, fleet, 20_000, 'peak'))[1]).toEqual([tags, 100, '2/2'])
    expect(brief(at(plan, fleet, 20_000, 'lastTwo'))[1]).toEqual([tags, 104, '2/2'])
    expect(brief(at(plan, fleet, 20_000, 'all'))).toEqual([[{}, 100, '5/8']])
    expect(brief(at(plan, fleet, 30_000, 'all'))).toEqual([[{}, null, '1/8']])
  })

  it('says what is missing in the first link of a chain in the last', () => {
    const half = { ...raw, scope: 'cloud', coverage: '50%' }
    const plan = planOf({
      pooled: half,
      reduced: { ...half, reduce: 'mean' },
      idle: { from: 'pooled', below: 200, quantifier: 'every', scope: 'cross-cloud' },
      peak: { from: 'reduced', function: 'max', window: '10s' },
      lastTwo: { from: 'reduced', function: 'max', window: { samples: 2 } },
      widest: { from: ['peak', 'lastTwo'], reduce: 'max', scope: 'cross-cloud' },
    })
    expect(brief(at(plan, fleet, 10_000, 'idle'))).toEqual([[{}, 1, '4/4']])
    const missing = fleet.map((each) =>
      each.host === 'b' ? hostOf('east', 'b', { 'cpu;component=web;instance=w3': [[-9_000, 1]] }) : each,
    )
    expect(brief(at(plan, missing, 10_000, 'idle'))).toEqual([[{}, 1, '3/4']])
    expect(brief(at(plan, missing, 10_000, 'widest'))).toEqual([[{}, 100, '7/9']])
  })

  it('combines values with the same tags; a single one goes with all, and what is missing is unknown', () => {
    const wide = { ...raw, scope: 'cross-cloud', reduce: 'sum' }
    const plan = planOf({
      sum: wide,
      byCloud: { ...wide, by: 'cloud' },
      old: { of: 'other', function: 'last', window: '1m', every, reduce: 'sum', scope: 'cross-cloud', by: 'cloud' },
      share: { from: ['byCloud', 'sum'], combine: 'divide' },
      both: { from: ['byCloud', 'old'], combine: 'add' },
      high: { from: 'share', combine: 'above', operand: 0.5 },
      hundred: { value: 100 },
      percent: { from: ['share', 'hundred'], combine: 'multiply', above: 50 },
    })
    expect(brief(at(plan, fleet, 10_000, 'share'))).toEqual([
      [{ cloud: 'east' }, 160 / 260, '7/7'],
      [{ cloud: 'west' }, 100 / 260, '5/5'],
    ])
    expect(brief(at(plan, fleet, 10_000, 'both'))).toEqual([
      [{ cloud: 'east' }, null, '3/4'],
      [{ cloud: 'west' }, 101, '2/2'],
    ])
    expect(at(plan, fleet, 10_000, 'high').map((result) => result.value)).toEqual([1, 0])
    expect(at(plan, fleet, 10_000, 'percent').map((result) => result.value)).toEqual([1, 0])
  })

  it('expects as many inputs as its component should have instances', () => {
    const plan = planOf({ m: { ...raw, scope: 'cross-cloud', reduce: 'sum' }, all: { from: 'm', below: 300 } })
    const results = [
      ...evaluateAll(
        plan,
        fleet,
        { fromMs: 10_000, untilMs: 10_000 },
        { wantedOf: (_, component) => (component === 'web' ? 5 : 0) },
      ),
    ]
    expect(brief(results)).toEqual([
      [{}, null, '4/5'],
      [{}, null, '4/5'],
    ])
  })
})

describe('a condition over results of clouds', () => {
  const every = '10s'
  const cloud = { of: 'cpu', component: 'web', function: 'mean', window: '10s', every, scope: 'cloud' }
  const plan = planOf({ cloud, busy: { from: 'cloud', above: 40, quantifier: 'every', scope: 'cross-cloud' } })
  const busyOf = (wanted: number): unknown[] =>
    brief(
      [...evaluateAll(plan, fleet, { fromMs: 10_000, untilMs: 10_000 }, { wantedOf: () => wanted })].filter(
        ({ monitor }) => monitor === 'busy',
      ),
    )

  it('counts instances that are wanted where it counts instances: not against its clouds', () => {
    expect(busyOf(4)).toEqual([[{}, 1, '4/4']])
    expect(busyOf(6)).toEqual([[{}, 1, '4/6']])
  })
})

describe('the same samples', () => {
  const pairs = fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 59_999 }), fc.integer({ min: -50, max: 50 })), {
      selector: ([t]) => t,
      minLength: 1,
      maxLength: 12,
    })
    .map((list) => list.sort(([a], [b]) => a - b))
  const names = ['sum', 'mean', 'min', 'max', 'count', 'stddev', 'median', 'p90', 'mode', 'distinct']

  it('give the same value on one host, on many, in many clouds, and as one list', () => {
    fc.assert(
      fc.property(fc.array(pairs, { minLength: 1, maxLength: 8 }), fc.constantFrom(...names), (series, name) => {
        const each = { of: 'x', window: '1m', every: '1m', exact: true }
        const plan = planOf({
          pooled: { ...each, function: name, scope: 'cross-cloud' },
          reduced: { ...each, function: 'max', reduce: name, scope: 'cross-cloud' },
          cloudPooled: { ...each, function: name, scope: 'cloud' },
          hostReduced: { ...each, function: 'max', reduce: name },
        })
        const one = [hostOf('c', 'h', Object.fromEntries(series.map((list, i) => [`x;i=${i}`, list])))]
        const sameCloud = series.map((list, i) => hostOf('c', `h${i}`, { x: list }))
        const manyClouds = series.map((list, i) => hostOf(`c${i % 3}`, `h${i}`, { x: list }))
        const all = spanOf(series.flat().sort(([a], [b]) => a - b))
        const peaks = spanOf(series.map((list, i) => [i, Math.max(...list.map(([, v]) => v))] as const))
        const close = (found: MonitorResult[], span: SampleSpan): void => {
          expect(found).toHaveLength(1)
          expect(found[0]?.value).toBeCloseTo(value(name, span) as number, 9)
        }
        for (const hosts of [one, sameCloud, manyClouds]) {
          close(at(plan, hosts, 60_000, 'pooled'), all)
          close(at(plan, hosts, 60_000, 'reduced'), peaks)
        }
        for (const hosts of [one, sameCloud]) close(at(plan, hosts, 60_000, 'cloudPooled'), all)
        close(at(plan, one, 60_000, 'hostReduced'), peaks)
        const pooledAt = (hosts: HostSamples[]): unknown => at(plan, hosts, 60_000, 'pooled')[0]?.value
        expect(pooledAt(manyClouds.toReversed())).toBe(pooledAt(one))
      }),
      { numRuns: 60 },
    )
  })
})
