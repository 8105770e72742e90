/** Traffic of block devices. Rates only: two reads make a reading. */
import * as z from 'zod/mini'
import { CounterRates } from './counter-rates.ts'
import { DeviceFilter, physicalDisks, sysTree } from './devices.ts'
import { type DiskCounters, diskNames, parseDiskLine } from './diskstats.ts'
import { openPortable } from './portable.ts'
import { ProcFile } from './proc-file.ts'
import { type OpenSensor, type Outcome, parseParameters, type Reading, type Sensor, type SensorDeps } from './sensor.ts'
import { type SizeScale, type SizeUnit, sizeScale, sizeUnits } from './size-units.ts'
import { tagValue } from './tag-value.ts'
import { totalsOf } from './totals.ts'

export interface DiskParameters {
  /** One block device, partitions included, e.g. `sda`; then nothing untagged. Default: all physical whole disks and their total. */
  readonly device?: string | undefined
  /** The seed's name of `device`; counts where `device` is absent. */
  readonly fs_device?: string | undefined
  /** Report amounts a second in this unit instead of bytes. */
  readonly unit?: SizeUnit | undefined
}

const schema: z.ZodMiniType<DiskParameters> = z.strictObject({
  device: z.optional(z.string().check(z.minLength(1))),
  fs_device: z.optional(z.string().check(z.minLength(1))),
  unit: z.optional(z.enum(sizeUnits)),
})

const rates = {
  'disk.read': { of: 'readBytes', unit: 'bytes_per_second', meaning: 'amount read' },
  'disk.write': { of: 'writeBytes', unit: 'bytes_per_second', meaning: 'amount written' },
  'disk.read_operations': { of: 'readOperations', unit: 'operations_per_second', meaning: 'reads completed' },
  'disk.write_operations': { of: 'writeOperations', unit: 'operations_per_second', meaning: 'writes completed' },
} as const
const rateNames = Object.keys(rates) as (keyof typeof rates)[]

/** `disk.*`. */
export const diskSensor: Sensor<DiskParameters> = {
  name: 'disk',
  metrics: [
    ...rateNames.map((name) => ({
      name,
      unit: rates[name].unit,
      kind: 'gauge' as const,
      tags: ['device'],
      meaning: `${rates[name].meaning} a second, of all physical disks (untagged) or one`,
    })),
    {
      name: 'disk.busy',
      unit: 'percent',
      kind: 'gauge',
      tags: ['device'],
      meaning: 'time with at least one request in flight',
    },
  ],
  privileges: 'none',
  parse: (parameters) => parseParameters('disk', schema, parameters),
  open: (parameters, deps) =>
    deps.platform === 'linux' ? new LinuxDisk(parameters, deps) : openPortable('disk', deps),
}

class LinuxDisk implements OpenSensor {
  readonly #file: ProcFile
  readonly #deps: SensorDeps
  readonly #rates: CounterRates
  readonly #filter: DeviceFilter
  readonly #device: string | undefined
  readonly #scale: SizeScale

  constructor(parameters: DiskParameters, deps: SensorDeps) {
    this.#file = new ProcFile(`${deps.root}/proc/diskstats`)
    this.#deps = deps
    this.#rates = new CounterRates(deps.intervalMs)
    this.#filter = new DeviceFilter((names) => physicalDisks(names, sysTree(deps.root)))
    this.#device = parameters.device ?? parameters.fs_device
    this.#scale = sizeScale(parameters.unit)
  }

  async read(): Promise<Outcome> {
    const text = this.#file.read() ?? ''
    const kept = this.#device === undefined ? this.#filter.keep(diskNames(text)) : [this.#device]
    this.#rates.begin(this.#deps.clock.monotonic())
    const devices = [...kept].flatMap((name): [string, DiskCounters][] => {
      const counters = parseDiskLine(text, name)
      return counters ? [[name, counters]] : []
    })
    if (devices.length === 0) return { unavailable: `no block device ${this.#device ?? 'with hardware behind it'}` }
    const perDevice = devices.map(([name, counters]) => this.#deviceReadings(name, counters))
    const totals = this.#device === undefined ? totalsOf(rateNames, perDevice) : []
    const readings = [...totals, ...perDevice.flat()]
    return readings.length > 0 ? readings : { unavailable: 'a rate needs two reads' }
  }

  close(): void {
    this.#file.close()
  }

  #deviceReadings(device: string, counters: DiskCounters): Reading[] {
    const tags = { device: tagValue(device) }
    const readings: Reading[] = []
    for (const name of rateNames) {
      const rate = this.#rates.rate(`${device} ${name}`, counters[rates[name].of])
      if (rate !== undefined) readings.push({ name, tags, ...this.#scaled(name, rate) })
    }
    const busyMs = this.#rates.rate(`${device} busy`, counters.busyMs)
    if (busyMs !== undefined) {
      readings.push({ name: 'disk.busy', tags, value: Math.min(100, busyMs / 10), unit: 'percent' })
    }
    return readings
  }

  #scaled(name: keyof typeof rates, rate: number): { value: number; unit: string } {
    const { unit } = rates[name]
    if (unit !== 'bytes_per_second') return { value: rate, unit }
    return { value: rate / this.#scale.divisor, unit: `${this.#scale.unit}_per_second` }
  }
}
