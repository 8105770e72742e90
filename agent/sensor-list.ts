import { defaultSensorNames } from '#sensors/registry.ts'
import type { Sensor } from '#sensors/sensor.ts'
import type { ConfiguredSensor } from '#sensors/sensor-set.ts'
import type { AgentConfig } from './config.ts'

/** The part of a configuration that can change while the agent runs. */
export type SensorSettings = Pick<AgentConfig, 'sensors' | 'defaultSensors' | 'sensorIntervalMs'>

/** The sensors a configuration asks for: the default ones, those it names, by id in place of a default one, and the agent's own. */
export function sensorList(config: SensorSettings, ...own: readonly Sensor[]): ConfiguredSensor[] {
  const intervalMs = config.sensorIntervalMs
  const named = config.sensors.map((entry) => ({ ...entry, intervalMs: entry.intervalMs ?? intervalMs }))
  const ids = new Set(named.map(({ id, sensor }) => id ?? sensor))
  const byDefault = config.defaultSensors ? defaultSensorNames.filter((name) => !ids.has(name)) : []
  return [
    ...byDefault.map((sensor) => ({ sensor, intervalMs })),
    ...named,
    ...own.map((sensor) => ({ sensor, intervalMs })),
  ]
}
