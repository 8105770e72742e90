import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { Collector } from './collector.ts'
import { parseNoParameters } from './file-sensor.ts'
import type { OpenSensor, Outcome, Reading, Sensor } from './sensor.ts'

/** A sensor of which a test decides what its reads do. */
function fakeSensor(name: string, read: OpenSensor['read']): Sensor & { opened: number; closed: number } {
  const sensor = {
    name,
    metrics: [],
    privileges: 'none',
    opened: 0,
    closed: 0,
    parse: (parameters: unknown) => parseNoParameters(name, parameters),
    open(): OpenSensor {
      sensor.opened++
      return { read, close: () => void sensor.closed++ }
    },
  }
  return sensor
}

const one = async (): Promise<Outcome> => [{ name: 'x', value: 1, unit: 'count' }]
const never = (): Promise<Outcome> => new Promise(() => {})

let collector: Collector | undefined
afterEach(() => collector?.close())

function start(healthIntervalMs = 0): {
  clock: FakeClock
  seen: [string, number, readonly Reading[]][]
  it: Collector
} {
  const clock = new FakeClock()
  const seen: [string, number, readonly Reading[]][] = []
  const onReadings = (id: string, atMs: number, readings: readonly Reading[]): void =>
    void seen.push([id, atMs, readings])
  collector = new Collector({ healthIntervalMs }, { clock, logger: silentLogger, onReadings })
  return { clock, seen, it: collector }
}

describe('the collector', () => {
  it('reads each sensor at its own interval, with exact timestamps', async () => {
    const { clock, seen, it } = start()
    it.configure([
      { sensor: fakeSensor('fast', one), intervalMs: 1000 },
      { sensor: fakeSensor('slow', one), intervalMs: 10_000 },
    ])
    await clock.advance(10_999)
    const times = seen.filter(([id]) => id === 'fast').map(([, atMs]) => atMs)
    expect(times.length).toBeGreaterThanOrEqual(10)
    expect(new Set(times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)))).toEqual(new Set([1000]))
    expect(seen.filter(([id]) => id === 'slow').length).toBeLessThanOrEqual(2)
  })

  it('is not disturbed by a sensor that never ends or one that throws', async () => {
    const { clock, seen, it } = start()
    it.configure([
      { sensor: fakeSensor('hangs', never), intervalMs: 1000 },
      { sensor: fakeSensor('throws', () => Promise.reject(new Error('no'))), intervalMs: 1000 },
      { sensor: fakeSensor('works', one), intervalMs: 1000 },
    ])
    await clock.advance(10_000)
    expect(seen.length).toBeGreaterThanOrEqual(9)
    expect(new Set(seen.map(([id]) => id))).toEqual(new Set(['works']))
  })

  it('reports how its sensors do', async () => {
    const { clock, seen, it } = start(5000)
    it.configure([{ sensor: fakeSensor('throws', () => Promise.reject(new Error('no'))), intervalMs: 1000 }])
    await clock.advance(8000)
    const [, , last = []] = seen.at(-1) ?? []
    expect(last.find(({ name }) => name === 'sensor.failures')).toMatchObject({ tags: { sensor: 'throws' } })
    expect(last.find(({ name }) => name === 'sensor.failures')?.value).toBeGreaterThan(1)
    expect(last.find(({ name }) => name === 'sensor.success_age')).toBeUndefined()
  })

  it('changes only what a new configuration changes', async () => {
    const { clock, it } = start()
    const [kept, gone, added] = ['kept', 'gone', 'added'].map((name) => fakeSensor(name, one))
    if (!kept || !gone || !added) throw new Error('three sensors')
    const entry = (sensor: Sensor) => ({ sensor, intervalMs: 1000 })
    it.configure([entry(kept), entry(gone)])
    await clock.advance(2000)
    it.configure([entry(kept), entry(added)])
    expect([kept.opened, kept.closed, gone.closed, added.opened]).toEqual([1, 0, 1, 1])
  })

  it('changes nothing when any part of a configuration is wrong', async () => {
    const { clock, seen, it } = start()
    const works = fakeSensor('works', one)
    it.configure([{ sensor: works, intervalMs: 1000 }])
    const wrong = [
      [{ sensor: 'no-such', intervalMs: 1000 }, 'SENSOR_UNKNOWN'],
      [{ sensor: 'disk', intervalMs: 1000, parameters: { unit: 'mib' } }, 'SENSOR_PARAMETERS'],
      [{ sensor: 'cpu', intervalMs: 1 }, 'SENSOR_PARAMETERS'],
      [{ sensor: works, intervalMs: 1000 }, 'SENSOR_DUPLICATE'],
      [{ sensor: 'cpu', id: '_x', intervalMs: 1000 }, 'TOKEN_INVALID'],
    ] as const
    for (const [entry, code] of wrong) {
      expect(() => it.configure([{ sensor: works, intervalMs: 2000 }, entry])).toThrow(
        expect.objectContaining({ code }),
      )
    }
    await clock.advance(5000)
    expect(seen.length).toBeGreaterThanOrEqual(4)
    expect(works.opened).toBe(1)
  })

  it('says what was found, what is expected and where', () => {
    const { it } = start()
    expect(() => it.configure([{ sensor: 'disk', intervalMs: 1000, parameters: { unit: 'mib' } }])).toThrow(
      'correct the parameters of sensor disk at unit: found "mib", expected one of kb, mb, gb, tb',
    )
    expect(() => it.configure([{ sensor: 'cpu', intervalMs: 1000, parameters: { cores: 1 } }])).toThrow(
      'correct the parameters of sensor cpu: found unknown cores, expected known keys only',
    )
  })

  it('adds the tags of its configuration', async () => {
    const { clock, seen, it } = start()
    it.configure([{ id: 'mine', sensor: fakeSensor('a', one), intervalMs: 1000, tags: { app: 'shop' } }])
    await clock.advance(1000)
    expect(seen[0]?.[2]).toEqual([{ name: 'x', value: 1, unit: 'count', tags: { app: 'shop' } }])
  })

  it('tells when each sensor has been read once, results of any kind', async () => {
    const { clock, it } = start()
    it.configure([
      { sensor: fakeSensor('works', one), intervalMs: 1000 },
      { sensor: fakeSensor('hangs', never), intervalMs: 2000 },
    ])
    const round = it.firstRound(AbortSignal.timeout(10_000))
    await clock.advance(4000)
    await round
    await it.firstRound(AbortSignal.abort())
  })

  it('goes on when whoever takes the readings throws', async () => {
    const clock = new FakeClock()
    let calls = 0
    const onReadings = (): void => {
      calls++
      throw new Error('full')
    }
    collector = new Collector({ healthIntervalMs: 0 }, { clock, logger: silentLogger, onReadings })
    collector.configure([{ sensor: fakeSensor('works', one), intervalMs: 1000 }])
    await clock.advance(3500)
    expect(calls).toBeGreaterThan(1)
  })

  it('reads nothing after it is closed', async () => {
    const { clock, seen, it } = start()
    it.configure([
      { sensor: fakeSensor('works', one), intervalMs: 1000 },
      { sensor: fakeSensor('hangs', never), intervalMs: 1000 },
    ])
    await clock.advance(1500)
    await it.close()
    const before = seen.length
    await clock.advance(5000)
    expect(seen.length).toBe(before)
  })
})
