import { describe, expect, test } from 'vitest'
import type { Monitor } from '#protocol/monitors/model.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { planContext } from '#protocol/monitors/plan.ts'
import { encodeJson, jsonBytesMax } from './json.ts'
import { encodeMonitorSet, parseMonitorSetPart } from './monitor-set.ts'

const monitors = {
  raw: {
    of: 'cpu.*',
    component: 'web',
    tags: { a: 'x', b: 'y' },
    function: 'p95',
    window: '5m',
    unit: '%',
  },
  many: {
    of: 'cpu.usage',
    function: 'mean',
    window: { samples: 10 },
    above: 3,
    quantifier: { atLeast: '50%' },
    scope: 'cloud',
  },
  mean: { from: 'raw', reduce: 'p95', by: ['metric'], scope: 'cross-cloud', coverage: '60%', exact: true },
  limit: { value: 3 },
  over: { from: ['mean', 'limit'], combine: 'above', scope: 'cross-cloud' },
}

function contextOf(application: string): { application: string; monitors: readonly Monitor[] } {
  const parsed = parseAxe({ monitors }, { application, components: ['web'] })
  expect(parsed.issues).toEqual([])
  return { application, monitors: parsed.monitors }
}

describe('a set of monitors on the wire', () => {
  test('arrives as it was sent, and is planned alike at both ends', () => {
    const context = contextOf('shop')
    const [body, ...more] = encodeMonitorSet({ generation: 7, contexts: [context], uplink: ['cpu.*'] })
    const { part, leftOut } = parseMonitorSetPart(body as Uint8Array)
    expect(more).toEqual([])
    expect(leftOut).toEqual([])
    expect(part).toMatchObject({ generation: 7, part: 1, parts: 1, uplink: ['cpu.*'] })
    expect(part.contexts).toEqual([context])
    const hashes = planContext(context).monitors.map(({ hash }) => hash)
    expect(planContext(part.contexts[0] as typeof context).monitors.map(({ hash }) => hash)).toEqual(hashes)
  })

  test('takes as many parts as it needs, each within the bytes of a body', () => {
    const [mould] = contextOf('shop').monitors as [Monitor]
    const large = Array.from({ length: 1_000 }, (_, i) => ({ ...mould, name: `m${i}`, unit: 'u'.repeat(200) }))
    const contexts = ['a', 'b', 'c'].map((application) => ({ application, monitors: large }))
    const bodies = encodeMonitorSet({ generation: 1, contexts, uplink: [] })
    expect(bodies.length).toBeGreaterThan(3)
    expect(Math.max(...bodies.map(({ length }) => length))).toBeLessThanOrEqual(jsonBytesMax)
    const parts = bodies.map((body) => parseMonitorSetPart(body).part)
    expect(parts.map(({ part, parts: of }) => [part, of])).toEqual(bodies.map((_, i) => [i + 1, bodies.length]))
    for (const { application, monitors: all } of contexts) {
      const own = parts.flatMap((part) => part.contexts).filter((context) => context.application === application)
      expect(own.flatMap((context) => context.monitors)).toEqual(all)
    }
  })

  test('is refused where it is sent when it takes too many', () => {
    const [mould] = contextOf('shop').monitors as [Monitor]
    const huge = Array.from({ length: 25_000 }, (_, i) => ({ ...mould, name: `m${i}` }))
    const set = { generation: 1, contexts: [{ application: 'shop', monitors: huge }], uplink: [] }
    expect(() => encodeMonitorSet(set)).toThrow(expect.objectContaining({ code: 'MONITOR_SET_TOO_LARGE' }))
  })

  test('without monitors is one part', () => {
    const bodies = encodeMonitorSet({ generation: 3, contexts: [], uplink: [] })
    expect(bodies.map((body) => parseMonitorSetPart(body).part)).toEqual([
      { generation: 3, part: 1, parts: 1, contexts: [], uplink: [] },
    ])
  })

  test('leaves out monitors and selectors that this version does not understand, and says which', () => {
    const { application, monitors: known } = contextOf('shop')
    const odd = [{ ...known[0], name: 'odd', scope: 'galaxy' }, { name: '<script>' }, 'text']
    const set = { generation: 1, part: 1, parts: 1, uplink: ['cpu.[', 'ok.*'] }
    const { part, leftOut } = parseMonitorSetPart(
      encodeJson({ ...set, contexts: [{ application, monitors: [...odd, ...known] }] }),
    )
    expect(part.contexts).toEqual([{ application, monitors: known }])
    expect(part.uplink).toEqual(['ok.*'])
    expect(leftOut).toEqual(['shop.odd', 'shop.?', 'shop.?', 'cpu.['])
  })

  test.each([
    ['no JSON', Buffer.from('{')],
    [
      'a name that is none',
      encodeJson({ generation: 1, part: 1, parts: 1, contexts: [{ application: 'a.b', monitors: [] }], uplink: [] }),
    ],
    ['part 0', encodeJson({ generation: 1, part: 0, parts: 1, contexts: [], uplink: [] })],
    ['too many parts', encodeJson({ generation: 1, part: 1, parts: 17, contexts: [], uplink: [] })],
    ['no generation', encodeJson({ part: 1, parts: 1, contexts: [], uplink: [] })],
  ])('is refused whole for %s', (_, body) => {
    expect(() => parseMonitorSetPart(body)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
  })
})
