/** Reads the configured sensors at their ticks and hands on what they say: the thin shell over `schedule.ts` and `fence.ts`. */
import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { Fence, type FenceResult } from './fence.ts'
import { sensors as allSensors } from './registry.ts'
import { emptySchedule, type ScheduleEvent, skippedTicks, stepSchedule, type Tick } from './schedule.ts'
import type { Reading, Sensor, SensorAllowList } from './sensor.ts'
import { type HealthSource, sensorHealth } from './sensor-health.ts'
import { type ConfiguredSensor, type PreparedSensor, prepareSensors } from './sensor-set.ts'
import { TickTime } from './tick-time.ts'

export interface CollectorDeps {
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Called with the readings of one read, at least one, after the read; all of them belong to the same time.
   * @param timestampMs epoch milliseconds, whole; of one sensor exactly one interval apart while nothing is late
   */
  readonly onReadings: (sensorId: string, timestampMs: number, readings: readonly Reading[]) => void
}

export interface CollectorOptions {
  /** Prefix of `/proc` and `/sys`. Default: the machine's own. */
  readonly root?: string | undefined
  readonly platform?: NodeJS.Platform | undefined
  /** Default: nothing is allowed. */
  readonly allow?: SensorAllowList | undefined
  /** How often `sensor.*` is reported, ms; 0 = never. Default 60,000. */
  readonly healthIntervalMs?: number | undefined
}

/** Id of the collector's own sensor. */
const healthId = '_health'

interface Running {
  readonly prepared: PreparedSensor
  readonly fence: Fence
}

export class Collector implements AsyncDisposable {
  readonly #options: CollectorOptions
  readonly #deps: CollectorDeps
  readonly #quiet: OnceAMinute
  readonly #time = new TickTime()
  readonly #running = new Map<string, Running>()
  readonly #reads = new Set<Promise<void>>()
  readonly #unread = new Set<string>()
  #roundWaiters: (() => void)[] = []
  #schedule = emptySchedule
  #cancelWake: () => void = () => {}
  #isClosed = false

  constructor(options: CollectorOptions, deps: CollectorDeps) {
    this.#options = options
    this.#deps = deps
    this.#quiet = new OnceAMinute(deps.clock)
  }

