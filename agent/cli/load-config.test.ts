import { expect, test } from 'vitest'
import { defaultAgentConfig } from '../config.ts'
import { settingsThatNeedRestart } from './load-config.ts'

test('sensors change at once, the rest with the next start', () => {
  const before = defaultAgentConfig()
  const sensors = { ...before, sensorIntervalMs: 1000, sensors: [{ sensor: 'load' }] }
  expect(settingsThatNeedRestart(before, sensors)).toEqual([])
  expect(settingsThatNeedRestart(before, { ...sensors, uplink: 'all', labels: { a: 'b' } })).toEqual([
    'labels',
    'uplink',
  ])
})
