import type { Bus } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import type { DictionaryEntry } from '#protocol/samples/format.ts'
import { type Address, buildSubject } from '#protocol/subjects/subject.ts'
import { encodeMessage } from './message-encoder.ts'
import { encodeNames } from './names-chunk.ts'
import { type OwnStore, readOwnRows } from './own-log.ts'
import type { ReplicaStore } from './replica-store.ts'
import type { Fetch, RingMessage } from './ring-message.ts'

export interface RingCourierDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly store: OwnStore
  readonly replicas: ReplicaStore
  readonly logger: Logger
}

/** Samples in one answer, whatever is asked for. */
const samplesMax = 8192
/** Names looked at for one message. */
const namesAtOnce = 2048

/** What a fetch was answered with. */
export interface FetchAnswer {
  readonly bytes: number
  /** Own positions asked for that do not exist. */
  readonly void: ArrivalRange | undefined
}

/** Puts messages of the ring together from what is on disk, and hands them to the bus. */
export class RingCourier {
  readonly #address: Address
  readonly #deps: RingCourierDeps
  #messages = 0
  #unsent = 0

  constructor(address: Address, deps: RingCourierDeps) {
    this.#address = address
    this.#deps = deps
  }

  /** Messages that could not be handed to the bus. */
  get unsent(): number {
    return this.#unsent
  }

  send(to: string, message: RingMessage): void {
    try {
      const id = (this.#messages++).toString(36)
      const subject = buildSubject({ ...this.#address, host: to }, 'ring', this.#address.host, message.verb, id)
      this.#deps.bus.publish(subject, encodeMessage(message))
    } catch (error) {
      if (!isLanistaError(error)) throw error
      this.#unsent++
      this.#deps.logger.debug({ to, verb: message.verb, error: error.message }, 'ring_unsent')
    }
  }

  /** Sends names of own series, in as many messages as it takes. */
  sendNames(to: string, start: number, firstId: number, count: number): void {
    const { store } = this.#deps
    const end = Math.min(firstId + count, store.seriesCount)
    for (let next = firstId; next < end; ) {
      const chunk = encodeNames(store.storeId, next, this.#ownNames(next, end))
      this.send(to, { verb: 'names', storeId: store.storeId, start, ...chunk })
      next += chunk.count
    }
  }

  /** Sends what a fetch asks for: the first run of rows, and names that the asker lacks. Throws when the disk does not answer. */
  async answer(to: string, fetch: Fetch, isOwn: boolean): Promise<FetchAnswer> {
    const { store, replicas } = this.#deps
    const { owner, storeId, start, id } = fetch
    const own = isOwn ? await readOwnRows(store, fetch, Math.min(samplesMax, fetch.to - fetch.from + 1)) : undefined
    const run = own ? own.run : await replicas.read(owner, fetch, fetch)
    // ids that the rows do not use may be another series' in another copy of this lane
    const names = isOwn
      ? this.#ownNames(fetch.names, run?.idsTo ?? 0)
      : await replicas.readNames(owner, fetch, fetch.names, namesAtOnce)
    const chunk = encodeNames(storeId, fetch.names, names)
    const rows = run ?? { from: 1, to: 0, idsTo: 0, rows: new Uint8Array(0) }
    this.send(to, { verb: 'rows', id, owner, storeId, start, ...rows, ...chunk })
    return { bytes: rows.rows.length + chunk.entries.length, void: own?.void }
  }

  #ownNames(firstId: number, end: number): DictionaryEntry[] {
    const count = Math.max(0, Math.min(end - firstId, namesAtOnce))
    return Array.from({ length: count }, (_, i) => this.#deps.store.seriesEntry(firstId + i))
  }
}
