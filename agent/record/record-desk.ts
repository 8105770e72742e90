/**
 * Keeps results that belong to no cloud: the controller, which stores no samples, hands them to an agent of `home`, and is told once they
 * are on the disk here. From then on they are series of this host like any other: copied, queried, sent.
 */
import type { Bus } from '#broker/bus.ts'
import { LanistaError } from '#protocol/errors.ts'
import { isCrossCloud, parseRecordAsk, type RecordedSample, type RecordReceipt } from '#protocol/messages/record.ts'
import { formatSeries, parseSeries } from '#protocol/metrics/series.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Address, prefixOf } from '#protocol/subjects/subject.ts'
import { Answering } from '../answering.ts'
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
  readonly #answering: Answering

  constructor(options: { readonly address: Address }, deps: RecordDeskDeps) {
    this.#deps = deps
    this.#answering = new Answering(deps)
    const pattern = `${prefixOf(options.address)}.control.record.>`
    this.#answering.hear(pattern, async (body) => encodeJsonAnswer(await this.#record(body)))
  }

  /** Hears no more, and answers what it has. Idempotent. */
  close(): Promise<void> {
    return this.#answering.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #record(body: Uint8Array): Promise<RecordReceipt> {
    const { intake, store } = this.#deps
    if (intake.isFull || this.#answering.open >= recordsAtOnceMax) {
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
