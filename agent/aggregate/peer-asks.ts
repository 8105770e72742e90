/** Asks peers for what is missing of windows that are over; whoever is gone is asked for at those who keep its samples. */
import type { Bus } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { Turns } from '#protocol/runtime/turns.ts'
import { type Address, buildSubject } from '#protocol/subjects/subject.ts'
import type { RingView } from '../ring/ring-view.ts'
import type { AggregateCounts } from './counts.ts'
import type { PeerAnswers } from './peer-answers.ts'
import {
  type PartialName,
  type PartialsAsk,
  parsePartialsAnswer,
  parseRecallAnswer,
  type RecallAnswer,
  type RecallAsk,
  windowsAskedMax,
} from './peer-messages.ts'

/** What a host said of a window when it was asked. */
export interface AskedWord {
  readonly application: string
  readonly monitor: string
  readonly message: PartialMessage
}

export interface PeerAsksDeps {
  readonly bus: Pick<Bus, 'request'>
  readonly view: () => RingView
  /** What is here is not asked for. */
  readonly answers: Pick<PeerAnswers, 'words' | 'wordOf' | 'recorded'>
  readonly counts: AggregateCounts
  readonly clock: Clock
  readonly logger: Logger
}

/** Questions under way at once, and waiting; one more is left to the next round. */
const asksAtOnceMax = 8
const asksWaitingMax = 1_000
/** Of one question, ms. */
const askDeadlineMs = 4_000

export class PeerAsks {
  readonly #address: Address
  readonly #deps: PeerAsksDeps
  readonly #turns = new Turns({ atOnceMax: asksAtOnceMax, waitingMax: asksWaitingMax })
  readonly #prefix = Math.random().toString(36).slice(2, 10)
  #asks = 0

  constructor(address: Address, deps: PeerAsksDeps) {
    this.#address = address
    this.#deps = deps
  }

  /** What a member says of these windows, as far as anybody tells; the next round of the core asks again. Never rejects. */
  async partials(owner: string, windows: readonly PartialName[], signal: AbortSignal): Promise<AskedWord[]> {
    const words: AskedWord[] = []
    for (let first = 0; first < windows.length; first += windowsAskedMax) {
      const ask = { owner, windows: windows.slice(first, first + windowsAskedMax) }
      words.push(...((await this.#first(owner, (peer) => this.#askPartials(peer, ask, signal), signal)) ?? []))
    }
    return words
  }

  /** Recorded results of the cloud that a host has, or had; undefined when nobody tells. Never rejects. */
  async results(ask: RecallAsk, signal: AbortSignal): Promise<MonitorResult[] | undefined> {
    const answer = await this.#first(ask.owner, (peer) => this.#askRecall(peer, ask, signal), signal)
    const { application, monitor } = ask
    return answer?.series.flatMap(({ tags, samples }) =>
      samples.map(([windowEndMs, value]) => {
        return { application, monitor, tags, windowEndMs, value, known: 1, expected: 1, revision: 0 }
      }),
    )
  }

  /** Who can speak for a host, the best first: itself while it lives, else those who keep its samples and live. */
  #speakersOf(owner: string): readonly string[] {
    const { isLive, keepersOf } = this.#deps.view()
    if (isLive(owner)) return [owner]
    const keepers = keepersOf(owner).filter((host) => host !== owner && isLive(host))
    const { host } = this.#address
    return keepers.includes(host) ? [host, ...keepers.filter((keeper) => keeper !== host)] : keepers
  }

  async #first<T>(owner: string, ask: (peer: string) => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    for (const peer of this.#speakersOf(owner)) {
      try {
        return await this.#turns.run(() => ask(peer), signal)
      } catch (error) {
        if (signal.aborted) return undefined
        this.#deps.logger.debug({ owner, peer, error: messageOf(error) }, 'peer_not_answered')
      }
    }
    return undefined
  }

  async #askPartials(peer: string, ask: PartialsAsk, signal: AbortSignal): Promise<AskedWord[]> {
    if (peer === this.#address.host) {
      const words = await this.#deps.answers.words(ask.owner, ask.windows, signal)
      return words.map((partial) => {
        const { application, monitor } = partial
        return { application, monitor, message: this.#deps.answers.wordOf(ask.owner, partial) }
      })
    }
    const { partials } = parsePartialsAnswer(await this.#request(peer, 'partials', ask, signal))
    return partials.map(({ application, monitor, body }) => {
      return { application, monitor, message: decodePartialMessage(Buffer.from(body, 'base64')) }
    })
  }

  async #askRecall(peer: string, ask: RecallAsk, signal: AbortSignal): Promise<RecallAnswer> {
    if (peer === this.#address.host) return this.#deps.answers.recorded(ask, signal)
    return parseRecallAnswer(await this.#request(peer, 'recall', ask, signal))
  }

  #request(peer: string, verb: string, ask: unknown, signal: AbortSignal): Promise<Uint8Array> {
    const { bus, counts } = this.#deps
    counts.asked++
    const id = `m${this.#prefix}${(this.#asks++).toString(36)}`
    const subject = buildSubject({ ...this.#address, host: peer }, 'ring', this.#address.host, verb, id)
    return bus.request(subject, encodeJson(ask), { signal, deadlineMs: askDeadlineMs })
  }
}
