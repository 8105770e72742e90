/** Every request to a cloud goes through here: our own pace, our own retries, one deadline for a call with all its requests. */
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import type { CallLimits } from './cloud-driver.ts'
import { cloudError, isWorthRetrying } from './cloud-error.ts'
import { TokenBucket } from './token-bucket.ts'

export interface CloudCallsOptions {
  /** Requests a second to this account in the long run. Default 5. */
  readonly ratePerSecond?: number | undefined
  /** Requests at once after a pause. Default 20. */
  readonly burst?: number | undefined
  /** Time for one request, ms; then it counts as lost. Default 20,000. */
  readonly requestMs?: number | undefined
  /** Ceiling of the first wait before a retry, ms; it doubles up to `backoffCapMs`. Default 500. */
  readonly backoffBaseMs?: number | undefined
  /** Default 20,000. */
  readonly backoffCapMs?: number | undefined
}

export interface CloudCallsDeps {
  readonly clock: Clock
  /** Source of [0, 1) for the waits. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Since the start. */
export interface CloudCallCounts {
  readonly requests: number
  readonly retries: number
  readonly throttled: number
  readonly lost: number
}

/** Makes one request, retried as its errors allow. `attempt` throws the codes of `cloud-error.ts` and heeds its signal. */
export type CloudCall = <T>(name: string, attempt: (signal: AbortSignal) => Promise<T>) => Promise<T>

export class CloudCalls {
  readonly #options: CloudCallsOptions
  readonly #clock: Clock
  readonly #random: (() => number) | undefined
  readonly #bucket: TokenBucket
  readonly #closing = new AbortController()
  readonly #counts = { requests: 0, retries: 0, throttled: 0, lost: 0 }

  constructor(options: CloudCallsOptions, { clock, random }: CloudCallsDeps) {
    this.#options = options
    this.#clock = clock
    this.#random = random
    const { ratePerSecond = 5, burst = 20 } = options
    this.#bucket = new TokenBucket({ ratePerSecond, burst }, clock.monotonic())
  }

  get counts(): CloudCallCounts {
    return { ...this.#counts }
  }

  /** Requests of one call: all of them share its deadline, which begins now. */
  begin(limits: CallLimits): CloudCall {
    const untilMs = this.#clock.monotonic() + limits.withinMs
    return (name, attempt) => this.#retried(name, attempt, limits.signal, untilMs)
  }

  /** Ends what is under way; every later request fails. */
  close(): void {
    this.#closing.abort(cloudError('CLOUD_TRANSIENT', 'the driver was closed'))
  }

  async #retried<T>(
    name: string,
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    untilMs: number,
  ): Promise<T> {
    let last: unknown
    for (let tries = 0; ; tries++) {
      try {
        if (tries > 0) await this.#wait(this.#backoffMs(tries - 1), name, signal, untilMs, last)
        await this.#turn(name, signal, untilMs, last)
        return await this.#request(name, attempt, signal, untilMs, last)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (this.#closing.signal.aborted || !isWorthRetrying(error)) throw error
        last = error
        this.#counts.retries++
      }
    }
  }

  #backoffMs(attempt: number): number {
    const { backoffBaseMs: baseMs, backoffCapMs: capMs = 20_000 } = this.#options
    return backoffMs(attempt, { baseMs, capMs, random: this.#random })
  }

  /** Our own pace. */
  async #turn(name: string, signal: AbortSignal, untilMs: number, last: unknown): Promise<void> {
    const waitMs = this.#bucket.take(this.#clock.monotonic())
    if (waitMs === 0) return
    try {
      await this.#wait(waitMs, name, signal, untilMs, last)
    } catch (error) {
      this.#bucket.giveBack()
      throw error
    }
  }

  /** A wait that would outlast the deadline is not begun. */
  async #wait(ms: number, name: string, signal: AbortSignal, untilMs: number, last: unknown): Promise<void> {
    if (this.#clock.monotonic() + ms >= untilMs) throw overdue(name, last)
    await this.#linked(signal, (linked) => this.#clock.sleep(ms, linked))
  }

  async #request<T>(
    name: string,
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    untilMs: number,
    last: unknown,
  ): Promise<T> {
    const { requestMs = 20_000 } = this.#options
    const restMs = Math.max(1, untilMs - this.#clock.monotonic())
    const timeMs = Math.min(requestMs, restMs)
    const lost = cloudError('CLOUD_TRANSIENT', `no answer within ${Math.round(timeMs)} ms`)
    // what the deadline cuts short says less than what went before it
    const limit = { timeMs, error: restMs > requestMs ? lost : overdue(name, last ?? lost) }
    this.#counts.requests++
    try {
      const answer = await this.#linked(signal, attempt, limit)
      this.#bucket.regain(this.#clock.monotonic())
      return answer
    } catch (error) {
      if (isLanistaError(error, 'CLOUD_THROTTLED')) {
        this.#counts.throttled++
        this.#bucket.slow(this.#clock.monotonic())
      }
      if (isLanistaError(error, 'CLOUD_TRANSIENT')) this.#counts.lost++
      throw error
    }
  }

  /** Runs `work` under a signal of its own that follows the caller's, the driver's end and, where given, a time. */
  async #linked<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>, limit?: Limit): Promise<T> {
    const own = new AbortController()
    const sources = [signal, this.#closing.signal]
    const stops = sources.map((source) => {
      const follow = (): void => own.abort(source.reason)
      if (source.aborted) follow()
      source.addEventListener('abort', follow, { once: true })
      return () => source.removeEventListener('abort', follow)
    })
    if (limit) stops.push(this.#clock.after(limit.timeMs, () => own.abort(limit.error)))
    try {
      own.signal.throwIfAborted()
      return await unlessAborted(work(own.signal), own.signal)
    } catch (error) {
      // libraries throw errors of their own for a signal: ours says which one it was
      throw own.signal.aborted ? own.signal.reason : error
    } finally {
      for (const stop of stops) stop()
    }
  }
}

/** What ends a request that is not answered, and when. */
interface Limit {
  readonly timeMs: number
  readonly error: Error
}

function overdue(name: string, last: unknown): Error {
  const found = last === undefined ? 'its turn did not come' : messageOf(last)
  return cloudError('CLOUD_DEADLINE', `${name} is not answered in time (${found})`, {
    cause: last,
    data: { operation: name, last: isLanistaError(last) ? last.code : undefined },
  })
}
