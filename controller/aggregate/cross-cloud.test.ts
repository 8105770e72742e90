import { describe, expect, it } from 'vitest'
import { CloudsStage, startMs } from './clouds-stage.ts'

const queue = { of: 'queue', function: 'last', reduce: 'sum', window: '15s', every: '15s', lateness: '5s' }
const monitors = { queue: { ...queue, scope: 'cross-cloud' } }
const twoClouds = { 'main.east.a': 'online', 'main.west.b': 'online' } as const
/** A window that closes 9 s after its end. */
const endMs = startMs + 15_000

describe('a monitor over all clouds', () => {
  it('has its result once every cloud has spoken', async () => {
    await using stage = new CloudsStage(monitors, twoClouds)
    const crossCloud = await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [3, 4])
    await stage.clock.advance(500)
    expect(stage.valuesAt(endMs)).toEqual([])
    await stage.say('main.west.b', endMs, [5])
    await stage.clock.advance(500)
    const [window] = stage.results.filter(({ windowEndMs }) => windowEndMs === endMs)
    expect(window?.results).toEqual([
      {
        application: 'shop',
        monitor: 'queue',
        tags: {},
        windowEndMs: endMs,
        value: 12,
        known: 3,
        expected: 3,
        revision: 0,
      },
    ])
    expect(crossCloud.counters.refused).toEqual({})
  })

  it('is unknown while a cloud is silent, which stays expected though all its hosts are gone', async () => {
    await using stage = new CloudsStage(monitors, { ...twoClouds, 'main.west.b': 'offline' })
    await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [3])
    await stage.clock.advance(9_000)
    expect(stage.valuesAt(endMs)).toEqual([null])
    stage.hosts.delete('main.west.b')
    await stage.clock.advance(6_000)
    await stage.say('main.east.a', endMs + 15_000, [3])
    await stage.clock.advance(9_000)
    expect(stage.valuesAt(endMs + 15_000)).toEqual([3])
  })

  it('says a window again, with a higher revision, when a cloud was late', async () => {
    await using stage = new CloudsStage(monitors, twoClouds)
    await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [3])
    await stage.clock.advance(9_500)
    await stage.say('main.west.b', endMs, [4])
    await stage.clock.advance(500)
    const said = stage.results.filter(({ windowEndMs }) => windowEndMs === endMs)
    expect(said.map(({ results: [result] }) => [result?.value, result?.revision])).toEqual([
      [null, 0],
      [7, 1],
    ])
  })

  it('expects at least the instances wanted', async () => {
    const web = { ...queue, component: 'web', scope: 'cross-cloud' }
    await using stage = new CloudsStage({ queue: web }, { 'main.east.a': 'online' })
    stage.wanted = 3
    await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [3, 4])
    await stage.clock.advance(9_000)
    const last = stage.results.find(({ windowEndMs }) => windowEndMs === endMs)
    expect(last?.results).toMatchObject([{ value: null, known: 2, expected: 3 }])
  })
})

describe('a cloud that has not spoken of a window', () => {
  it('is asked, first those who spoke for it before, or else all that are there', async () => {
    await using stage = new CloudsStage(monitors, { ...twoClouds, 'main.west.c': 'online', 'main.west.d': 'offline' })
    await stage.join('main.west.b', 'main.west.c', 'main.west.d')
    await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [3])
    await stage.clock.advance(9_000)
    const windows = [{ application: 'shop', monitor: 'queue', windowEndMs: endMs }]
    expect(stage.asked.get('main.west.b')).toEqual(windows)
    expect(stage.asked.get('main.west.c')).toEqual(windows)
    expect(stage.asked.get('main.west.d')).toBeUndefined()
    stage.asked.clear()
    await stage.say('main.west.c', endMs, [4])
    await stage.clock.advance(15_000)
    expect([...stage.asked.keys()].sort()).toEqual(['main.east.a', 'main.west.c'])
    expect(stage.valuesAt(endMs)).toEqual([null, 7])
  })
})

describe('who speaks for a cloud', () => {
  it.each([
    ['stranger', 'a host that is not of it', { by: 'b' }],
    ['gone', 'a host that is gone', { by: 'dead' }],
    ['counts', 'one that counts more hosts than there are', { counted: 3, wanted: 3 }],
  ] as const)('%s: is not believed when it is %s, and somebody is told', async (reason, _, lie) => {
    await using stage = new CloudsStage(monitors, { 'main.east.a': 'online', 'main.east.dead': 'offline' })
    const crossCloud = await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [100], lie)
    await stage.say('main.east.a', endMs, [100], lie)
    expect(crossCloud.counters.refused).toEqual({ [reason]: 2 })
    expect(stage.alarms.map(({ kind, fields }) => [kind, fields['cloud'], fields['reason']])).toEqual([
      ['monitor.doubted', 'east', reason],
    ])
    await stage.say('main.east.a', endMs, [1])
    await stage.clock.advance(500)
    expect(stage.valuesAt(endMs)).toEqual([1])
  })

  it('is refused with bytes, a function, or a monitor that nobody asked for', async () => {
    await using stage = new CloudsStage(monitors, { 'main.east.a': 'online' })
    const crossCloud = await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [100], { what: 'p95' })
    await stage.say('main.east.a', endMs, [100], { monitor: 'other' })
    await stage.say('main.east.a', endMs, [100], { hash: '0123456789ab' })
    expect(crossCloud.counters.refused).toEqual({ otherPlan: 2, unplanned: 1 })
    await stage.say('main.east.a', endMs, [1])
    await stage.clock.advance(500)
    expect(stage.valuesAt(endMs)).toEqual([1])
  })
})

describe('a controller that starts again', () => {
  it('says no window twice, makes up for those it missed, and expects what there was', async () => {
    await using stage = new CloudsStage(monitors, twoClouds)
    const first = await stage.start(1)
    await stage.clock.advance(16_000)
    for (const by of Object.keys(twoClouds)) await stage.say(by, endMs, [1, 2])
    await stage.clock.advance(500)
    expect(stage.valuesAt(endMs)).toEqual([6])
    await first.close()
    stage.results.length = 0
    await stage.clock.advance(31_000)
    await stage.start(2)
    await stage.clock.advance(7_000)
    expect(stage.results.map(({ windowEndMs }) => windowEndMs)).toEqual([endMs + 15_000, endMs + 30_000])
    expect(stage.results.flatMap(({ results }) => results)).toMatchObject([
      { value: null, known: 0, expected: 4 },
      { value: null, known: 0, expected: 4 },
    ])
  })

  it('forgets what is kept of monitors that are no more', async () => {
    await using stage = new CloudsStage(monitors, { 'main.east.a': 'online' })
    const crossCloud = await stage.start()
    await stage.clock.advance(16_000)
    await stage.say('main.east.a', endMs, [1])
    await stage.clock.advance(6_000)
    expect([...stage.rows.keys()]).toEqual(['newest!main!shop!queue'])
    crossCloud.apply([])
    await stage.clock.advance(0)
    expect([...stage.rows.keys()]).toEqual([])
  })
})
