/**
 * Keeps results that belong to no cloud: the controller, which stores no samples, hands them to an agent of `home`, and is told once they
 * are on the disk here. From then on they are series of this host like any other: copied, queried, sent.
 */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import { isCrossCloud, parseRecordAsk, type RecordedSample, type RecordReceipt } from '#protocol/messages/record.ts'
import { formatSeries, parseSeries } from '#protocol/metrics/series.ts'
import { encodeJsonAnswer, encodeRefusal } from '#protocol/query/answer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Address, prefixOf, replySubject } from '#protocol/subjects/subject.ts'
import type { SampleSink } from '../intake/sink.ts'
import { ownClient } from '../store/cardinality.ts'
import type { Store } from '../store/store.ts'

export interface RecordDeskDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly intake: Pick<SampleSink, 'seriesId' | 'append' | 'isFull'>
  readonly store: Pick<Store, 'commit'>
  readonly logger: Logger
}

/** Requests whose samples are on their way to the disk; one more is refused with BUSY and sent again. */
const recordsAtOnceMax = 16

export class RecordDesk implements AsyncDisposable {
  readonly #deps: RecordDeskDeps
  readonly #subscription: { close(): void }
  readonly #open = new Set<Promise<void>>()

  constructor(options: { readonly address: Address }, deps: RecordDeskDeps) {
    this.#deps = deps
    const pattern = `${prefixOf(options.address)}.control.record.>`
    this.#subscription = deps.bus.subscribe(pattern, (message) => this.#hear(message))
  }

  /** Hears no more, and answers what it has. Idempotent. */
  async close(): Promise<void> {
    this.#subscription.close()
    await Promise.all(this.#open)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #hear(message: BusMessage): void {
    const answered = this.#answer(message).finally(() => this.#open.delete(answered))
    this.#open.add(answered)
  }

  async #answer({ subject, body }: BusMessage): Promise<void> {
    const { bus, logger } = this.#deps
    try {
      bus.publish(replySubject(subject), await this.#answerTo(body))
    } catch (error) {
      logger.debug({ subject, error: messageOf(error) }, 'answer_unsent')
    }
  }

  async #answerTo(body: Uint8Array): Promise<Uint8Array> {
    try {
      return encodeJsonAnswer(await this.#record(body))
    } catch (error) {
      if (!isLanistaError(error)) throw error
      return encodeRefusal(error)
    }
  }

  async #record(body: Uint8Array): Promise<RecordReceipt> {
    const { intake, store } = this.#deps
    if (intake.isFull || this.#open.size >= recordsAtOnceMax) {
      throw new LanistaError('BUSY', 'send it again later, or to another agent: found a full store, expected room')
    }
    const { samples } = parseRecordAsk(body)
    let taken = 0
    for (const sample of samples) if (this.#take(sample)) taken++
    await store.commit()
    return { taken, refused: samples.length - taken }
  }

  #take({ name, tags, unit, t, v }: RecordedSample): boolean {
    const text = formatSeries({ name, tags })
    const series = parseSeries(text)
    if (typeof series === 'string' || formatSeries(series) !== text || !isCrossCloud(series)) return false
    const id = this.#deps.intake.seriesId(text, unit, ownClient)
    if (id < 0 || !Number.isSafeInteger(t)) return false
    this.#deps.intake.append(id, t, v)
    return true
  }
}
