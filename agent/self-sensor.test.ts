import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { isUnavailable, type Reading, type SensorDeps } from '#sensors/sensor.ts'
import { AggregateCounts } from './aggregate/counts.ts'
import { type SelfSources, selfSensor } from './self-sensor.ts'

const deps: SensorDeps = {
  root: '',
  platform: 'linux',
  clock: systemClock,
  logger: silentLogger,
  intervalMs: 1000,
  allow: { scripts: [], sensorFolders: [] },
}

const dropped = { disk_full: 3, write_failed: 0, budget: 0, head_full: 0, invalid: 0, too_old: 0, folder_lost: 0 }
const bare: SelfSources = {
  intake: {
    accepted: 10,
    refusedSeries: { series: 0, prefix: 2, client: 0 },
    topTalkers: () => ({
      prefixes: [{ name: '~shop.web', series: 4, refused: 2 }],
      clients: [{ name: '10.0.0.1', series: 3, refused: 2 }],
    }),
  },
  store: { seriesCount: 4, stats: () => ({ series: 4, accepted: 10, dropped, collisions: 0, bytes: 5000 }) },
  aggregate: new AggregateCounts(),
  carbon: () => undefined,
  link: () => undefined,
}

async function read(sources: SelfSources): Promise<readonly Reading[]> {
  const outcome = await selfSensor(sources).open(null, deps).read(AbortSignal.timeout(1000))
  if (isUnavailable(outcome)) throw new Error(outcome.unavailable)
  return outcome
}

describe('the sensor self', () => {
  it('reports intake and store, and each reason for a drop once there is one', async () => {
    expect(await read(bare)).toEqual([
      { name: 'agent.intake.accepted', value: 10, unit: 'samples' },
      { name: 'agent.series.by_prefix', value: 4, unit: 'count', tags: { prefix: '_shop.web' } },
      { name: 'agent.series.by_client', value: 3, unit: 'count', tags: { client: '10.0.0.1' } },
      { name: 'agent.series.refused_client', value: 2, unit: 'count', tags: { client: '10.0.0.1' } },
      { name: 'agent.series.refused', value: 2, unit: 'count', tags: { budget: 'prefix' } },
      { name: 'agent.store.series', value: 4, unit: 'count' },
      { name: 'agent.store.bytes', value: 5000, unit: 'bytes' },
      { name: 'agent.store.dropped', value: 3, unit: 'samples', tags: { reason: 'disk_full' } },
    ])
  })

  it('reports the link where there is a broker', async () => {
    const uplink = { batches: 1, samples: 5, bytes: 99, resent: 2, badAcks: 0 }
    const publisher = { published: 7, notUp: 1, unnameable: 0 }
    const query = { answered: 4, refused: 1, unsent: 0, bytes: 500 }
    const sizes = { heldBytes: 1000, heldOwners: 2, bytesOut: 30, bytesIn: 40, repairedBytes: 0 }
    const lag = { lagSamples: 5, lagSeconds: 2 }
    const ring = {
      members: 3,
      suspects: 0,
      degree: 2,
      ...lag,
      ...sizes,
      unsent: 0,
      refused: {},
      damaged: 0,
    }
    const orders = { open: 2, received: 5, repeated: 1, started: 3, refused: { ORDER_UNSIGNED: 1 }, forgotten: 0 }
    const instances = { known: 3, running: 2, refused: 1, reaped: 0 }
    const readings = await read({
      ...bare,
      link: () => ({ uplink, lag: 3, publisher, query, ring, orders, instances }),
    })
    expect(readings).toContainEqual({
      name: 'agent.orders.refused',
      value: 1,
      unit: 'messages',
      tags: { reason: 'ORDER_UNSIGNED' },
    })
    expect(readings).toContainEqual({ name: 'agent.instances.running', value: 2, unit: 'count' })
    expect(readings).toContainEqual({ name: 'agent.ring.degree', value: 2, unit: 'count' })
    expect(readings).toContainEqual({ name: 'agent.query.answered', value: 4, unit: 'messages' })
    expect(readings).toContainEqual({ name: 'agent.uplink.lag', value: 3, unit: 'samples' })
    expect(readings).toContainEqual({
      name: 'agent.publish.skipped',
      value: 1,
      unit: 'messages',
      tags: { reason: 'not_up' },
    })
  })

  it('names a bounded number of prefixes and clients, however many take turns at the top', async () => {
    let round = 0
    const talkers = (what: string) =>
      [...Array(10).keys()].map((i) => ({ name: `${what}${round}-${i}`, series: 1, refused: 0 }))
    const intake = { ...bare.intake, topTalkers: () => ({ prefixes: talkers('p'), clients: talkers('c') }) }
    const sensor = selfSensor({ ...bare, intake }).open(null, deps)
    const names = new Set<string>()
    for (; round < 30; round++) {
      const outcome = await sensor.read(AbortSignal.timeout(1000))
      if (isUnavailable(outcome)) throw new Error(outcome.unavailable)
      for (const { tags } of outcome) names.add(tags?.['prefix'] ?? tags?.['client'] ?? '')
    }
    expect(names.size).toBeLessThanOrEqual(101)
  })

  it('is described in the README, metric by metric', () => {
    const readme = readFileSync('agent/README.md', 'utf8').replace(/ +/g, ' ')
    for (const { name, unit, kind, tags, meaning } of selfSensor(bare).metrics) {
      const cells = [`\`${name}\``, unit, kind, tags.map((tag) => `\`${tag}\``).join(', '), meaning]
      expect(readme).toContain(`| ${cells.join(' | ').replace(/ +/g, ' ')} |`)
    }
  })
})
