/** Readings through `systeminformation`, for systems without `/proc`. */
import type si from 'systeminformation'
import { CounterRates } from './counter-rates.ts'
import { memoryReadingsOf } from './meminfo.ts'
import type { PortableSensor } from './portable.ts'
import type { OpenSensor, Outcome, Reading, SensorDeps } from './sensor.ts'
import { tagValue } from './tag-value.ts'
import { totalsOf } from './totals.ts'

/** The package, handed in: a static import would be loaded with the bundle on every system. */
export type SystemInformation = typeof si

/** Opens one of the five. It ignores the signal: what the package starts has deadlines of its own. */
export function openSystemInformation(sensor: PortableSensor, deps: SensorDeps, from: SystemInformation): OpenSensor {
  const rates = new CounterRates(deps.intervalMs)
  const begin = (): void => rates.begin(deps.clock.monotonic())
  const reads: Record<PortableSensor, () => Promise<Outcome>> = {
    cpu: () => readCpu(from),
    memory: () => readMemory(from),
    filesystem: () => readFilesystem(from),
    disk: () => readDisk(from, rates, begin),
    network: () => readNetwork(from, rates, begin),
  }
  return { read: () => reads[sensor](), close: () => {} }
}

async function readCpu(from: SystemInformation): Promise<Outcome> {
  const load = await from.currentLoad()
  const percent = { usage: load.currentLoad, user: load.currentLoadUser, nice: load.currentLoadNice }
  const more = { system: load.currentLoadSystem, idle: load.currentLoadIdle, irq: load.currentLoadIrq }
  return [
    { name: 'cpu.cores', value: load.cpus.length, unit: 'count' },
    ...finite(Object.entries({ ...percent, ...more }).map(([mode, value]) => percentOf(`cpu.${mode}`, value))),
  ]
}

async function readMemory(from: SystemInformation): Promise<Outcome> {
  const { total, available, free, cached, buffers } = await from.mem()
  if (!(total > 0)) return { unavailable: 'the system does not tell its memory' }
  return finite(memoryReadingsOf({ total, available, free, cached, buffers }))
}

async function readFilesystem(from: SystemInformation): Promise<Outcome> {
  const sizes = await from.fsSize()
  return finite(
    sizes.flatMap((size) => {
      const tags = { mount: tagValue(size.mount) }
      return [
        { name: 'filesystem.usage', tags, value: size.use, unit: 'percent' },
        { name: 'filesystem.free', tags, value: size.available, unit: 'bytes' },
        { name: 'filesystem.used', tags, value: size.used, unit: 'bytes' },
        { name: 'filesystem.total', tags, value: size.size, unit: 'bytes' },
      ]
    }),
  )
}

async function readDisk(from: SystemInformation, rates: CounterRates, begin: () => void): Promise<Outcome> {
  const [bytes, operations] = [await from.fsStats(), await from.disksIO()] as const
  begin()
  const known: [string, number | null | undefined, string][] = [
    ['disk.read', bytes?.rx, 'bytes_per_second'],
    ['disk.write', bytes?.wx, 'bytes_per_second'],
    ['disk.read_operations', operations?.rIO, 'operations_per_second'],
    ['disk.write_operations', operations?.wIO, 'operations_per_second'],
  ]
  const readings = known.flatMap(([name, counter, unit]) => {
    const rate = typeof counter === 'number' ? rates.rate(name, counter) : undefined
    return rate === undefined ? [] : [{ name, value: rate, unit }]
  })
  return readings.length > 0 ? readings : { unavailable: 'a rate needs two reads' }
}

async function readNetwork(from: SystemInformation, rates: CounterRates, begin: () => void): Promise<Outcome> {
  const interfaces = await from.networkStats()
  begin()
  const perInterface = interfaces.map((one) => {
    const tags = { interface: tagValue(one.iface) }
    const readings: Reading[] = [
      { name: 'network.rx_bytes', tags, value: one.rx_bytes, unit: 'bytes' },
      { name: 'network.tx_bytes', tags, value: one.tx_bytes, unit: 'bytes' },
    ]
    const rx = rates.rate(`${one.iface} rx`, one.rx_bytes)
    const tx = rates.rate(`${one.iface} tx`, one.tx_bytes)
    if (rx !== undefined) readings.push({ name: 'network.rx', tags, value: rx, unit: 'bytes_per_second' })
    if (tx !== undefined) readings.push({ name: 'network.tx', tags, value: tx, unit: 'bytes_per_second' })
    return finite(readings)
  })
  const names = ['network.rx_bytes', 'network.tx_bytes', 'network.rx', 'network.tx']
  return [...totalsOf(names, perInterface), ...perInterface.flat()]
}

function percentOf(name: string, value: number): Reading {
  return { name, value, unit: 'percent' }
}

/** The package reports what it cannot know as null or NaN. */
function finite(readings: readonly Reading[]): Reading[] {
  return readings.filter(({ value }) => Number.isFinite(value))
}
