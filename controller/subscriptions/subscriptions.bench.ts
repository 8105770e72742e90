/** What subscriptions cost: a sample nobody wants, one that is filtered, one that is queued; and bytes for the wire. */
import { bench, describe } from 'vitest'
import { WindowSeries } from '#controller/window/window-series.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { judge, type Seen } from './filter.ts'
import { influxLines } from './line-protocol.ts'
import { sourceOf } from './reading.ts'
import { writeRequests } from './remote-write-format.ts'
import { Router, type Taker } from './router.ts'
import { snappyCompress } from './snappy.ts'
import { webhookBody } from './webhook-body.ts'

const address = parseHostId('main.home.web-1')
const series = Array.from({ length: 1000 }, (_, i) => {
  const name = { name: `shop.metric-${i}`, tags: { core: String(i % 8) } }
  return new WindowSeries(address, name.name, name, undefined)
})

/** A taker of every source, or of none, that judges and counts. */
function taker(isWanted: boolean): Taker {
  const filter = { compare: { with: 'above' as const, limit: 1e9 }, onChange: true }
  const seen = new Map<string, Seen>()
  return {
    tenant: 'main',
    wants: () => isWanted,
    take: (reading) => {
      seen.set(reading.source.key, judge(filter, seen.get(reading.source.key), reading, 1e12).seen)
    },
  }
}

function routerOf(takers: readonly Taker[]): () => void {
  const router = new Router()
  router.setTakers(takers)
  let t = 0
  return () => {
    t++
    for (const one of series) router.hear(one, t, t)
  }
}

describe('a round of 1,000 samples', () => {
  bench('and no subscription', routerOf([]))
  bench('that none of ten subscriptions wants', routerOf(Array.from({ length: 10 }, () => taker(false))))
  bench('that one subscription judges', routerOf([taker(true)]))
})

describe('1,000 readings as bytes', () => {
  const readings = series.map(({ name }, i) => ({
    id: `1.1-${i}`,
    source: sourceOf(address, name, undefined),
    timestampMs: 1_700_000_000_000 + i,
    value: i / 7,
  }))
  const encode = writeRequests()
  const lineOf = influxLines()
  bench('remote write, snappy', () => {
    snappyCompress(encode(readings))
  })
  bench('line protocol', () => {
    readings.map(lineOf).join('')
  })
  bench('webhook', () => {
    webhookBody('planner', readings)
  })
})
