/**
 * Sends instances' logs to who asks for them, until he asks no more. Of one that is followed more lines than a second may have are left out, and one whose
 * lines are too long for that is read more slowly: what its files lose meanwhile they say themselves. Either is said in its place.
 */
import type { Bus } from '#broker/bus.ts'
import { LanistaError, messageOf } from '#protocol/errors.ts'
import { type LogAsk, type LogLines, leaseMs, logAskSchema, logLineMax } from '#protocol/instances/log-messages.ts'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Address, buildSubject, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering } from '../answering.ts'
import { limitRate } from './log/limit-rate.ts'
import type { InstanceRuntime } from './runtime/instance-runtime.ts'

export interface LogDeskDeps {
  readonly address: Address
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined = no such instance. */
  readonly runtimeOf: (instance: string) => Pick<InstanceRuntime, 'readLog'> | undefined
}

interface Stream {
  readonly ask: LogAsk
  readonly stop: AbortController
  /** Takes the end of its lease back. */
  cancel: () => void
  number: number
  lines: string[]
  characters: number
}

/** At once; one more is refused with BUSY. */
const streamsMax = 8
/** Lines wait so long for others to go with them, ms. */
const gatherMs = 100
/** Lines a second of one that is followed; a line in their place says how many more there were. */
const linesPerSecondMax = 1000
/** Characters of one message, and so of one stream in `gatherMs`. */
const messageMax = 49_152

export class LogDesk implements AsyncDisposable {
  readonly #deps: LogDeskDeps
  readonly #streams = new Map<string, Stream>()
  readonly #pumps = new Set<Promise<void>>()
  readonly #answering: Answering

  constructor(deps: LogDeskDeps) {
    this.#deps = deps
    this.#answering = new Answering(deps)
    this.#answering.hear(`${prefixOf(deps.address)}.control.log.>`, async (body) => {
      this.#take(parseJson(body, logAskSchema, 'question for a log'))
      return encodeJsonAnswer({})
    })
  }

  /** Ends every stream. Idempotent. */
  async close(): Promise<void> {
    const answered = this.#answering.close()
    for (const { stop } of this.#streams.values()) stop.abort()
    await Promise.all([answered, ...this.#pumps])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #take(ask: LogAsk): void {
    const { clock, runtimeOf } = this.#deps
    const known = this.#streams.get(ask.stream)
    if (!known && this.#streams.size >= streamsMax) {
      throw new LanistaError('BUSY', `ask later: ${streamsMax} logs of this host are being read, expected less`)
    }
    const runtime = runtimeOf(ask.instance)
    if (!runtime) {
      throw new LanistaError(
        'INSTANCE_UNKNOWN',
        `name another instance: found ${ask.instance}, expected one of this host`,
      )
    }
    const stream = known ?? { ask, stop: new AbortController(), cancel: () => {}, number: 0, lines: [], characters: 0 }
    stream.cancel()
    if (ask.isFollowed) stream.cancel = clock.after(leaseMs, () => stream.stop.abort())
    if (known) return
    this.#streams.set(ask.stream, stream)
    const pump = this.#pump(stream, runtime).finally(() => {
      stream.cancel()
      this.#streams.delete(ask.stream)
      this.#pumps.delete(pump)
    })
    this.#pumps.add(pump)
  }

  /** Never rejects. */
  async #pump(stream: Stream, runtime: Pick<InstanceRuntime, 'readLog'>): Promise<void> {
    const { instance, lines, isFollowed } = stream.ask
    const { signal } = stream.stop
    const { clock, logger } = this.#deps
    let cancel = (): void => {}
    try {
      const all = runtime.readLog(instance, { lines, isFollowed }, signal)
      const limit = { firstLines: lines, linesPerSecondMax }
      for await (const line of isFollowed ? limitRate(all, limit, clock) : all) {
        if (signal.aborted) break
        const shown = line.slice(0, logLineMax)
        if (stream.characters + shown.length > messageMax) {
          cancel()
          this.#send(stream, false)
          await clock.sleep(gatherMs, signal)
        }
        if (stream.lines.length === 0) cancel = clock.after(gatherMs, () => this.#send(stream, false))
        stream.lines.push(shown)
        stream.characters += shown.length + 1
      }
    } catch (error) {
      if (!signal.aborted) logger.warn({ instance, error: messageOf(error) }, 'log_unread')
    }
    cancel()
    this.#send(stream, true)
  }

  /** What cannot be sent is missed by its number. */
  #send(stream: Stream, isEnd: boolean): void {
    const { address, bus, logger } = this.#deps
    const { ask, lines, number } = stream
    if (lines.length === 0 && !isEnd) return
    stream.lines = []
    stream.characters = 0
    stream.number++
    const said: LogLines = { stream: ask.stream, number, lines, isEnd }
    try {
      bus.publish(buildSubject(address, 'log', ask.instance), encodeJson(said))
    } catch (error) {
      logger.debug({ instance: ask.instance, error: messageOf(error) }, 'log_lines_unsent')
    }
  }
}
