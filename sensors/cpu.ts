/** The processor's time: in use, and per mode. Two reads make a reading; the first is not available. */
import * as z from 'zod/mini'
import { type CpuMode, type CpuShares, type CpuTimes, cpuModes, cpuShares, parseCpuStat } from './cpu-stat.ts'
import { openPortable } from './portable.ts'
import { ProcFile } from './proc-file.ts'
import { type OpenSensor, type Outcome, parseParameters, type Reading, type Sensor, type SensorDeps } from './sensor.ts'

export interface CpuParameters {
  /** Every core by itself too, tagged `core`. Default false: nine more series a core. */
  readonly perCore?: boolean | undefined
}

const schema: z.ZodMiniType<CpuParameters> = z.strictObject({ perCore: z.optional(z.boolean()) })

const modeMeanings: Record<CpuMode, string> = {
  user: 'time in programs, guests included',
  nice: 'time in programs of low priority',
  system: 'time in the kernel',
  idle: 'time with nothing to do',
  iowait: 'idle time while a disk was awaited',
  irq: 'time serving interrupts',
  softirq: 'time serving soft interrupts',
  steal: 'time the hypervisor gave to others',
}

/** `cpu.*`. */
export const cpuSensor: Sensor<CpuParameters> = {
  name: 'cpu',
  metrics: [
    {
      name: 'cpu.usage',
      unit: 'percent',
      kind: 'gauge',
      tags: ['core'],
      meaning: 'time not idle, of all cores (untagged) or of one',
    },
    ...cpuModes.map((mode) => ({
      name: `cpu.${mode}`,
      unit: 'percent',
      kind: 'gauge' as const,
      tags: ['core'],
      meaning: modeMeanings[mode],
    })),
    { name: 'cpu.cores', unit: 'count', kind: 'gauge', tags: [], meaning: 'cores online' },
  ],
  privileges: 'none',
  parse: (parameters) => parseParameters('cpu', schema, parameters),
  open: (parameters, deps) => (deps.platform === 'linux' ? new LinuxCpu(parameters, deps) : openPortable('cpu', deps)),
}

class LinuxCpu implements OpenSensor {
  readonly #file: ProcFile
  readonly #perCore: boolean
  readonly #deps: SensorDeps
  #before = new Map<string, CpuTimes>()
  #atMs = Number.NEGATIVE_INFINITY

  constructor(parameters: CpuParameters, deps: SensorDeps) {
    this.#file = new ProcFile(`${deps.root}/proc/stat`)
    this.#perCore = parameters.perCore ?? false
    this.#deps = deps
  }

  async read(): Promise<Outcome> {
    const stat = parseCpuStat(this.#file.read() ?? '', this.#perCore)
    if (!stat.total) return { unavailable: '/proc/stat has no cpu line' }
    const now = new Map(stat.cores)
    now.set('', stat.total)
    const before = this.#takeBefore(now)
    const readings: Reading[] = [{ name: 'cpu.cores', value: stat.coreCount, unit: 'count' }]
    for (const [core, times] of now) {
      const earlier = before.get(core)
      const shares = earlier && cpuShares(earlier, times)
      if (shares) readings.push(...readingsOf(shares, core === '' ? undefined : { core }))
    }
    return readings
  }

  close(): void {
    this.#file.close()
  }

  /** Remembers this round; the one before it, unless it is too long ago to speak of "now". */
  #takeBefore(now: Map<string, CpuTimes>): ReadonlyMap<string, CpuTimes> {
    const monotonic = this.#deps.clock.monotonic()
    const before = monotonic - this.#atMs > 3 * this.#deps.intervalMs ? new Map<string, CpuTimes>() : this.#before
    this.#before = now
    this.#atMs = monotonic
    return before
  }
}

function readingsOf(shares: CpuShares, tags: Readonly<Record<string, string>> | undefined): Reading[] {
  return [
    { name: 'cpu.usage', tags, value: shares.usage, unit: 'percent' },
    ...cpuModes.map((mode, index) => ({
      name: `cpu.${mode}`,
      tags,
      value: shares.modes[index] ?? 0,
      unit: 'percent',
    })),
  ]
}
