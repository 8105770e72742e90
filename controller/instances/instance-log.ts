/** The log of one instance as its host sends it: the newest lines, and where it is followed what comes. */
import type { Bus } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import { newId } from '#controller/query/holder.ts'
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { type LogAsk, type LogLines, leaseMs, logLinesSchema } from '#protocol/instances/log-messages.ts'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { openAnswer } from '#protocol/query/answer.ts'
import { answerKind } from '#protocol/query/page-format.ts'
import { BoundedQueue } from '#protocol/runtime/bounded-queue.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type Address, buildSubject, parseHostId, prefixOf } from '#protocol/subjects/subject.ts'
import type { InstanceRecord } from './instance-record.ts'

export interface LogChoice {
  /** The newest ones to begin with. */
  readonly lines: number
  readonly isFollowed: boolean
}

export interface LogSources {
  readonly bus: Pick<Bus, 'request' | 'subscribe'>
  readonly clock: Clock
}

/** Messages that a slow reader has not taken; beyond it the newest are left out, which is said in their place. */
const queueMax = 256
const deadlineMs = 3_000
/** Asked for again so often: two questions may be lost. */
const renewMs = leaseMs / 3
/** What is not followed ends by itself; a host that stops in the middle of it is waited for so long, ms. */
const silenceMs = 10_000

export class InstanceLog {
  readonly #address: Address
  readonly #ask: LogAsk
  readonly #sources: LogSources
  readonly #signal: AbortSignal
  readonly #said = new BoundedQueue<LogLines>(queueMax, 'dropNewest')
  readonly #stops: (() => void)[] = []
  #wake: () => void = () => {}

  private constructor(
    record: Pick<InstanceRecord, 'id' | 'host'>,
    choice: LogChoice,
    sources: LogSources,
    signal: AbortSignal,
  ) {
    this.#address = parseHostId(record.host)
    this.#ask = { instance: record.id, stream: newId(), ...choice }
    this.#sources = sources
    this.#signal = signal
  }

  /**
   * Asks for the log; it is closed when the signal aborts, or its lines have been read.
   * @throws LanistaError HOST_UNAVAILABLE, what the host refuses with (INSTANCE_UNKNOWN, BUSY), the signal's reason
   */
  static async open(
    record: Pick<InstanceRecord, 'id' | 'host'>,
    choice: LogChoice,
    sources: LogSources,
    signal: AbortSignal,
  ): Promise<InstanceLog> {
    signal.throwIfAborted()
    const log = new InstanceLog(record, choice, sources, signal)
    log.#listen()
    try {
      await log.#request(choice.lines)
      return log
    } catch (error) {
      log.#close()
      if (signal.aborted || !isLanistaError(error) || error.data['refused'] === true) throw error
      const message = `start the agent of ${record.host}: found no answer when asked for a log`
      throw new LanistaError('HOST_UNAVAILABLE', message, { cause: error })
    }
  }

  /** First to last; where some are missing, a line says so. A host that is away does not end what is followed. Once. */
  async *lines(): AsyncGenerator<string> {
    let number = 0
    try {
      while (!this.#signal.aborted) {
        for (let next = this.#said.shift(); next; next = this.#said.shift()) {
          if (next.number > number) yield '… lines left out: they were said faster than they could be sent'
          number = next.number + 1
          yield* next.lines
          if (next.isEnd && !this.#ask.isFollowed) return
        }
        if (!(await this.#heard()) && !this.#ask.isFollowed) return
      }
    } finally {
      this.#close()
    }
  }

  #listen(): void {
    const { bus, clock } = this.#sources
    const { instance, stream, isFollowed } = this.#ask
    const subscription = bus.subscribe(`${prefixOf(this.#address)}.log.${instance}`, ({ body }) => {
      const lines = linesIn(body)
      if (lines?.stream !== stream) return
      this.#said.push(lines)
      this.#wake()
    })
    const close = (): void => this.#close()
    this.#signal.addEventListener('abort', close, { once: true })
    this.#stops.push(
      () => subscription.close(),
      () => this.#signal.removeEventListener('abort', close),
    )
    // an agent that was started again begins anew, with what comes
    if (isFollowed) this.#stops.push(every(clock, renewMs, () => void this.#request(0).catch(() => {})))
  }

  async #request(lines: number): Promise<void> {
    const subject = buildSubject(this.#address, 'control', 'log', newId())
    const options = { signal: this.#signal, deadlineMs }
    openAnswer(await this.#sources.bus.request(subject, encodeJson({ ...this.#ask, lines }), options), answerKind.json)
  }

  /** Waits for a message; false when none came for long. */
  #heard(): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isHeard: boolean): void => {
        cancel()
        this.#wake = () => {}
        resolve(isHeard)
      }
      const cancel = this.#sources.clock.after(silenceMs, () => done(false))
      this.#wake = () => done(true)
    })
  }

  #close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#wake()
  }
}

function linesIn(body: Uint8Array): LogLines | undefined {
  try {
    return parseJson(body, logLinesSchema, 'lines of a log')
  } catch (error) {
    if (isLanistaError(error, 'MESSAGE_INVALID')) return undefined
    throw error
  }
}
