/**
 * Takes the readings of one subscription to its sink: judges them, numbers those that pass, holds them in a bounded queue, and hands them
 * over in order, a batch at a time, each until the sink has it or has refused it. What its sink does reaches nobody else: taking a
 * reading never waits.
 *
 * At least once while the controller lives: a batch whose answer was lost is sent again. The queue is memory; what was in it
 * when the controller was killed is gone from here (the agents' stores have it).
 */
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import { BoundedQueue } from '#protocol/runtime/bounded-queue.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type CourierCounters, newCourierCounters } from './courier-counters.ts'
import { deliverInTime } from './delivery.ts'
import { judge, type Seen } from './filter.ts'
import { Health, type HealthChange, type HealthState } from './health.ts'
import type { Reading } from './reading.ts'
import type { Sink } from './sink.ts'
import type { SubscriptionFilter } from './subscription.ts'
import type { Numbered } from './webhook-body.ts'

export interface CourierOptions {
  readonly filter: SubscriptionFilter
  /** Before the count in the ids of readings; no other courier has it, ever. */
  readonly idPrefix: string
  /** Readings waiting at most, now; beyond it the oldest goes. May change. */
  readonly queueMax: () => number
}

export interface CourierDeps {
  readonly sink: Sink
  readonly clock: Clock
  /** Told when deliveries begin to fail or readings are lost, and when that is over. */
  readonly onHealth: (change: HealthChange) => void
}

/** Readings in one batch. */
const batchMax = 1000
/** How long the first reading of a batch waits for others, ms. */
const lingerMs = 500
/** How long a courier may go on after its end was ordered, ms. */
const closeMsMax = 2000
/** More than any `queueMax`. */
const queueRoomMax = 100_000
/** Series a filter remembers; readings of more are refused and counted. */
const seriesMax = 100_000

export class Courier {
  readonly counters: CourierCounters = newCourierCounters()
  readonly #options: CourierOptions
  readonly #deps: CourierDeps
  readonly #queue = new BoundedQueue<Numbered>(queueRoomMax, 'dropOldest')
  readonly #seen = new Map<string, Seen>()
  readonly #health = new Health()
  /** Aborts what is under way when the time to close is over. */
  readonly #gone = new AbortController()
  /** Aborts waits that are not for the sink: no more lingering, no more retries. */
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  #sequence = 0
  #wake: () => void = () => {}

  /** @param before the end of a courier whose order this one continues */
  constructor(options: CourierOptions, deps: CourierDeps, before: Promise<void> = Promise.resolve()) {
    this.#options = options
    this.#deps = deps
    this.#running = this.#run(before)
  }

  get queued(): number {
    return this.#queue.size
  }

  get health(): HealthState {
    return this.#health.state
  }

  /** Takes a value of a series that was subscribed to. Never throws, never waits. */
  take(reading: Reading): void {
    if (this.#closing.signal.aborted || !this.#passes(reading)) return
    this.counters.passed++
    while (this.#queue.size >= this.#options.queueMax()) {
      this.#queue.shift()
      this.#lose('dropped', 1, 'a full queue')
    }
    this.#queue.push({ ...reading, id: `${this.#options.idPrefix}-${++this.#sequence}` })
    this.#wake()
  }

  /** Tries once more to deliver what is there, for up to two seconds; the rest is dropped. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort()
      this.#wake()
      this.#deps.clock.after(closeMsMax, () => this.#gone.abort())
    }
    await this.#running
  }

  #passes(reading: Reading): boolean {
    const { source } = reading
    const { filter } = this.#options
    const remembers = filter.onChange || source.scope !== 'host'
    const before = remembers ? this.#seen.get(source.key) : undefined
    if (remembers && before === undefined && this.#seen.size >= seriesMax) {
      this.#lose('seriesLimit', 1, `more than ${seriesMax} series`)
      return false
    }
    const { passes, seen } = judge(filter, before, reading, this.#deps.clock.now())
    if (remembers && seen !== before) this.#seen.set(source.key, seen)
    return passes
  }

  async #run(before: Promise<void>): Promise<void> {
    await before
    while (await this.#hasWork()) {
      const batch = this.#nextBatch()
      if (!(await this.#deliver(batch))) {
        this.counters.abandoned += batch.length + this.#queue.size
        return
      }
    }
  }

  /** Resolves with false when there is nothing left and nothing more will come. */
  async #hasWork(): Promise<boolean> {
    const { clock } = this.#deps
    if (this.#queue.size === 0 && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    // a batch that is full goes at once, but lets everybody else have a turn first: a bus takes batches without a wait
    await rested(clock.sleep(this.#queue.size < batchMax ? lingerMs : 0, this.#closing.signal))
    return this.#queue.size > 0 || !this.#closing.signal.aborted
  }

  #nextBatch(): Numbered[] {
    const batch: Numbered[] = []
    for (let next = this.#queue.shift(); next; next = batch.length < batchMax ? this.#queue.shift() : undefined) {
      batch.push(next)
    }
    return batch
  }

  /** Until the sink has the batch or has refused it; false = given up, for we are closing. */
  async #deliver(batch: readonly Numbered[]): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.counters.attempts++
        const unsendable = await this.#attempt(batch)
        this.#delivered(batch.length, unsendable)
        return true
      } catch (error) {
        this.counters.failures++
        if (this.#gone.signal.aborted) return false
        if (!isLanistaError(error, 'SINK_UNAVAILABLE')) {
          this.#lose('refused', batch.length, messageOf(error)) // a batch that cannot be said must not hold up the next
          return true
        }
        this.#report(this.#health.failed(messageOf(error), this.#deps.clock.now()))
        if (this.#closing.signal.aborted) return false
        await rested(this.#deps.clock.sleep(waitMs(attempt, error), this.#closing.signal))
      }
    }
  }

  #attempt(batch: readonly Numbered[]): Promise<number> {
    return deliverInTime(this.#deps.sink, batch, this.#deps.clock, this.#gone.signal)
  }

  #delivered(count: number, unsendable: number): void {
    this.counters.delivered += count - unsendable
    this.counters.unsendable += unsendable
    this.#report(this.#health.delivered(this.#deps.clock.now()))
  }

  #lose(how: 'dropped' | 'refused' | 'seriesLimit', count: number, reason: string): void {
    this.counters[how] += count
    this.#report(this.#health.lost(reason, this.#deps.clock.now()))
  }

  #report(change: HealthChange | undefined): void {
    if (change) this.#deps.onHealth(change)
  }
}

/** Full jitter, or what the receiver asked for where that is longer. */
function waitMs(attempt: number, error: unknown): number {
  const asked = isLanistaError(error) ? error.data['retryAfterMs'] : undefined
  return Math.max(backoffMs(attempt), typeof asked === 'number' ? asked : 0)
}

/** The wait is over, whether by time or by the order to close. */
async function rested(wait: Promise<void>): Promise<void> {
  await wait.catch(() => undefined)
}
