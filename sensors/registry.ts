/** Every kind of sensor there is, by hand: nothing registers itself. */
import { cpuSensor } from './cpu.ts'
import { customSensor } from './custom.ts'
import { diskSensor } from './disk.ts'
import { filesystemSensor } from './filesystem.ts'
import { loadSensor } from './load.ts'
import { memorySensor } from './memory.ts'
import { networkSensor } from './network.ts'
import { networkLatencySensor } from './network-latency.ts'
import { nfsSensor } from './nfs.ts'
import { ownProcessSensor } from './own-process.ts'
import { scrapeSensor } from './scrape.ts'
import { scriptSensor } from './script.ts'
import type { Sensor } from './sensor.ts'
import { swapSensor } from './swap.ts'
import { uptimeSensor } from './uptime.ts'

export const sensors: readonly Sensor[] = [
  cpuSensor,
  memorySensor,
  swapSensor,
  loadSensor,
  diskSensor,
  filesystemSensor,
  networkSensor,
  uptimeSensor,
  ownProcessSensor,
  networkLatencySensor,
  nfsSensor,
  scriptSensor,
  scrapeSensor,
  customSensor,
]

/** Names of the sensors that an agent reads unless told otherwise, all without parameters. */
export const defaultSensorNames: readonly string[] = [
  'cpu',
  'memory',
  'swap',
  'load',
  'disk',
  'filesystem',
  'network',
  'uptime',
  'own-process',
]
