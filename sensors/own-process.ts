/** The agent itself, as a sensor among the others. */
import { readdirSync } from 'node:fs'
import { type EventLoopUtilization, type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { type NoParameters, parseNoParameters } from './file-sensor.ts'
import type { OpenSensor, Outcome, Reading, Sensor, SensorDeps } from './sensor.ts'

/**
 * One wake-up a second: a stall of a second is always seen, a shorter one in proportion. At ten a second the wake-ups alone cost
 * more than all sensors together.
 */
const lagResolutionMs = 1000

/** `agent.*`. */
export const ownProcessSensor: Sensor<NoParameters> = {
  name: 'own-process',
  metrics: [
    { name: 'agent.rss', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'resident memory of the agent' },
    { name: 'agent.heap_used', unit: 'bytes', kind: 'gauge', tags: [], meaning: 'JavaScript heap in use' },
    { name: 'agent.cpu', unit: 'percent', kind: 'gauge', tags: [], meaning: 'processor time, of one core' },
    {
      name: 'agent.event_loop_lag',
      unit: 'milliseconds',
      kind: 'gauge',
      tags: [],
      meaning: 'the longest the event loop was late since the reading before, looked at once a second',
    },
    {
      name: 'agent.event_loop_usage',
      unit: 'percent',
      kind: 'gauge',
      tags: [],
      meaning: 'time the event loop was not idle since the reading before',
    },
    { name: 'agent.open_fds', unit: 'count', kind: 'gauge', tags: [], meaning: 'open file descriptors; Linux only' },
  ],
  privileges: 'none',
  parse: (parameters) => parseNoParameters('own-process', parameters),
  open: (_parameters, deps) => new OwnProcess(deps),
}

class OwnProcess implements OpenSensor {
  readonly #deps: SensorDeps
  readonly #lag: IntervalHistogram = monitorEventLoopDelay({ resolution: lagResolutionMs })
  #cpu = process.cpuUsage()
  #loop: EventLoopUtilization = performance.eventLoopUtilization()
  #atMs: number

  constructor(deps: SensorDeps) {
    this.#deps = deps
    this.#atMs = deps.clock.monotonic()
    this.#lag.enable()
  }

  async read(): Promise<Outcome> {
    const { rss, heapUsed } = process.memoryUsage()
    return [
      { name: 'agent.rss', value: rss, unit: 'bytes' },
      { name: 'agent.heap_used', value: heapUsed, unit: 'bytes' },
      ...this.#cpuReading(),
      ...this.#lagReading(),
      this.#loopReading(),
      ...this.#descriptors(),
    ]
  }

  close(): void {
    this.#lag.disable()
  }

  #cpuReading(): Reading[] {
    const spent = process.cpuUsage(this.#cpu)
    const nowMs = this.#deps.clock.monotonic()
    const elapsedMs = nowMs - this.#atMs
    this.#cpu = process.cpuUsage()
    this.#atMs = nowMs
    if (elapsedMs <= 0) return []
    return [{ name: 'agent.cpu', value: (spent.user + spent.system) / 10 / elapsedMs, unit: 'percent' }]
  }

  /** The histogram holds whole periods, so the period itself is taken off; empty until the first has passed. */
  #lagReading(): Reading[] {
    const { max, count } = this.#lag
    this.#lag.reset()
    if (count === 0) return []
    return [{ name: 'agent.event_loop_lag', value: Math.max(0, max / 1e6 - lagResolutionMs), unit: 'milliseconds' }]
  }

  #loopReading(): Reading {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#loop)
    this.#loop = now
    return { name: 'agent.event_loop_usage', value: utilization * 100, unit: 'percent' }
  }

  #descriptors(): Reading[] {
    if (this.#deps.platform !== 'linux') return []
    const count = readdirSync(`${this.#deps.root}/proc/self/fd`).length
    return [{ name: 'agent.open_fds', value: count - 1, unit: 'count' }]
  }
}
