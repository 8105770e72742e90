import { describe, expect, it } from 'vitest'
import { defaultSensorNames } from '#sensors/registry.ts'
import { defaultAgentConfig } from './config.ts'
import { sensorList } from './sensor-list.ts'

describe('the sensors of an agent', () => {
  it('are the default ones, at the common interval', () => {
    const list = sensorList(defaultAgentConfig())
    expect(list.map(({ sensor }) => sensor)).toEqual(defaultSensorNames)
    expect(new Set(list.map(({ intervalMs }) => intervalMs))).toEqual(new Set([10_000]))
  })

  it('take the place of a default one by id, and stand beside it under another', () => {
    const sensors = [
      { sensor: 'cpu', intervalMs: 1000 },
      { id: 'data-disk', sensor: 'filesystem', parameters: { path: '/data' } },
    ]
    const list = sensorList({ ...defaultAgentConfig(), sensors })
    expect(list.filter(({ sensor }) => sensor === 'cpu')).toEqual([{ sensor: 'cpu', intervalMs: 1000 }])
    expect(list.filter(({ sensor }) => sensor === 'filesystem')).toHaveLength(2)
  })

  it('can be the named ones alone', () => {
    const sensors = [{ sensor: 'load' }]
    expect(sensorList({ ...defaultAgentConfig(), defaultSensors: false, sensors })).toEqual([
      { sensor: 'load', intervalMs: 10_000 },
    ])
  })
})
