import { describe, expect, it } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { quietSignal } from './fixture-tree.ts'
import { sensors } from './registry.ts'

/** The package works on Linux as well, so what other systems would report can be looked at here. */
describe.each(['cpu', 'memory', 'filesystem', 'network', 'disk'])('%s on another system', (name) => {
  it('reports metrics that the sensor describes, with their units', async () => {
    const sensor = sensors.find((one) => one.name === name)
    if (!sensor) throw new Error(name)
    const allow = { scripts: [], sensorFolders: [] }
    const deps = { root: '', clock: systemClock, logger: silentLogger, intervalMs: 10_000, allow }
    const open = sensor.open(sensor.parse({}), { ...deps, platform: 'darwin' })
    await open.read(quietSignal())
    const outcome = await open.read(quietSignal())
    const readings = 'unavailable' in outcome ? [] : outcome
    expect(readings.length).toBeGreaterThan(0)
    const units = new Map(sensor.metrics.map((metric) => [metric.name, metric.unit]))
    for (const reading of readings) {
      expect(reading.unit).toBe(units.get(reading.name))
      expect(Number.isFinite(reading.value)).toBe(true)
    }
    await open.close()
  })
})
