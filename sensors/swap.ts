/** Swap space. A machine without any reports zero bytes and no usage: nothing is not "0 % used". */

import { type NoParameters, openFile, parseNoParameters } from './file-sensor.ts'
import { meminfoBytes } from './meminfo.ts'
import { type Outcome, type Sensor } from './sensor.ts'

/** `swap.*`. */
export const swapSensor: Sensor<NoParameters> = {
  name: 'swap',
  metrics: [
    { name: 'swap.usage', unit: 'percent', kind: 'gauge', tags: [], meaning: 'used / total; absent without swap' },
    { name: 'swap.total', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'swap space of all devices and files' },
    { name: 'swap.used', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'swap space in use' },
    { name: 'swap.free', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'swap space not in use' },
  ],
  privileges: 'none',
  parse: (parameters) => parseNoParameters('swap', parameters),
  open: (_parameters, deps) => openFile(`${deps.root}/proc/meminfo`, swapReadings),
}

/** Readings from `/proc/meminfo`. */
function swapReadings(meminfo: string): Outcome {
  const total = meminfoBytes(meminfo, 'SwapTotal')
  const free = meminfoBytes(meminfo, 'SwapFree')
  if (total === undefined || free === undefined) return { unavailable: '/proc/meminfo lacks SwapTotal or SwapFree' }
  const used = Math.max(0, total - free)
  const readings = [
    { name: 'swap.total', value: total, unit: 'bytes' },
    { name: 'swap.used', value: used, unit: 'bytes' },
    { name: 'swap.free', value: free, unit: 'bytes' },
  ]
  return total === 0 ? readings : [{ name: 'swap.usage', value: (used * 100) / total, unit: 'percent' }, ...readings]
}
