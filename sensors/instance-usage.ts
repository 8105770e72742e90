/** What one instance uses of its host, wherever that was read, and how it is reported. */
import { CounterRates } from './counter-rates.ts'
import type { MetricDescription, Reading } from './sensor.ts'

/** What could be read at one moment; what is absent is not known, never 0. */
export interface InstanceUsage {
  /** Processor time so far, seconds. */
  readonly cpuSeconds?: number | undefined
  readonly workingSetBytes?: number | undefined
  readonly anonymousBytes?: number | undefined
  readonly cacheBytes?: number | undefined
  /** Absent where there is none, too. */
  readonly limitBytes?: number | undefined
  /** From block devices so far. */
  readonly readBytes?: number | undefined
  /** To block devices so far. */
  readonly writeBytes?: number | undefined
  readonly rxBytes?: number | undefined
  readonly txBytes?: number | undefined
  readonly processes?: number | undefined
  readonly threads?: number | undefined
}

interface Source {
  readonly name: string
  readonly of: keyof InstanceUsage
  readonly unit: string
  readonly meaning: string
}

const gauges: readonly Source[] = [
  {
    name: 'instance.memory.working_set',
    of: 'workingSetBytes',
    unit: 'bytes',
    meaning: 'memory in use, without page cache that can be dropped at once',
  },
  {
    name: 'instance.memory.anonymous',
    of: 'anonymousBytes',
    unit: 'bytes',
    meaning: 'memory that no file stands behind: heaps, stacks',
  },
  { name: 'instance.memory.cache', of: 'cacheBytes', unit: 'bytes', meaning: 'page cache; needs a cgroup of its own' },
  {
    name: 'instance.memory.limit',
    of: 'limitBytes',
    unit: 'bytes',
    meaning: 'memory it may use; absent when there is no limit',
  },
  { name: 'instance.processes', of: 'processes', unit: 'count', meaning: 'processes' },
  { name: 'instance.threads', of: 'threads', unit: 'count', meaning: 'threads of all its processes' },
]

const bytesPerSecond = 'bytes_per_second'
const rates: readonly Source[] = [
  { name: 'instance.disk.read', of: 'readBytes', unit: bytesPerSecond, meaning: 'read from block devices' },
  { name: 'instance.disk.write', of: 'writeBytes', unit: bytesPerSecond, meaning: 'written to block devices' },
  {
    name: 'instance.network.rx',
    of: 'rxBytes',
    unit: bytesPerSecond,
    meaning: 'received; needs a network namespace of its own',
  },
  {
    name: 'instance.network.tx',
    of: 'txBytes',
    unit: bytesPerSecond,
    meaning: 'sent; needs a network namespace of its own',
  },
]

const tags = ['application', 'component', 'instance']

/** What the sensor `instance` reports. */
export const instanceMetrics: readonly MetricDescription[] = [
  {
    name: 'instance.cpu.usage',
    unit: 'percent',
    kind: 'gauge',
    tags,
    meaning: 'processor time, of one core: 200 = two cores busy',
  },
  {
    name: 'instance.memory.usage',
    unit: 'percent',
    kind: 'gauge',
    tags,
    meaning: 'working set / limit; absent when there is no limit',
  },
  ...[...gauges, ...rates].map(({ name, unit, meaning }) => ({ name, unit, kind: 'gauge' as const, tags, meaning })),
]

/** Makes readings of one instance's usages, one after another. */
export class UsageReadings {
  readonly #tags: Readonly<Record<string, string>>
  readonly #rates: CounterRates

  /** @param intervalMs between two usages when all goes well */
  constructor(tagsOfAll: Readonly<Record<string, string>>, intervalMs: number) {
    this.#tags = tagsOfAll
    this.#rates = new CounterRates(intervalMs)
  }

  of(usage: InstanceUsage, monotonicMs: number): readonly Reading[] {
    this.#rates.begin(monotonicMs)
    const readings: Reading[] = []
    this.#add(readings, 'instance.cpu.usage', percent(this.#rate('cpuSeconds', usage)), 'percent')
    const { workingSetBytes, limitBytes } = usage
    if (workingSetBytes !== undefined && limitBytes !== undefined && limitBytes > 0) {
      this.#add(readings, 'instance.memory.usage', percent(workingSetBytes / limitBytes), 'percent')
    }
    for (const { name, of, unit } of gauges) this.#add(readings, name, usage[of], unit)
    for (const { name, of, unit } of rates) this.#add(readings, name, this.#rate(of, usage), unit)
    return readings
  }

  #rate(of: keyof InstanceUsage, usage: InstanceUsage): number | undefined {
    const value = usage[of]
    return value === undefined ? undefined : this.#rates.rate(of, value)
  }

  #add(readings: Reading[], name: string, value: number | undefined, unit: string): void {
    if (value !== undefined) readings.push({ name, tags: this.#tags, value, unit })
  }
}

function percent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : share * 100
}
