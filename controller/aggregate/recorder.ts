/**
 * Has results that belong to no cloud kept by two agents of `home`: the controller stores no samples. What an agent has acknowledged is on
 * its disk, and on no other one for some seconds; what nobody has acknowledged is sent again. The same sample twice is one sample.
 */
import type { Bus } from '#broker/bus.ts'
import { newId } from '#controller/query/holder.ts'
import type { ResultSample, ResultSink } from '#controller/rules/result-sink.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { jsonBytesMax } from '#protocol/messages/json.ts'
import {
  crossCloudTags,
  encodeRecordAsk,
  type RecordedSample,
  recordReceiptSchema,
  recordSamplesMax,
} from '#protocol/messages/record.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { backoffMs } from '#protocol/runtime/backoff.ts'
import { BoundedQueue } from '#protocol/runtime/bounded-queue.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'

export interface RecorderDeps {
  readonly bus: Pick<Bus, 'request'>
  readonly clock: Clock
  readonly logger: Logger
  /** Agents of `home` that may answer, the surest first. */
  readonly agents: () => readonly Address[]
}

/** What became of samples. */
export interface RecorderCounters {
  /** On the disk of an agent. */
  readonly recorded: number
  /** Of no series that is recorded, or an agent had no room for it. */
  readonly refused: number
  /** Oldest of a full queue, and those left when the controller closed. */
  readonly dropped: number
  /** Messages that no agent acknowledged and that were sent again. */
  readonly retries: number
}

/** Agents that each sample is sent to, where there are so many: one may die before there are copies of its samples. */
const keepersMax = 2
/** Samples that wait; beyond it the oldest are dropped. */
export const recordQueueMax = 100_000
/** How long an agent may take to answer, ms; then another one is asked. */
const answerMsMax = 5_000
/** Samples that come together go together: those of so many ms. */
const gatherMs = 200
/** What is still tried when the controller closes, ms. */
const closeMsMax = 2_000
const backoff = { baseMs: 500, capMs: 10_000 }
/** One sample in JSON: a name of 512 bytes and 64 tags fit. */
const sampleBytesMax = 65_536
/** Samples of one message stop growing at so many bytes: one more fits. */
const batchBytesMax = jsonBytesMax - 1_024 - sampleBytesMax

export class Recorder implements ResultSink, AsyncDisposable {
  readonly #deps: RecorderDeps
  readonly #queue = new BoundedQueue<RecordedSample>(recordQueueMax, 'dropOldest')
  readonly #logged: OnceAMinute
  readonly #closing = new AbortController()
  readonly #gone = new AbortController()
  readonly #counters = { recorded: 0, refused: 0, dropped: 0, retries: 0 }
  readonly #running: Promise<void>
  #wake: () => void = () => {}
  /** Host ids of the agents that took the last message. */
  #trusted: ReadonlySet<string> = new Set()

  constructor(deps: RecorderDeps) {
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
    this.#running = this.#run()
  }

