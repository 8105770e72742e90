import { describe, expect, test } from 'vitest'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import { monitorBodies, type StageHost, startMs } from './aggregate-stage.ts'
import { CloudStage } from './cloud-stage.ts'

const queue = { of: 'queue', function: 'sum', window: '15s', every: '15s', scope: 'cloud' }
const names = ['a', 'b', 'c'] as const

async function openCloud(stage: CloudStage, monitors: unknown, hosts: readonly string[] = names): Promise<void> {
  stage.listen()
  for (const name of hosts) await stage.join(name)
  for (const host of stage.hosts.values()) for (const body of monitorBodies(1, monitors)) host.aggregate.hear(body)
  await stage.settle()
}

/** One sample a second on each host, worth 1, 10, 100 and so on. */
function feed(stage: CloudStage, from: number, to: number): void {
  for (const [i, host] of [...stage.hosts.values()].entries()) {
    for (let s = from; s < to; s++) host.append('queue', startMs + s * 1_000, 10 ** i)
  }
}

function heardAt(stage: CloudStage, seconds: number): Record<string, unknown>[] {
  return stage.heard.map(({ body }) => body).filter(({ t }) => t === startMs + seconds * 1_000)
}

/** Results of the cloud that hosts recorded: by host. */
async function recorded(stage: CloudStage): Promise<Record<string, [number, number][]>> {
  const found: Record<string, [number, number][]> = {}
  for (const [name, host] of stage.hosts) {
    const own = (await host.results())['monitor.shop.queue;scope=cloud']
    if (own !== undefined) found[name] = own
  }
  return found
}

