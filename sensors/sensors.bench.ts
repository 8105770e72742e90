/** `npx vitest bench sensors`: what one read of each default sensor costs, warm, and what keeping a file open saves. */
import { readFileSync } from 'node:fs'
import { bench, describe } from 'vitest'
import { systemClock } from '#protocol/runtime/clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { ProcFile } from './proc-file.ts'
import { defaultSensorNames, sensors } from './registry.ts'
import type { SensorDeps } from './sensor.ts'

const allow = { scripts: [], sensorFolders: [] }
const deps: SensorDeps = {
  root: '',
  platform: process.platform,
  clock: systemClock,
  logger: silentLogger,
  intervalMs: 10_000,
  allow,
}
const { signal } = new AbortController()
const defaults = sensors
  .filter((sensor) => defaultSensorNames.includes(sensor.name))
  .map((sensor) => ({ name: sensor.name, open: sensor.open(sensor.parse({}), deps) }))

describe('one read', () => {
  for (const { name, open } of defaults) {
    bench(name, async () => {
      await open.read(signal)
    })
  }
  bench('all default sensors', async () => {
    for (const { open } of defaults) await open.read(signal)
  })
})

describe('reading /proc/stat', () => {
  const file = new ProcFile('/proc/stat')
  bench('kept open', () => {
    file.read()
  })
  bench('opened each time', () => {
    readFileSync('/proc/stat', 'latin1')
  })
})