  /**
   * Sets what is read from now on. Sensors that stay the same go on undisturbed, rates and ticks included. All or nothing: on
   * an error nothing has changed.
   * @throws LanistaError SENSOR_UNKNOWN, SENSOR_PARAMETERS, SENSOR_DUPLICATE, TOKEN_INVALID
   */
  configure(list: readonly ConfiguredSensor[]): void {
    if (this.#isClosed) throw new LanistaError('CLOSED', 'configure no sensors: the collector is closed')
    const wanted = new Map(prepareSensors(list, allSensors).map((prepared) => [prepared.id, prepared]))
    if (this.#healthIntervalMs > 0) wanted.set(healthId, this.#healthSensor())
    for (const [id, { prepared }] of this.#running) {
      if (wanted.get(id)?.revision !== prepared.revision) this.#stop(id)
    }
    for (const prepared of wanted.values()) {
      if (!this.#running.has(prepared.id)) this.#open(prepared)
    }
    this.#step({ type: 'configure', sensors: [...wanted.values()] })
  }

  /** Resolves when each configured sensor has been read once, with whatever result; rejects with the signal's reason. */
  firstRound(signal: AbortSignal): Promise<void> {
    if (this.#unread.size === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#roundWaiters.push(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
    })
  }

  /** Starts no more reads, aborts and drops those that run, closes all sensors. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelWake()
    for (const id of this.#running.keys()) this.#stop(id)
    await Promise.all(this.#reads)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #healthIntervalMs(): number {
    return this.#options.healthIntervalMs ?? 60_000
  }

  #healthSensor(): PreparedSensor {
    const sensor: Sensor = sensorHealth(() => this.#health())
    const intervalMs = this.#healthIntervalMs
    return { id: healthId, sensor, parameters: {}, intervalMs, deadlineMs: intervalMs, tags: {}, revision: healthId }
  }

  #health(): HealthSource {
    const others = [...this.#running].filter(([id]) => id !== healthId)
    const sensors = others.map(([id, { fence }]) => {
      const { late, overlapped } = skippedTicks(this.#schedule, id)
      return { id, ...fence.health, ticksSkipped: late + overlapped }
    })
    return { sensors, clockSteps: this.#time.steps }
  }

  #open(prepared: PreparedSensor): void {
    const { root = '', platform = process.platform, allow = { scripts: [], sensorFolders: [] } } = this.#options
    const { clock, logger } = this.#deps
    const { id, intervalMs, deadlineMs } = prepared
    const deps = { root, platform, allow, clock, logger: logger.child({ sensor: id }), intervalMs }
    const open = prepared.sensor.open(prepared.parameters, deps)
    this.#running.set(id, { prepared, fence: new Fence(open, { deadlineMs, backoffMs: intervalMs }, clock) })
    this.#unread.add(id)
  }

  #stop(id: string): void {
    const running = this.#running.get(id)
    this.#running.delete(id)
    this.#markRead(id)
    if (running) this.#track(this.#closeQuietly(id, running.fence))
  }

  async #closeQuietly(id: string, fence: Fence): Promise<void> {
    try {
      await fence.close()
    } catch (err) {
      this.#deps.logger.warn({ sensor: id, err }, 'sensor close failed')
    }
  }

  #step(event: ScheduleEvent): void {
    const nowMs = this.#deps.clock.monotonic()
    const { state, start, wakeAtMs } = stepSchedule(this.#schedule, event, nowMs)
    this.#schedule = state
    this.#cancelWake()
    if (wakeAtMs !== undefined && !this.#isClosed) {
      this.#cancelWake = this.#deps.clock.after(Math.max(0, wakeAtMs - nowMs), () => this.#step({ type: 'wake' }))
    }
    for (const tick of start) this.#start(tick)
  }

  #start(tick: Tick): void {
    const running = this.#running.get(tick.id)
    if (running) this.#track(this.#read(tick, running))
  }

  /** One read. The schedule hears of its end only when nothing of it is left, which may be long after the deadline. */
  async #read({ id, dueMs }: Tick, { prepared, fence }: Running): Promise<void> {
    const { clock } = this.#deps
    const timestampMs = this.#time.stamp(dueMs, clock.monotonic(), clock.now())
    const result = await fence.run()
    void fence.settled.then(() => this.#step({ type: 'settled', id }))
    if (this.#running.get(id)?.fence !== fence) return
    try {
      this.#report(prepared, timestampMs, result)
    } catch (err) {
      this.#quiet.pass(`${id} refused`, (suppressed) =>
        this.#deps.logger.error({ sensor: id, err, suppressed }, 'readings refused'),
      )
    }
    this.#markRead(id)
  }

  #report({ id, tags }: PreparedSensor, timestampMs: number, result: FenceResult): void {
    if (result.type === 'read') {
      if (result.readings.length > 0) this.#deps.onReadings(id, timestampMs, withTags(result.readings, tags))
    } else if (result.type === 'failed' || result.type === 'overrun') {
      const reason = result.type === 'failed' ? result.reason : 'deadline passed'
      this.#quiet.pass(id, (suppressed) => this.#deps.logger.warn({ sensor: id, reason, suppressed }, 'sensor failed'))
    } else if (result.type === 'unavailable') {
      this.#deps.logger.debug({ sensor: id, reason: result.reason }, 'sensor unavailable')
    }
  }

  #markRead(id: string): void {
    this.#unread.delete(id)
    if (this.#unread.size > 0) return
    for (const resolve of this.#roundWaiters.splice(0)) resolve()
  }

  #track(work: Promise<void>): void {
    this.#reads.add(work)
    void work.finally(() => this.#reads.delete(work))
  }
}

function withTags(readings: readonly Reading[], tags: Readonly<Record<string, string>>): readonly Reading[] {
  if (Object.keys(tags).length === 0) return readings
  return readings.map((reading) => ({ ...reading, tags: { ...reading.tags, ...tags } }))
}
