/**
 * Runs the reads of one sensor so that it can harm no other: each has a deadline, none starts while the one before has not
 * settled, however long that takes, and a sensor that keeps failing is asked less and less often.
 */
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { backoffCeilingMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { isUnavailable, type OpenSensor, type Reading } from './sensor.ts'

export interface FenceOptions {
  /** A read that has not answered after this long is an overrun, ms. */
  readonly deadlineMs: number
  /** First wait after a failure, ms; doubled at each further one up to five minutes. */
  readonly backoffMs: number
}

const backoffMsMax = 300_000

export type FenceResult =
  | { readonly type: 'read'; readonly readings: readonly Reading[] }
  /** The sensor says that there is nothing to measure. */
  | { readonly type: 'unavailable'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string }
  /** The deadline passed first; what the read answers later is thrown away. */
  | { readonly type: 'overrun' }
  /** Not started: the read before has not settled. */
  | { readonly type: 'busy' }
  /** Not started: it failed not long ago. */
  | { readonly type: 'backedOff' }

/** How one sensor is doing. Counts are since it was opened. */
export interface SensorHealth {
  /** Milliseconds since the last read that gave readings; undefined = none yet. */
  readonly successAgeMs: number | undefined
  /** How long the last finished read took, ms; undefined = none yet. */
  readonly durationMs: number | undefined
  readonly overruns: number
  readonly failures: number
}

/** A read that has not settled. */
interface Call {
  readonly stop: AbortController
  /** Ends the wait for it with this result. */
  readonly giveUp: (result: FenceResult) => void
  readonly settled: Promise<void>
}

export class Fence {
  readonly #sensor: OpenSensor
  readonly #options: FenceOptions
  readonly #clock: Clock
  #current: Call | undefined
  #troublesInRow = 0
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #successAtMs: number | undefined
  #durationMs: number | undefined
  #overruns = 0
  #failures = 0

  constructor(sensor: OpenSensor, options: FenceOptions, clock: Clock) {
    this.#sensor = sensor
    this.#options = options
    this.#clock = clock
  }

  get health(): SensorHealth {
    return {
      successAgeMs: this.#successAtMs === undefined ? undefined : this.#clock.monotonic() - this.#successAtMs,
      durationMs: this.#durationMs,
      overruns: this.#overruns,
      failures: this.#failures,
    }
  }

  /** Resolves when nothing of a read is left running: at once, or never for a read that never ends. */
  get settled(): Promise<void> {
    return this.#current?.settled ?? Promise.resolve()
  }

  /** Reads once. Resolves by the deadline at the latest and never rejects. */
  async run(): Promise<FenceResult> {
    if (this.#current) return { type: 'busy' }
    const startedMs = this.#clock.monotonic()
    if (startedMs < this.#notBeforeMs) return { type: 'backedOff' }
    const result = await this.#race(startedMs)
    this.#judge(result)
    return result
  }

  /** Aborts what runs and closes the sensor. Does not wait for a read that ignores its signal. Idempotent. */
  async close(): Promise<void> {
    this.#current?.giveUp({ type: 'failed', reason: 'closed' })
    this.#current?.stop.abort(new LanistaError('CLOSED', 'stop reading: the sensor is closed'))
    await this.#sensor.close()
  }

  async #race(startedMs: number): Promise<FenceResult> {
    const stop = new AbortController()
    let giveUp: (result: FenceResult) => void = () => {}
    const cut = new Promise<FenceResult>((resolve) => {
      giveUp = resolve
    })
    const cancelDeadline = this.#clock.after(this.#options.deadlineMs, () => {
      giveUp({ type: 'overrun' })
      stop.abort(new LanistaError('TIMED_OUT', `answer within ${this.#options.deadlineMs} ms`))
    })
    const answer = this.#answer(stop.signal, startedMs)
    const settled = answer.then(() => {
      cancelDeadline()
      this.#current = undefined
    })
    this.#current = { stop, giveUp, settled }
    return Promise.race([answer, cut])
  }

  async #answer(signal: AbortSignal, startedMs: number): Promise<FenceResult> {
    try {
      const outcome = await this.#sensor.read(signal)
      if (isUnavailable(outcome)) return { type: 'unavailable', reason: outcome.unavailable }
      return { type: 'read', readings: outcome }
    } catch (error) {
      return { type: 'failed', reason: messageOf(error) }
    } finally {
      this.#durationMs = this.#clock.monotonic() - startedMs
    }
  }

  #judge(result: FenceResult): void {
    const nowMs = this.#clock.monotonic()
    if (result.type === 'overrun') this.#overruns++
    if (result.type === 'failed') this.#failures++
    if (result.type === 'read') this.#successAtMs = nowMs
    if (result.type === 'read' || result.type === 'unavailable') {
      this.#troublesInRow = 0
      return
    }
    const waitMs = backoffCeilingMs(this.#troublesInRow++, { baseMs: this.#options.backoffMs, capMs: backoffMsMax })
    this.#notBeforeMs = nowMs + waitMs
  }
}