  get counters(): RecorderCounters {
    return { ...this.#counters, dropped: this.#counters.dropped + this.#queue.dropped }
  }

  get waiting(): number {
    return this.#queue.size
  }

  record(samples: readonly ResultSample[]): void {
    if (this.#closing.signal.aborted) return
    for (const { name, tags, timestampMs, value, unit } of samples) {
      // JSON has no word for it, and one sample must not have the others refused
      if (!Number.isFinite(value)) this.#counters.refused++
      else this.#queue.push({ name, tags: { ...tags, ...crossCloudTags }, unit, t: timestampMs, v: value })
    }
    this.#wake()
  }

  /** Sends what is there for up to two seconds; the rest is dropped and counted. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort()
      this.#wake()
      const cancel = this.#deps.clock.after(closeMsMax, () => this.#gone.abort())
      await this.#running
      cancel()
    }
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(): Promise<void> {
    while (await this.#hasWork()) {
      const batch = this.#nextBatch()
      if (await this.#deliver(batch)) continue
      this.#counters.dropped += batch.length + this.#queue.size
      this.#deps.logger.warn({ samples: batch.length + this.#queue.size }, 'results_not_recorded')
      return
    }
  }

  /** Resolves with false when there is nothing left and nothing more will come. */
  async #hasWork(): Promise<boolean> {
    if (this.#queue.size === 0 && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#queue.size < recordSamplesMax) await this.#rest(gatherMs)
    return this.#queue.size > 0 || !this.#closing.signal.aborted
  }

  #nextBatch(): RecordedSample[] {
    const batch: RecordedSample[] = []
    let bytes = 0
    while (batch.length < recordSamplesMax && bytes < batchBytesMax) {
      const sample = this.#queue.shift()
      if (sample === undefined) break
      const size = Buffer.byteLength(JSON.stringify(sample)) + 1
      if (size > sampleBytesMax) {
        this.#counters.refused++
        continue
      }
      bytes += size
      batch.push(sample)
    }
    return batch
  }

  /** Until an agent has the batch, or all of them refused it; false = given up, for we are closing. */
  async #deliver(batch: readonly RecordedSample[]): Promise<boolean> {
    if (batch.length === 0) return true
    const body = encodeRecordAsk({ samples: batch })
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#offer(body, batch.length)
      if (outcome === 'taken') return true
      if (this.#closing.signal.aborted) return false
      if (outcome === 'refused') {
        this.#counters.refused += batch.length // what nobody takes must not hold up the next
        return true
      }
      this.#counters.retries++
      await this.#rest(backoffMs(attempt, backoff))
    }
  }

  /** Asks one agent after the other until enough have it, first those that took the last one. */
  async #offer(body: Uint8Array, samples: number): Promise<'taken' | 'refused' | 'unanswered'> {
    const agents = [...this.#deps.agents()].sort((a, b) => this.#rankOf(a) - this.#rankOf(b))
    const keepers = new Set<string>()
    let refusals = 0
    for (const agent of agents) {
      try {
        const { taken, refused } = await this.#ask(agent, body)
        if (keepers.size === 0) {
          this.#counters.recorded += taken
          this.#counters.refused += refused
        }
        keepers.add(hostIdOf(agent))
        if (refused > 0) this.#tell(agent, `${refused} of ${samples} refused`)
        if (keepers.size === keepersMax) break
      } catch (error) {
        if (this.#gone.signal.aborted) break
        if (isLanistaError(error) && error.data['refused'] === true && error.code !== 'BUSY') refusals++
        this.#tell(agent, messageOf(error))
      }
    }
    if (keepers.size > 0) {
      this.#trusted = keepers
      return 'taken'
    }
    return agents.length > 0 && refusals === agents.length ? 'refused' : 'unanswered'
  }

  async #ask(agent: Address, body: Uint8Array): ReturnType<typeof receiptOf> {
    const subject = buildSubject(agent, 'control', 'record', newId())
    const options = { signal: this.#gone.signal, deadlineMs: answerMsMax }
    return receiptOf(this.#deps.bus.request(subject, body, options))
  }

  #rankOf(agent: Address): number {
    return this.#trusted.has(hostIdOf(agent)) ? 0 : 1
  }

  #tell(agent: Address, error: string): void {
    const host = hostIdOf(agent)
    this.#logged.pass(host, (suppressed) => this.#deps.logger.warn({ host, suppressed, error }, 'record_refused'))
  }

  /** Shorter when the controller closes. */
  async #rest(ms: number): Promise<void> {
    await this.#deps.clock.sleep(ms, this.#closing.signal).catch(() => {})
  }
}

async function receiptOf(answer: Promise<Uint8Array>): Promise<{ readonly taken: number; readonly refused: number }> {
  return parseJsonAnswer(await answer, recordReceiptSchema, 'receipt')
}
