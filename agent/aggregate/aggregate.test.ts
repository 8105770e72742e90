import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { monitorBodies, Stage, type StageHost, startMs } from './aggregate-stage.ts'
import { resultSeriesMax } from './result-recorder.ts'

const cpu = { of: 'cpu.usage', function: 'mean', window: '1m', every: '15s' }

function tell(host: StageHost, ...bodies: readonly Uint8Array[]): void {
  for (const body of bodies) host.aggregate.hear(body)
}

/** A sample every 10 s with the number of seconds as its value, from so many seconds after the start to so many. */
function feed(host: StageHost, name: string, from: number, to: number, tags?: Readonly<Record<string, string>>): void {
  for (let s = from; s < to; s += 10) host.append(name, startMs + s * 1_000, s, tags)
}

describe('the monitors of a host', () => {
  test('give one result an input, aligned, once lateness is over, as series of its own', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    tell(host, ...monitorBodies(1, { cpu }))
    await stage.advance(1_000)
    feed(host, 'cpu.usage', -60, 15, { core: '0' })
    feed(host, 'cpu.usage', -60, 15, { core: '1' })
    await stage.advance(18_500)
    const before = [[0, -35]]
    expect(await host.results()).toEqual({ 'monitor.shop.cpu;core=0': before, 'monitor.shop.cpu;core=1': before })
    await stage.advance(1_000)
    const after = [...before, [15_000, -15]]
    expect(await host.results()).toEqual({ 'monitor.shop.cpu;core=0': after, 'monitor.shop.cpu;core=1': after })
    expect(host.aggregate.counts).toMatchObject({ monitors: 1, windows: 2, results: 4 })
  })

  test('take a series that comes later, and one that was there before them', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    feed(host, 'cpu.usage', -60, 0)
    tell(host, ...monitorBodies(1, { cpu: { ...cpu, of: 'cpu.*' } }))
    await stage.advance(21_000)
    expect(Object.keys(await host.results())).toEqual(['monitor.shop.cpu;metric=cpu.usage'])
    host.append('cpu.load', startMs + 22_000, 7)
    await stage.advance(15_000)
    expect((await host.results())['monitor.shop.cpu;metric=cpu.load']).toEqual([[30_000, 7]])
  })

  test('record nothing of a window without samples, and go on when there are some again', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    tell(host, ...monitorBodies(1, { last: { of: 'queue', function: 'last', window: '15s', every: '15s' } }))
    host.append('queue', startMs + 5_000, 1)
    await stage.advance(51_000)
    host.append('queue', startMs + 50_000, 2)
    await stage.advance(16_000)
    expect(await host.results()).toEqual({
      'monitor.shop.last': [
        [15_000, 1],
        [60_000, 2],
      ],
    })
  })

  test('look back on results of each other', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    const peak = { from: 'cpu', function: 'max', window: '1m', every: '15s' }
    tell(host, ...monitorBodies(1, { cpu: { ...cpu, window: '15s' }, peak }))
    host.append('cpu.usage', startMs + 1_000, 9)
    await stage.advance(20_000)
    host.append('cpu.usage', startMs + 20_000, 3)
    await stage.advance(17_000)
    expect((await host.results())['monitor.shop.peak']).toEqual([
      [15_000, 9],
      [30_000, 9],
    ])
  })

  test('go on after a restart without a broker, with the windows between', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    const peak = { from: 'cpu', function: 'max', window: '1m', every: '15s' }
    tell(host, ...monitorBodies(4, { cpu: { ...cpu, window: '15s' }, peak }))
    host.append('cpu.usage', startMs + 1_000, 9)
    await stage.advance(22_000)
    await host.close()
    await stage.clock.advance(20_000)
    await host.open()
    host.append('cpu.usage', startMs + 41_000, 5)
    host.aggregate.start()
    await stage.advance(9_000)
    expect(host.aggregate.generation).toBe(4)
    expect(await host.results()).toMatchObject({
      'monitor.shop.cpu': [
        [15_000, 9],
        [45_000, 5],
      ],
      'monitor.shop.peak': [
        [15_000, 9],
        [30_000, 9],
        [45_000, 9],
      ],
    })
  })

  test('count as none when their file is damaged, so that the controller sends them again', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    tell(host, ...monitorBodies(4, { cpu }))
    await stage.advance(1_000)
    await host.close()
    const path = join(host.data, 'monitors.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('cpu.usage', 'cpu.usagx'))
    await host.open()
    host.aggregate.start()
    await stage.advance(1_000)
    expect(host.aggregate.generation).toBe(0)
    tell(host, ...monitorBodies(4, { cpu }))
    await stage.advance(1_000)
    expect(host.aggregate.generation).toBe(4)
  })

  test('stop when a newer set is without them, and others go on undisturbed', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    const monitors = { cpu, gone: { ...cpu, function: 'max' } }
    tell(host, ...monitorBodies(1, monitors))
    await stage.advance(1_000)
    feed(host, 'cpu.usage', -60, 60)
    await stage.advance(20_000)
    tell(host, ...monitorBodies(2, { cpu }))
    await stage.advance(15_000)
    const results = await host.results()
    expect(results['monitor.shop.gone']).toHaveLength(2)
    expect(results['monitor.shop.cpu']).toHaveLength(3)
    expect(host.aggregate.generation).toBe(2)
  })

  test('of a newer version are left out, and the others computed', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    const bodies = monitorBodies(1, { cpu, odd: { ...cpu, function: 'max' }, onIt: { from: 'odd', above: 3 } })
    const text = Buffer.from(bodies[0] as Uint8Array)
      .toString()
      .replace('"max"', '"wisest"')
    tell(host, Buffer.from(text))
    await stage.advance(1_000)
    expect(host.aggregate.counts.monitors).toBe(1)
    expect(host.aggregate.counts.refused.get('monitor')).toBe(2)
    expect(host.aggregate.generation).toBe(1)
  })

  test('make no more series than a monitor may have', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    tell(host, ...monitorBodies(1, { cpu }))
    for (let i = 0; i < resultSeriesMax + 5; i++) host.append('cpu.usage', startMs + 1_000, i, { core: `${i}` })
    await stage.advance(21_000)
    expect(Object.keys(await host.results())).toHaveLength(resultSeriesMax)
    expect(host.aggregate.counts.refused.get('series')).toBe(5)
  })

  test('refuse a message that is none, and nothing else is disturbed', async () => {
    await using stage = new Stage()
    const host = await stage.host('a')
    tell(host, ...monitorBodies(1, { cpu }))
    await stage.advance(1_000)
    tell(host, Buffer.from('{"generation":2}'))
    await stage.advance(1_000)
    expect(host.aggregate.generation).toBe(1)
    expect(host.aggregate.counts.refused.get('message')).toBe(1)
  })
})
