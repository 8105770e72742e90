/** Traffic of network interfaces: the kernel's counters, and rates between two reads. */
import * as z from 'zod/mini'
import { CounterRates } from './counter-rates.ts'
import { DeviceFilter, physicalInterfaces, sysTree } from './devices.ts'
import { type InterfaceCounters, parseNetDev } from './net-dev.ts'
import { openPortable } from './portable.ts'
import { ProcFile } from './proc-file.ts'
import {
  type MetricDescription,
  type OpenSensor,
  type Outcome,
  parseParameters,
  type Reading,
  type Sensor,
  type SensorDeps,
} from './sensor.ts'
import { type SizeScale, type SizeUnit, sizeScale, sizeUnits } from './size-units.ts'
import { tagValue } from './tag-value.ts'
import { totalsOf } from './totals.ts'

export interface NetworkParameters {
  /** One interface, e.g. `eth0`; then nothing untagged. Default: those that carry the machine's traffic, and their total. */
  readonly device?: string | undefined
  /** The seed's name of `device`; counts where `device` is absent. */
  readonly net_device?: string | undefined
  /** Report amounts in this unit instead of bytes. */
  readonly unit?: SizeUnit | undefined
  /** Every interface, loopback and virtual ones too. Totals stay those of the physical ones. Default false. */
  readonly virtual?: boolean | undefined
}

const schema: z.ZodMiniType<NetworkParameters> = z.strictObject({
  device: z.optional(z.string().check(z.minLength(1))),
  net_device: z.optional(z.string().check(z.minLength(1))),
  unit: z.optional(z.enum(sizeUnits)),
  virtual: z.optional(z.boolean()),
})

/** Interfaces reported at most, in the kernel's order; the rest is counted in `network.interfaces_left_out`. */
const interfacesMax = 64

interface Source {
  readonly of: keyof InterfaceCounters
  readonly unit: string
  readonly meaning: string
}

const counters: Readonly<Record<string, Source>> = {
  'network.rx_bytes': { of: 'rxBytes', unit: 'bytes', meaning: 'bytes received' },
  'network.tx_bytes': { of: 'txBytes', unit: 'bytes', meaning: 'bytes sent' },
  'network.rx_packets': { of: 'rxPackets', unit: 'packets', meaning: 'packets received' },
  'network.tx_packets': { of: 'txPackets', unit: 'packets', meaning: 'packets sent' },
  'network.errors': { of: 'errors', unit: 'packets', meaning: 'packets lost to errors, both ways' },
  'network.dropped': { of: 'dropped', unit: 'packets', meaning: 'packets dropped, both ways' },
}
const rates: Readonly<Record<string, Source>> = {
  'network.rx': { of: 'rxBytes', unit: 'bytes_per_second', meaning: 'download bandwidth in use' },
  'network.tx': { of: 'txBytes', unit: 'bytes_per_second', meaning: 'upload bandwidth in use' },
  'network.rx_packet_rate': { of: 'rxPackets', unit: 'packets_per_second', meaning: 'packets received a second' },
  'network.tx_packet_rate': { of: 'txPackets', unit: 'packets_per_second', meaning: 'packets sent a second' },
}
const totalNames = [...Object.keys(counters), ...Object.keys(rates)]

/** `network.*`, but for what the latency sensor reports. */
export const networkSensor: Sensor<NetworkParameters> = {
  name: 'network',
  metrics: [
    ...describe(counters, 'counter'),
    ...describe(rates, 'gauge'),
    {
      name: 'network.interfaces_left_out',
      unit: 'count',
      kind: 'gauge',
      tags: [],
      meaning: `interfaces beyond the ${interfacesMax} reported; absent when there are none`,
    },
  ],
  privileges: 'none; sees the interfaces of its own network namespace',
  parse: (parameters) => parseParameters('network', schema, parameters),
  open: (parameters, deps) =>
    deps.platform === 'linux' ? new LinuxNetwork(parameters, deps) : openPortable('network', deps),
}

function describe(metrics: Readonly<Record<string, Source>>, kind: 'counter' | 'gauge'): MetricDescription[] {
  return Object.entries(metrics).map(([name, { unit, meaning }]) => ({
    name,
    unit,
    kind,
    tags: ['interface'],
    meaning: `${meaning}, of all physical interfaces (untagged) or one`,
  }))
}

class LinuxNetwork implements OpenSensor {
  readonly #file: ProcFile
  readonly #deps: SensorDeps
  readonly #rates: CounterRates
  readonly #filter: DeviceFilter
  readonly #device: string | undefined
  readonly #virtual: boolean
  readonly #scale: SizeScale

  constructor(parameters: NetworkParameters, deps: SensorDeps) {
    this.#file = new ProcFile(`${deps.root}/proc/net/dev`)
    this.#deps = deps
    this.#rates = new CounterRates(deps.intervalMs)
    this.#filter = new DeviceFilter((names) => physicalInterfaces(names, sysTree(deps.root)))
    this.#device = parameters.device ?? parameters.net_device
    this.#virtual = parameters.virtual ?? false
    this.#scale = sizeScale(parameters.unit)
  }

  async read(): Promise<Outcome> {
    const all = parseNetDev(this.#file.read() ?? '')
    this.#rates.begin(this.#deps.clock.monotonic())
    if (this.#device !== undefined) return this.#one(this.#device, all.get(this.#device))
    const physical = this.#filter.keep([...all.keys()])
    const wanted = this.#virtual ? [...all] : [...all].filter(([name]) => physical.has(name))
    if (wanted.length === 0) return { unavailable: 'no network interface but virtual ones' }
    const reported = wanted.slice(0, interfacesMax).map(([name, values]) => ({
      name,
      readings: this.#interfaceReadings(name, values),
    }))
    const counted = reported.filter(({ name }) => physical.has(name)).map(({ readings }) => readings)
    return [
      ...totalsOf(totalNames, counted),
      ...reported.flatMap(({ readings }) => readings),
      ...leftOut(wanted.length - reported.length),
    ]
  }

  close(): void {
    this.#file.close()
  }

  #one(device: string, values: InterfaceCounters | undefined): Outcome {
    return values ? this.#interfaceReadings(device, values) : { unavailable: `no network interface ${device}` }
  }

  #interfaceReadings(device: string, values: InterfaceCounters): Reading[] {
    const tags = { interface: tagValue(device) }
    const readings = Object.entries(counters).map(
      ([name, { of, unit }]): Reading => ({ name, tags, ...this.#scaled(unit, values[of]) }),
    )
    for (const [name, { of, unit }] of Object.entries(rates)) {
      const rate = this.#rates.rate(`${device} ${of}`, values[of])
      if (rate !== undefined) readings.push({ name, tags, ...this.#scaled(unit, rate) })
    }
    return readings
  }

  #scaled(unit: string, value: number): { value: number; unit: string } {
    if (!unit.startsWith('bytes')) return { value, unit }
    return { value: value / this.#scale.divisor, unit: unit.replace('bytes', this.#scale.unit) }
  }
}

function leftOut(count: number): Reading[] {
  return count > 0 ? [{ name: 'network.interfaces_left_out', value: count, unit: 'count' }] : []
}
