import type { Clock } from '#protocol/runtime/clock.ts'
import type { OwnStore } from './own-log.ts'
import type { RingSettings } from './ring-options.ts'

export interface OwnJournalDeps {
  readonly store: Pick<OwnStore, 'consumer' | 'nextPosition' | 'arrivalsFrom'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** The ring's place among the readers of the arrival order. */
const consumerName = 'ring'
/** The journal's beginning is looked up this often, ms. */
const floorMs = 30_000

/** The own store's journal as far as the ring goes: what it still has, and what it may let go of. */
export class OwnJournal {
  readonly #keptSamples: number
  readonly #deps: OwnJournalDeps
  #floor = 0
  #floorAtMs = Number.NEGATIVE_INFINITY

  /** From now on the journal waits for `letGo`. */
  constructor({ copies, historySamples }: Pick<RingSettings, 'copies' | 'historySamples'>, deps: OwnJournalDeps) {
    this.#keptSamples = copies > 1 ? historySamples : 0
    this.#deps = deps
    deps.store.consumer(consumerName)
  }

  /** Positions up to here are in the journal no more. */
  get floor(): number {
    return this.#floor
  }

  get isLookDue(): boolean {
    return this.#deps.clock.monotonic() - this.#floorAtMs >= floorMs
  }

  /** Looks up the floor. Rejects when the disk does not answer. */
  async look(): Promise<void> {
    this.#floorAtMs = this.#deps.clock.monotonic()
    this.#floor = (await this.#deps.store.arrivalsFrom()) - 1
  }

  /** The journal need not keep what every holder has, but for some history for a holder that comes new. */
  letGo(settledTo: number): void {
    const { store } = this.#deps
    const to = Math.min(settledTo, store.nextPosition - this.#keptSamples - 1)
    if (to >= 1) store.consumer(consumerName).acknowledge([{ from: 1, to }])
  }
}
