/** Load averages: tasks that run, want to run, or wait for a disk. */
import { loadavg } from 'node:os'
import { type NoParameters, openFile, parseNoParameters } from './file-sensor.ts'
import { type Outcome, type Sensor } from './sensor.ts'

const spans = ['1m', '5m', '15m'] as const

/** `load.*`. */
export const loadSensor: Sensor<NoParameters> = {
  name: 'load',
  metrics: spans.map((span) => ({
    name: `load.${span}`,
    unit: 'count',
    kind: 'gauge' as const,
    tags: [],
    meaning: `tasks running or waiting to run, exponential mean over ${span}`,
  })),
  privileges: 'none',
  parse: (parameters) => parseNoParameters('load', parameters),
  open(_parameters, deps) {
    if (deps.platform !== 'linux') return { read: async () => readingsOf(loadavg()), close: () => {} }
    return openFile(`${deps.root}/proc/loadavg`, parseLoad)
  },
}

/** Readings from `/proc/loadavg`. */
function parseLoad(text: string): Outcome {
  const values = text.split(' ', 3).map(Number)
  if (text === '' || values.length < 3 || !values.every(Number.isFinite)) {
    return { unavailable: '/proc/loadavg has no three numbers' }
  }
  return readingsOf(values)
}

function readingsOf(values: readonly number[]): Outcome {
  return spans.map((span, index) => ({ name: `load.${span}`, value: values[index] ?? 0, unit: 'count' }))
}
