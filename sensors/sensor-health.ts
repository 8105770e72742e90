/** How the sensors themselves are doing, as a sensor: one that dies in silence is worse than none. */
import type { SensorHealth } from './fence.ts'
import { parseNoParameters } from './file-sensor.ts'
import type { MetricDescription, Reading, Sensor } from './sensor.ts'

/** One sensor's state at the moment of a read. */
export interface HealthOfSensor extends SensorHealth {
  readonly id: string
  /** Ticks at which it was not read. */
  readonly ticksSkipped: number
}

export interface HealthSource {
  readonly sensors: readonly HealthOfSensor[]
  /** Times the wall clock was found to have moved against the monotonic one. */
  readonly clockSteps: number
}

const sensor = ['sensor']

/** What `sensorHealth` reports. */
export const healthMetrics: readonly MetricDescription[] = [
  {
    name: 'sensor.success_age',
    unit: 'seconds',
    kind: 'gauge',
    tags: sensor,
    meaning: 'time since the sensor last gave readings; absent until it has',
  },
  {
    name: 'sensor.duration',
    unit: 'milliseconds',
    kind: 'gauge',
    tags: sensor,
    meaning: 'how long its last finished read took',
  },
  {
    name: 'sensor.overruns',
    unit: 'count',
    kind: 'counter',
    tags: sensor,
    meaning: 'reads that missed their deadline',
  },
  { name: 'sensor.failures', unit: 'count', kind: 'counter', tags: sensor, meaning: 'reads that failed' },
  {
    name: 'sensor.ticks_skipped',
    unit: 'count',
    kind: 'counter',
    tags: sensor,
    meaning: 'ticks without a read: the agent was late, or the read before had not ended',
  },
  {
    name: 'sensor.clock_steps',
    unit: 'count',
    kind: 'counter',
    tags: [],
    meaning: 'times the wall clock moved by more than 100 ms against the monotonic clock',
  },
]

/** The sensor that reports `source`. */
export function sensorHealth(source: () => HealthSource): Sensor {
  return {
    name: 'sensor-health',
    metrics: healthMetrics,
    privileges: 'none',
    parse: (parameters) => parseNoParameters('sensor-health', parameters),
    open: () => ({ read: async () => readingsOf(source()), close: () => {} }),
  }
}

function readingsOf({ sensors, clockSteps }: HealthSource): Reading[] {
  return [...sensors.flatMap(healthReadings), { name: 'sensor.clock_steps', value: clockSteps, unit: 'count' }]
}

function healthReadings(health: HealthOfSensor): Reading[] {
  const tags = { sensor: health.id }
  const readings: Reading[] = [
    { name: 'sensor.overruns', tags, value: health.overruns, unit: 'count' },
    { name: 'sensor.failures', tags, value: health.failures, unit: 'count' },
    { name: 'sensor.ticks_skipped', tags, value: health.ticksSkipped, unit: 'count' },
  ]
  if (health.successAgeMs !== undefined) {
    readings.push({ name: 'sensor.success_age', tags, value: health.successAgeMs / 1000, unit: 'seconds' })
  }
  if (health.durationMs !== undefined) {
    readings.push({ name: 'sensor.duration', tags, value: health.durationMs, unit: 'milliseconds' })
  }
  return readings
}
