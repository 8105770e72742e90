import { bench, describe } from 'vitest'
import { partialFor } from '#protocol/aggregation/partial.ts'
import { spanBetween, spanOf } from '#protocol/aggregation/span.ts'
import { evaluateHost } from './host-evaluation.ts'
import { parseAxe } from './parse.ts'
import { decodePartialMessage } from './partial-message-decoder.ts'
import { encodePartialMessage } from './partial-message-encoder.ts'
import { planContext } from './plan.ts'
import { WideCore } from './wide-core.ts'

const monitorCount = 1_000
const clouds = 4
const endMs = 1_764_000_000_000

const named = (of: (i: number) => object): Record<string, object> =>
  Object.fromEntries(Array.from({ length: monitorCount }, (_, i) => [`m${i}`, of(i)]))

function planFor(monitors: Record<string, object>): ReturnType<typeof planContext> {
  const parsed = parseAxe({ monitors }, { application: 'shop', components: [] })
  return planContext({ application: 'shop', monitors: parsed.monitors })
}

describe('monitors', () => {
  const span = spanOf(Array.from({ length: 360 }, (_, i) => [endMs - 3_600_000 + i * 10_000, Math.sin(i)] as const))
  const host = planFor(named((i) => ({ of: `metric.${i}`, function: 'mean', window: '5m', every: '10s' })))
  const reader = {
    series: () => [{ tags: {}, read: (from: number, before: number) => spanBetween(span, from, before) }],
    results: () => [],
  }

  bench(`${monitorCount} host monitors, a mean of 5 minutes of 10 s samples each`, () => {
    evaluateHost(host, endMs, reader, { cloud: 'c', host: 'h' })
  })

  const wide = planFor(
    named((i) => ({ of: `metric.${i}`, function: 'mean', window: '1m', every: '10s', scope: 'cross-cloud' })),
  )
  const partial = partialFor('mean')
  for (let i = 0; i < 600; i++) partial.add(Math.sin(i))
  let windowEndMs = endMs
  const core = new WideCore({ scope: 'cross-cloud', self: { host: '_controller', session: 1 } })
  core.step({ kind: 'plans', plans: [wide] }, endMs)
  core.step({ kind: 'members', members: Array.from({ length: clouds }, (_, i) => `c${i}`) }, endMs)

  bench(`${monitorCount} cross-cloud monitors, ${clouds} merged partials each, from bytes to results`, () => {
    windowEndMs += 10_000
    for (const { monitor, hash } of wide.monitors) {
      const { body } = encodePartialMessage({
        hash,
        windowEndMs,
        session: 1,
        by: 'a',
        revision: 0,
        counted: 100,
        wanted: 100,
        isQuiet: false,
        groups: [{ tags: {}, partial, expected: 600 }],
      })
      for (let i = 0; i < clouds; i++) {
        const message = decodePartialMessage(body)
        core.step({ kind: 'partial', from: `c${i}`, application: 'shop', monitor: monitor.name, message }, windowEndMs)
      }
    }
    core.step({ kind: 'tick' }, windowEndMs)
  })
})