describe('the monitors of a cloud', () => {
  test('are merged on one agent, recorded there, and published for the cloud', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue })
    feed(stage, 15, 30)
    await stage.advance(34_000)
    expect(stage.aggregators).toHaveLength(1)
    const [by = ''] = stage.aggregators
    expect(heardAt(stage, 30)).toEqual([
      { t: startMs + 30_000, v: 15 * 111, by, session: expect.any(Number), known: 3, expected: 3, revision: 0 },
    ])
    expect((await recorded(stage))[by]).toContainEqual([30_000, 15 * 111])
  })

  test('are recorded by two more that live and are next in line, so that a death in the next moment takes nothing along', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue }, ['a', 'b', 'c', 'd', 'e'])
    feed(stage, 0, 60)
    await stage.advance(20_000)
    const [by = ''] = stage.aggregators
    const others = Object.keys(await recorded(stage)).filter((name) => name !== by)
    expect(others).toHaveLength(2)
    const [dead = ''] = others
    await stage.kill(dead)
    await stage.advance(30_000)
    const [first = '', ...more] = stage.aggregators
    expect([first, more]).toEqual([by, []])
    const newest = Object.entries(await recorded(stage)).filter(([, samples]) => samples.some(([t]) => t === 45_000))
    expect(newest.map(([, samples]) => samples.at(-1))).toEqual(
      Array.from({ length: 3 }, () => [45_000, expect.any(Number)]),
    )
    expect(newest.map(([name]) => name)).not.toContain(dead)
    expect(newest.map(([name]) => name)).toContain(by)
  })

  test('say how much of a window is known wherever they are recorded', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue: { ...queue, coverage: '30%' } })
    feed(stage, 0, 60)
    await stage.advance(20_000)
    const gone = names.find((name) => !stage.aggregators.includes(name)) as string
    await stage.kill(gone)
    await stage.advance(30_000)
    const isCoverage = (series: string): boolean => series === 'coverage.shop.queue;scope=cloud'
    const left = names.filter((name) => name !== gone).map((name) => stage.hosts.get(name) as StageHost)
    const coverages = await Promise.all(left.map((host) => host.samples(isCoverage)))
    expect(coverages[0]).not.toEqual({})
    expect(coverages[1]).toEqual(coverages[0])
  })

  test('work with one agent alone', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue }, ['a'])
    feed(stage, 15, 30)
    await stage.advance(34_000)
    expect(heardAt(stage, 30)).toMatchObject([{ v: 15, by: 'a', known: 1, expected: 1 }])
  })

  test('are sent merged where a monitor of all clouds needs them', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue: { ...queue, function: 'p95', scope: 'cross-cloud' } })
    feed(stage, 15, 30)
    await stage.advance(40_000)
    const words = stage.merged.map((body) => decodePartialMessage(body))
    const word = words.find(({ windowEndMs }) => windowEndMs === startMs + 30_000)
    expect(word).toMatchObject({ by: stage.aggregators[0], counted: 3, wanted: 3 })
    expect(word?.groups[0]?.partial.values).toBe(45)
    expect(stage.heard).toEqual([])
  })

  test('are sent merged once more, by the agent that merged them alone, when the controller asks', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue: { ...queue, scope: 'cross-cloud' } })
    feed(stage, 15, 30)
    await stage.advance(40_000)
    const windowEndMs = startMs + 30_000
    const before = stage.merged.filter((body) => decodePartialMessage(body, 3).windowEndMs === windowEndMs)
    expect(before).toHaveLength(1)
    stage.merged.length = 0
    const unknown = [
      { application: 'shop', monitor: 'other', windowEndMs },
      { application: 'shop', monitor: 'queue', windowEndMs: windowEndMs + 3_600_000 },
    ]
    stage.askMerged({ application: 'shop', monitor: 'queue', windowEndMs }, ...unknown)
    await stage.advance(0)
    await stage.clock.advance(0)
    expect(stage.merged).toEqual(before)
  })

  test('go on when the agent that merges them dies: the windows between are made up for, also with its own samples', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue })
    feed(stage, 0, 45)
    await stage.advance(25_000)
    const [first = ''] = stage.aggregators
    expect(heardAt(stage, 15)).toHaveLength(1)
    await stage.kill(first)
    stage.see(first, 'alive')
    await stage.advance(25_000)
    expect(heardAt(stage, 45)).toEqual([])
    stage.see(first, 'suspect')
    await stage.advance(10_000)
    const [second = ''] = stage.aggregators
    expect(second).not.toBe(first)
    expect(heardAt(stage, 30)).toMatchObject([{ v: 15 * 111, by: second, known: 3, expected: 3, revision: 0 }])
    expect(heardAt(stage, 45)).toMatchObject([{ v: 15 * 111, by: second, known: 3, expected: 3, revision: 0 }])
    expect(stage.hosts.get(second)?.aggregate.counts.takeOvers).toBe(1)
  })

  test('go to another agent that comes, without a window twice', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue }, ['a'])
    feed(stage, 0, 90)
    await stage.advance(20_000)
    for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) {
      const host = await stage.join(name)
      for (const body of monitorBodies(1, { queue })) host.aggregate.hear(body)
    }
    await stage.advance(60_000)
    expect(stage.aggregators).toHaveLength(1)
    expect(stage.aggregators).not.toEqual(['a'])
    for (const seconds of [15, 30, 45, 60]) {
      expect(heardAt(stage, seconds)).toMatchObject([{ v: 15, revision: 0 }])
    }
  })

  test('expect a host that is silent until it has left', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue: { ...queue, reduce: 'sum' } })
    feed(stage, 0, 200)
    const gone = names.find((name) => !stage.aggregators.includes(name)) as string
    await stage.advance(25_000)
    await stage.kill(gone)
    stage.see(gone, 'dead')
    await stage.advance(30_000)
    expect(heardAt(stage, 45).at(-1)).toMatchObject({ expected: 3 })
    stage.see(gone, 'left')
    await stage.advance(45_000)
    expect(heardAt(stage, 90).at(-1)).toMatchObject({ known: 2, expected: 2 })
  })

  test('expect a host that died long ago, whoever speaks for it', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue })
    feed(stage, 0, 20)
    const gone = names.find((name) => !stage.aggregators.includes(name)) as string
    await stage.advance(25_000)
    await stage.kill(gone)
    stage.see(gone, 'dead')
    const left = names.filter((name) => name !== gone)
    for (let s = 20; s < 300; s++) {
      for (const name of left) stage.hosts.get(name)?.append('queue', startMs + s * 1_000, 1)
    }
    await stage.advance(240_000)
    for (let s = 60; s <= 240; s += 15) expect(heardAt(stage, s).at(-1)).toMatchObject({ known: 2, expected: 3 })
  })

  test('are revised when a host speaks late, and say so', async () => {
    await using stage = new CloudStage(({ from, subject }) =>
      subject.includes('.partial.') && from.kind === 'agent' && from.address.host === 'a' ? [20_000] : [0],
    )
    await openCloud(stage, { queue })
    feed(stage, 15, 30)
    const merger = stage.aggregators[0] as string
    await stage.advance(60_000)
    const values = heardAt(stage, 30).map(({ v, revision }) => [v, revision])
    if (merger === 'a') expect(values).toEqual([[15 * 111, 0]])
    else expect(values.at(-1)).toEqual([15 * 111, values.length - 1])
  })

  test('merge nothing while the agent is cut off, and each window is right afterwards', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue })
    feed(stage, 0, 200)
    await stage.advance(22_000)
    stage.broker.stop()
    await stage.advance(40_000)
    expect(stage.aggregators).toEqual([])
    stage.broker.start()
    await stage.advance(30_000)
    expect(stage.aggregators).toHaveLength(1)
    for (const seconds of [15, 30, 45, 60, 75]) {
      expect(heardAt(stage, seconds)).toMatchObject([{ v: 15 * 111, revision: 0 }])
    }
  })

  test('refuse what is no partial, and nothing else is disturbed', async () => {
    await using stage = new CloudStage()
    await openCloud(stage, { queue })
    const forged = {
      application: 'shop',
      monitor: 'queue',
      windowEndMs: startMs + 2 * 86_400_000,
      session: 1,
      revision: 0,
      results: [{ tags: {}, value: 7, known: 1, expected: 1 }],
      isToKeep: true,
    }
    const forgeries = [forged, { ...forged, monitor: 'other', windowEndMs: startMs }]
    const rogue = stage.broker.connect({ kind: 'agent', address: { tenant: 'acme', cloud: 'c1', host: 'rogue' } })
    await rogue.up(AbortSignal.timeout(1_000))
    rogue.publish('lanista.acme.c1.rogue.partial.shop.queue', Buffer.from([9, 9, 9]))
    for (const name of names) {
      rogue.publish(`lanista.acme.c1.${name}.ring.rogue.partials.x`, Buffer.from('{}'))
      rogue.publish(`lanista.acme.c1.${name}.ring.rogue.published.x`, Buffer.from('{}'))
      for (const [i, note] of forgeries.entries()) {
        rogue.publish(`lanista.acme.c1.${name}.ring.rogue.published.f${i}`, Buffer.from(JSON.stringify(note)))
      }
    }
    feed(stage, 15, 30)
    await stage.advance(34_000)
    expect(heardAt(stage, 30)).toMatchObject([{ v: 15 * 111, known: 3, expected: 3 }])
    const merger = stage.hosts.get(stage.aggregators[0] as string) as StageHost
    expect(merger.aggregate.counts.refused.get('message')).toBe(3)
    const all = Object.values(await recorded(stage)).flat()
    expect(all.filter(([t, value]) => t > 60_000 || value === 7)).toEqual([])
    expect(Object.keys(await merger.results())).toEqual(['monitor.shop.queue;scope=cloud'])
    await rogue.close()
  })
})
