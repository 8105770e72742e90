import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LanistaError } from '#protocol/errors.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import type { SensorSettings } from '../sensor-list.ts'
import type { OrderContext } from './order-handler.ts'
import { OrderedSensors } from './ordered-sensors.ts'

const base: SensorSettings = {
  defaultSensors: false,
  sensorIntervalMs: 1000,
  sensors: [{ sensor: 'load' }, { sensor: 'cpu' }],
}
const context: OrderContext = { id: 'ord-1', key: 'k', signal: new AbortController().signal, progress: () => {} }

let data: string
let read: string[] = []
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'lanista-sensors-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

function configure({ sensors }: SensorSettings): void {
  if (sensors.some(({ id }) => id === 'broken')) throw new LanistaError('SENSOR_PARAMETERS', 'correct it')
  read = sensors.map(({ id, sensor }) => id ?? sensor)
}

function open(): OrderedSensors {
  return new OrderedSensors({ data, base }, { configure, logger: silentLogger })
}

const order = (sensors: OrderedSensors, body: unknown): Promise<unknown> =>
  sensors.handler.handle('sensors-configure', body, context)

it('what was ordered stands beside the configuration, in place of the same ids, over restarts and reloads', async () => {
  const sensors = open()
  expect(read).toEqual(['load', 'cpu'])
  expect(
    await order(sensors, { sensors: [{ sensor: 'load' }, { id: 'fast', sensor: 'memory', intervalMs: 200 }] }),
  ).toEqual({ sensors: 2 })
  expect(read).toEqual(['cpu', 'load', 'fast'])
  const again = open()
  expect(read).toEqual(['cpu', 'load', 'fast'])
  again.rebase({ ...base, sensors: [{ sensor: 'disk' }] })
  expect(read).toEqual(['disk', 'load', 'fast'])
  await order(again, { sensors: [] })
  expect(read).toEqual(['disk'])
})

it.each([
  [{ sensors: [{ sensor: 'no-such-sensor' }] }],
  [{ sensors: 3 }],
  [undefined],
  [{ sensors: [{ id: 'broken', sensor: 'load' }] }],
])('an order with mistakes changes nothing: %j', async (body) => {
  const sensors = open()
  await expect(order(sensors, body)).rejects.toMatchObject({ code: 'SENSOR_PARAMETERS' })
  expect(read).toEqual(['load', 'cpu'])
  open()
  expect(read).toEqual(['load', 'cpu'])
})

it('what no longer fits at a start is left out, and the rest measured', () => {
  writeFileSync(join(data, 'sensors.json'), '{"sensors":[{"sensor":"gone"}]}')
  open()
  expect(read).toEqual(['load', 'cpu'])
})
