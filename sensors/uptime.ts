/** How long the machine has been up. */
import { uptime } from 'node:os'
import { type NoParameters, openFile, parseNoParameters } from './file-sensor.ts'
import { type Outcome, type Sensor } from './sensor.ts'

/** `uptime`. */
export const uptimeSensor: Sensor<NoParameters> = {
  name: 'uptime',
  metrics: [{ name: 'uptime', unit: 'seconds', kind: 'counter', tags: [], meaning: 'time since the machine started' }],
  privileges: 'none',
  parse: (parameters) => parseNoParameters('uptime', parameters),
  open(_parameters, deps) {
    if (deps.platform !== 'linux') {
      return { read: async () => [{ name: 'uptime', value: uptime(), unit: 'seconds' }], close: () => {} }
    }
    return openFile(`${deps.root}/proc/uptime`, parseUptime)
  },
}

/** The reading from `/proc/uptime`. */
function parseUptime(text: string): Outcome {
  const seconds = Number.parseFloat(text)
  if (!Number.isFinite(seconds)) return { unavailable: '/proc/uptime has no number' }
  return [{ name: 'uptime', value: seconds, unit: 'seconds' }]
}
