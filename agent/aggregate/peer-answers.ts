/** Answers what peers ask of windows that are over: for this host from its store, for hosts that are gone from the copies held here. */
import type { Bus } from '#broker/bus.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { jsonBytesMax } from '#protocol/messages/json.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { type Address, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering } from '../answering.ts'
import type { HistorySource } from '../ring/copies-history.ts'
import type { HistoryStore } from '../store/store.ts'
import { CopiesWords } from './copies-words.ts'
import type { AggregateCounts } from './counts.ts'
import type { HostMonitors } from './host-monitors.ts'
import { ownWord } from './partial-words.ts'
import {
  type PartialName,
  type PartialsAnswer,
  parsePartialsAsk,
  parseRecallAsk,
  type RecallAnswer,
  type RecallAsk,
} from './peer-messages.ts'
import { restoredResults } from './restored-results.ts'

export interface PeerAnswersDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly store: Pick<HistoryStore, 'read'>
  readonly host: Pick<HostMonitors, 'partials'>
  readonly copiesOf: (owner: string) => Promise<HistorySource | undefined>
  readonly session: () => number
  readonly plans: () => readonly ContextPlan[]
  readonly counts: AggregateCounts
  readonly clock: Clock
  readonly logger: Logger
}

/** One question is answered at a time; one that finds so many waiting is refused with BUSY. */
const waitingMax = 64
/** Of work on one answer, ms; then it is given up. */
const answerMsMax = 10_000
/** Bytes of one answer, about; what goes beyond is left out and asked for again. */
const answerBytesMax = jsonBytesMax / 2

export class PeerAnswers implements AsyncDisposable {
  readonly #address: Address
  readonly #deps: PeerAnswersDeps
  readonly #copies: CopiesWords
  readonly #turns = new Turns({ atOnceMax: 1, waitingMax })
  readonly #closing = new AbortController()
  readonly #answering: Answering

  constructor(address: Address, deps: PeerAnswersDeps) {
    this.#address = address
    this.#deps = deps
    this.#copies = new CopiesWords({ cloud: address.cloud, copiesOf: deps.copiesOf, clock: deps.clock })
    const own = `${prefixOf(address)}.ring.*`
    this.#answering = new Answering({
      bus: deps.bus,
      logger: deps.logger,
      onUnsent: () => deps.counts.refuse('unsent'),
    })
    this.#answering.hear(`${own}.partials.>`, (body, subject) => this.#answer(subject, () => this.#partials(body)))
    this.#answering.hear(`${own}.recall.>`, (body, subject) => this.#answer(subject, () => this.#recall(body)))
  }

  /** What a host, this one or one that is held here, says of windows. Throws NOT_HELD. */
  async words(owner: string, windows: readonly PartialName[], signal: AbortSignal): Promise<readonly MonitorPartial[]> {
    const { host, plans } = this.#deps
    if (owner === this.#address.host) return host.partials(windows, signal)
    const held = await this.#copies.partials(owner, plans(), windows, signal)
    if (held === undefined) throw notHeld(owner)
    return held
  }

  /** A partial as the word of a host; that of a holder counts less than the host's own. */
  wordOf(owner: string, partial: MonitorPartial): PartialMessage {
    return ownWord(partial, owner === this.#address.host ? this.#deps.session() : 0)
  }

  /** Recorded results of the cloud, as a host has them. Throws NOT_HELD, NOT_FOUND. */
  async recorded({ owner, application, monitor, fromMs }: RecallAsk, signal: AbortSignal): Promise<RecallAnswer> {
    const { store, copiesOf, plans } = this.#deps
    const plan = plans().find((each) => each.application === application)
    if (plan === undefined) throw new LanistaError('NOT_FOUND', `ask for another application: found no ${application}`)
    const source = owner === this.#address.host ? store : await copiesOf(owner)
    if (source === undefined) throw notHeld(owner)
    const only = { ...plan, monitors: plan.monitors.filter((planned) => planned.monitor.name === monitor) }
    const series: RecallAnswer['series'][number][] = []
    for await (const results of restoredResults(source, only, fromMs, signal, 'cloud')) {
      const [first] = results
      if (first === undefined) continue
      series.push({
        tags: first.tags,
        samples: results.map(({ windowEndMs, value }) => [windowEndMs, value as number] as const),
      })
    }
    return { series }
  }

  /** Hears no more, gives up what is being worked on. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new LanistaError('BUSY', 'ask later: the agent is stopping'))
    await this.#answering.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(subject: string, read: () => (signal: AbortSignal) => Promise<unknown>): Promise<Uint8Array> {
    const { counts, logger, clock } = this.#deps
    const stop = new AbortController()
    const cancel = clock.after(answerMsMax, () => stop.abort(new LanistaError('TIMED_OUT', 'ask for less')))
    const signal = AbortSignal.any([stop.signal, this.#closing.signal])
    try {
      const work = read()
      const answer = encodeJsonAnswer(await this.#turns.run(() => work(signal), signal))
      counts.answered++
      return answer
    } catch (error) {
      counts.refuse(isLanistaError(error, 'MESSAGE_INVALID') ? 'message' : 'busy')
      const refusal = isLanistaError(error) ? error : new LanistaError('INTERNAL', messageOf(error))
      logger.debug({ subject, error: refusal.message }, 'peer_refused')
      throw refusal
    } finally {
      cancel()
    }
  }

  #partials(body: Uint8Array): (signal: AbortSignal) => Promise<PartialsAnswer> {
    const { owner, windows } = parsePartialsAsk(body)
    return async (signal) => {
      const partials: PartialsAnswer['partials'][number][] = []
      let bytes = 0
      for (const partial of await this.words(owner, windows, signal)) {
        const { application, monitor } = partial
        const text = Buffer.from(encodePartialMessage(this.wordOf(owner, partial)).body).toString('base64')
        bytes += text.length + application.length + monitor.length + 64
        if (bytes > answerBytesMax && partials.length > 0) break
        partials.push({ application, monitor, body: text })
      }
      return { partials }
    }
  }

  #recall(body: Uint8Array): (signal: AbortSignal) => Promise<RecallAnswer> {
    const ask = parseRecallAsk(body)
    return (signal) => this.recorded(ask, signal)
  }
}

function notHeld(owner: string): LanistaError {
  return new LanistaError('NOT_HELD', `ask another host: found nothing of ${owner} here`)
}
