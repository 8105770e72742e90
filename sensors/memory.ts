/** Main memory. "In use" is what programs cannot have without swapping: page cache is not in use. */

import { type NoParameters, openFile, parseNoParameters } from './file-sensor.ts'
import { meminfoBytes, memoryReadingsOf } from './meminfo.ts'
import { openPortable } from './portable.ts'
import { type Outcome, type Sensor } from './sensor.ts'

/** `memory.*`. */
export const memorySensor: Sensor<NoParameters> = {
  name: 'memory',
  metrics: [
    {
      name: 'memory.usage',
      unit: 'percent',
      kind: 'gauge',
      tags: [],
      meaning: '(total − available) / total; page cache counts as available',
    },
    { name: 'memory.total', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'memory the kernel manages' },
    {
      name: 'memory.available',
      unit: 'bytes',
      kind: 'gauge',
      tags: [],
      meaning: "the kernel's estimate of what programs can still get without swapping",
    },
    { name: 'memory.free', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'memory used for nothing at all' },
    { name: 'memory.cached', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'page cache' },
    { name: 'memory.buffers', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'raw block buffers' },
  ],
  privileges: 'none',
  parse: (parameters) => parseNoParameters('memory', parameters),
  open(_parameters, deps) {
    if (deps.platform !== 'linux') return openPortable('memory', deps)
    return openFile(`${deps.root}/proc/meminfo`, memoryReadings)
  },
}

/** Readings from `/proc/meminfo`. Before Linux 3.14 there is no MemAvailable: free + buffers + cached stands in for it. */
function memoryReadings(meminfo: string): Outcome {
  const total = meminfoBytes(meminfo, 'MemTotal')
  const free = meminfoBytes(meminfo, 'MemFree')
  if (!total || free === undefined) return { unavailable: '/proc/meminfo lacks MemTotal or MemFree' }
  const cached = meminfoBytes(meminfo, 'Cached') ?? 0
  const buffers = meminfoBytes(meminfo, 'Buffers') ?? 0
  const available = Math.min(total, meminfoBytes(meminfo, 'MemAvailable') ?? free + buffers + cached)
  return memoryReadingsOf({ total, available, free, cached, buffers })
}
