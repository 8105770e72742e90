import { describe, expect, it } from 'vitest'
import { formatSeries } from '#protocol/metrics/series.ts'
import type { Row } from './rows.ts'
import { coverageKeyOf, mergeWide, type WideWeights } from './wide-results.ts'

type Samples = readonly (readonly [timestampMs: number, value: number])[]

function row(place: string, name: string, tags: Readonly<Record<string, string>>, samples: Samples): Row {
  const [cloud = '', host = ''] = place.split('.')
  return {
    key: `${formatSeries({ name, tags })} main.${place}`,
    head: { name, tags, host, cloud, tenant: 'main', unit: null, served_by: host, step_ms: null },
    columns: {
      timestampsMs: Float64Array.from(samples, ([timestampMs]) => timestampMs),
      columns: [Float64Array.from(samples, ([, value]) => value)],
    },
  }
}

const weights: WideWeights = { coverageAt: () => 1, sessionOf: () => 1 }
const samplesOf = ({ columns }: Row): unknown =>
  Array.from(columns?.timestampsMs ?? [], (timestampMs, i) => [timestampMs, columns?.columns[0]?.[i]])
const question = { tenant: 'main', last: false }
const cloud = { scope: 'cloud' }

describe('results of a whole cloud', () => {
  const old = row('c1.a', 'monitor.shop.queue', { ...cloud, zone: 'z' }, [
    [1, 10],
    [2, 20],
    [3, 30],
  ])
  const next = row('c1.b', 'monitor.shop.queue', { ...cloud, zone: 'z' }, [
    [3, 31],
    [4, 40],
  ])

  it('are one series, whoever aggregated at the time', () => {
    const other = row('c2.a', 'monitor.shop.queue', { ...cloud, zone: 'z' }, [[4, 7]])
    const merged = mergeWide([old, next, other], '_cloud', question, weights)
    expect(merged.map(({ key, head: { host, cloud, tags } }) => [key, cloud, host, tags])).toEqual([
      ['monitor.shop.queue;zone=z main.c1._cloud', 'c1', '_cloud', { zone: 'z' }],
      ['monitor.shop.queue;zone=z main.c2._cloud', 'c2', '_cloud', { zone: 'z' }],
    ])
    expect(samplesOf(merged[0] as Row)).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ])
    const [last] = mergeWide([old, next], '_cloud', { ...question, last: true }, weights)
    expect(samplesOf(last as Row)).toEqual([[4, 40]])
  })

  it.each<[string, Partial<WideWeights>, number]>([
    ['of the higher coverage', { coverageAt: ({ head }) => (head.host === 'b' ? 1 : 0.5) }, 31],
    ['of the later session where both cover the same', { sessionOf: ({ host }) => (host === 'b' ? 2 : 1) }, 31],
    [
      'of the higher coverage rather than of the later session',
      { coverageAt: ({ head }) => (head.host === 'a' ? 1 : 0.5), sessionOf: ({ host }) => (host === 'b' ? 2 : 1) },
      30,
    ],
  ])('have for a window that two published the value %s', (_, more, value) => {
    const [merged] = mergeWide([old, next], '_cloud', question, { ...weights, ...more })
    expect(samplesOf(merged as Row)).toContainEqual([3, value])
    expect(merged?.columns?.timestampsMs).toHaveLength(4)
  })

  it('are neither those of hosts, nor of all clouds, nor what an application tagged so', () => {
    const rows = [
      row('c1.a', 'monitor.shop.queue', {}, [[1, 1]]),
      row('c1.a', 'cpu.usage', cloud, [[1, 2]]),
      row('home.a', 'rule.shop.grow', { scope: 'cross-cloud' }, [[1, 3]]),
    ]
    expect(mergeWide(rows, '_cloud', question, weights)).toEqual([])
    expect(mergeWide(rows, '_controller', question, weights).map(({ key }) => key)).toEqual([
      'rule.shop.grow main._home._controller',
    ])
  })

  it('have their coverage in a series of the same host', () => {
    expect(coverageKeyOf(old)).toBe('coverage.shop.queue c1.a')
  })
})
