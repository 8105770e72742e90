/** A model of an agent's uplink for tests: a store with numbered samples, its dictionary, and what was acknowledged. */
import type { SamplesAck } from '#protocol/messages/control.ts'
import { RangeSet } from '#protocol/samples/arrival.ts'
import type { BatchMessage, DictionaryMessage, SamplesMessage } from '#protocol/samples/format.ts'

export class ModelAgent {
  readonly storeId: string
  readonly #seriesCount: number
  readonly #samples: number
  readonly #acknowledged = new RangeSet()
  /** Entries the controller said it knows. */
  #known = 0

  /** Position p (1 … samples) is a sample of series (p − 1) mod series with value p at time p. */
  constructor(storeId: string, seriesCount: number, samples: number) {
    this.storeId = storeId
    this.#seriesCount = seriesCount
    this.#samples = samples
  }

  get isDone(): boolean {
    return this.#acknowledged.size === this.#samples
  }

  hear(ack: SamplesAck): void {
    if (ack.storeId !== this.storeId) return
    for (const range of ack.ranges) this.#acknowledged.add(range)
    this.#known = ack.dictionary
  }

  /** What the uplink would send now: the names the controller lacks, then a batch of what is unacknowledged. */
  messages(batchMax: number): SamplesMessage[] {
    const gap = this.#acknowledged.missing({ from: 1, to: this.#samples })[0]
    const names = this.#known < this.#seriesCount ? [this.dictionary(this.#known, this.#seriesCount - 1)] : []
    return gap ? [...names, this.batch(gap.from, Math.min(gap.to, gap.from + batchMax - 1))] : names
  }

  dictionary(firstId: number, lastId: number): DictionaryMessage {
    const entries = Array.from({ length: lastId - firstId + 1 }, (_, i) => ({ name: `series.${firstId + i}` }))
    return { kind: 'dictionary', storeId: this.storeId, firstId, entries }
  }

  batch(from: number, to: number): BatchMessage {
    const positions = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    return {
      kind: 'batch',
      storeId: this.storeId,
      from,
      to,
      seriesIds: Uint32Array.from(positions, (p) => (p - 1) % this.#seriesCount),
      timestampsMs: Float64Array.from(positions),
      values: Float64Array.from(positions),
    }
  }
}
