/**
 * What each application instance on this host uses. An instance with a cgroup of its own, a container or a systemd scope, is read from
 * the cgroup's files; any other is the sum of its processes. Made by the program, which knows what runs: see `RunningInstance`.
 */
import { type CgroupMounts, cgroupMounts } from './cgroup-place.ts'
import { CgroupUsage } from './cgroup-usage.ts'
import { type NoParameters, parseNoParameters } from './file-sensor.ts'
import { instanceMetrics, UsageReadings } from './instance-usage.ts'
import { ProcFile } from './proc-file.ts'
import { type ProcessSum, ProcessUsage } from './process-usage.ts'
import type { OpenSensor, Outcome, Reading, Sensor, SensorDeps } from './sensor.ts'

/** An instance that runs now, as whoever runs it knows it. */
export interface RunningInstance {
  /** This and the next two become tags; `[A-Za-z0-9_-]`. */
  readonly application: string
  readonly component: string
  readonly instance: string
  /** Any that are known, the main process first; never a process of something else. Those of their sessions need not be named. */
  readonly processes: readonly number[]
  /** Whether its first process is in a cgroup that holds this instance and nothing else. */
  readonly hasOwnCgroup: boolean
}

/** `instance.*`. @param running called at each read; answers from memory */
export function instanceSensor(running: () => readonly RunningInstance[]): Sensor<NoParameters> {
  return {
    name: 'instance',
    metrics: instanceMetrics,
    privileges: 'root, for disk and network of instances that run as another account',
    parse: (parameters) => parseNoParameters('instance', parameters),
    open: (_parameters, deps) => new Instances(running, deps),
  }
}

interface Meter {
  /** Of which run of the instance it is. */
  readonly run: string
  readonly report: UsageReadings
  readonly cgroup: CgroupUsage | undefined
}

class Instances implements OpenSensor {
  readonly #running: () => readonly RunningInstance[]
  readonly #deps: SensorDeps
  readonly #processes: ProcessUsage
  readonly #meters = new Map<string, Meter>()
  #mounts: CgroupMounts | undefined

  constructor(running: () => readonly RunningInstance[], deps: SensorDeps) {
    this.#running = running
    this.#deps = deps
    this.#processes = new ProcessUsage(deps.root)
  }

  async read(): Promise<Outcome> {
    if (this.#deps.platform !== 'linux') return { unavailable: 'instances are metered on Linux only' }
    const running = this.#running()
    this.#closeBut(new Set(running.map(keyOf)))
    const sums = this.#processes.read(
      running.filter((one) => !one.hasOwnCgroup).map((one) => ({ key: keyOf(one), processes: one.processes })),
    )
    const nowMs = this.#deps.clock.monotonic()
    const readings = running.flatMap((one) =>
      one.hasOwnCgroup ? this.#ofCgroup(one, nowMs) : this.#ofProcesses(one, sums.get(keyOf(one)), nowMs),
    )
    if (readings.length > 0) return readings
    const count = running.length
    return { unavailable: count === 0 ? 'no instance runs here' : `nothing can be read of ${count} running instances` }
  }

  close(): void {
    this.#closeBut(new Set())
    this.#processes.close()
  }

  /** The main process tells one run of a container from the next. What has vanished is looked for afresh at the next read. */
  #ofCgroup(one: RunningInstance, nowMs: number): readonly Reading[] {
    const [pid] = one.processes
    if (pid === undefined) return []
    const meter = this.#meterOf(one, String(pid), () => CgroupUsage.of(pid, this.#cgroupMounts(), this.#deps.root))
    const usage = meter.cgroup?.read(nowMs)
    if (usage === undefined) this.#close(keyOf(one))
    return usage ? meter.report.of(usage, nowMs) : []
  }

  #ofProcesses(one: RunningInstance, sum: ProcessSum | undefined, nowMs: number): readonly Reading[] {
    if (sum === undefined || sum.hasLateProcesses) this.#close(keyOf(one))
    return sum ? this.#meterOf(one, 'processes', () => undefined).report.of(sum.usage, nowMs) : []
  }

  #meterOf(one: RunningInstance, run: string, open: () => CgroupUsage | undefined): Meter {
    const there = this.#meters.get(keyOf(one))
    if (there?.run === run) return there
    this.#close(keyOf(one))
    const { application, component, instance } = one
    const report = new UsageReadings({ application, component, instance }, this.#deps.intervalMs)
    const meter: Meter = { run, report, cgroup: open() }
    this.#meters.set(keyOf(one), meter)
    return meter
  }

  #close(key: string): void {
    this.#meters.get(key)?.cgroup?.close()
    this.#meters.delete(key)
  }

  #closeBut(keys: ReadonlySet<string>): void {
    for (const key of this.#meters.keys()) if (!keys.has(key)) this.#close(key)
  }

  #cgroupMounts(): CgroupMounts {
    if (this.#mounts) return this.#mounts
    const table = new ProcFile(`${this.#deps.root}/proc/self/mountinfo`)
    this.#mounts = cgroupMounts(table.read() ?? '')
    table.close()
    return this.#mounts
  }
}

function keyOf({ application, component, instance }: RunningInstance): string {
  return `${application}/${component}/${instance}`
}
