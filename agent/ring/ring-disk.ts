import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { decodeSamples } from '#protocol/samples/decoder.ts'
import type { KeptRows } from './keeper-actions.ts'
import { decodeNames } from './names-chunk.ts'
import type { RingAction, RingEvent } from './node.ts'
import type { OwnStore } from './own-log.ts'
import type { ReplicaStore } from './replica-store.ts'

/** Actions that change or search the shared area. */
export type DiskAction = Extract<
  RingAction,
  { readonly kind: 'keep' | 'keepNames' | 'copyNames' | 'findOldest' | 'evict' | 'drop' }
>

export interface RingDiskDeps {
  readonly replicas: ReplicaStore
  readonly store: OwnStore
  readonly logger: Logger
  /** Takes an answer to the node. */
  readonly answer: (event: RingEvent) => void
}

/** Names copied from one lane to another in one step. */
const namesAtOnce = 2048

/** Carries out what the node wants of the shared area, one thing after the other, in the order wanted. */
export class RingDisk {
  readonly #host: string
  readonly #deps: RingDiskDeps
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(host: string, deps: RingDiskDeps) {
    this.#host = host
    this.#deps = deps
  }

  /** Actions that are not done. */
  get waiting(): number {
    return this.#waiting
  }

  do(action: DiskAction): void {
    this.#waiting++
    this.#last = this.#last.then(async () => {
      try {
        await this.#act(action)
      } catch (error) {
        this.#deps.logger.warn({ action: action.kind, error: messageOf(error) }, 'ring_disk_failed')
        this.#fail(action)
      } finally {
        this.#waiting--
      }
    })
  }

  /** Resolves when everything given so far is done. */
  done(): Promise<void> {
    return this.#last
  }

  async #act(action: DiskAction): Promise<void> {
    const { replicas, answer } = this.#deps
    switch (action.kind) {
      case 'keep':
        if (action.rows && action.facts.owner === this.#host) await this.#takeBack(action.rows)
        await replicas.keep(action.facts, action.rows)
        answer({ kind: 'kept', id: action.id, isSynced: true })
        return
      case 'keepNames': {
        const names = decodeNames(action.storeId, action)
        if (names) await replicas.keepNames(action.owner, action, action.firstId, names)
        else this.#fail(action)
        return
      }
      case 'copyNames':
        await this.#copyNames(action)
        return
      case 'findOldest': {
        const found = await replicas.oldest(action.owner, action.bytes)
        answer({ kind: 'oldest', owner: action.owner, found })
        return
      }
      case 'evict': {
        const { owner, storeId, start, to } = action
        const bytes = await replicas.evict(owner, { storeId, start, to })
        answer({ kind: 'evicted', owner, storeId, start, to, bytes })
        return
      }
      case 'drop':
        await replicas.drop(action.owner)
    }
  }

  #fail(action: DiskAction): void {
    const { answer } = this.#deps
    if (action.kind === 'keep') answer({ kind: 'kept', id: action.id, isSynced: false })
    if (action.kind === 'keepNames' || action.kind === 'copyNames') answer({ ...action, kind: 'namesLost' })
    if (action.kind === 'findOldest') answer({ kind: 'oldest', owner: action.owner, found: undefined })
    if (action.kind === 'evict') answer({ ...action, kind: 'evicted', bytes: 0 })
  }

  async #copyNames(action: Extract<DiskAction, { readonly kind: 'copyNames' }>): Promise<void> {
    const { replicas } = this.#deps
    const { owner, storeId, ofStart, firstId, count } = action
    for (let next = firstId; next < firstId + count; ) {
      const left = Math.min(namesAtOnce, firstId + count - next)
      const names = await replicas.readNames(owner, { storeId, start: ofStart }, next, left)
      if (names.length === 0) return this.#fail({ ...action, firstId: next })
      await replicas.keepNames(owner, action, next, names)
      next += names.length
    }
  }

  /** This host's own samples, which its disk had lost, go into its store again: before their rows count as kept. */
  async #takeBack({ storeId, start, rows, idsTo }: KeptRows): Promise<void> {
    const { replicas, store, logger } = this.#deps
    const names = await replicas.readNames(this.#host, { storeId, start }, 0, idsTo)
    try {
      const batch = decodeSamples(rows)
      if (batch.kind !== 'batch') return
      for (const [i, id] of batch.seriesIds.entries()) {
        const entry = names[id]
        if (!entry) continue
        if (store.isFull) await store.drained()
        store.append(store.seriesId(entry.name, entry.unit), batch.timestampsMs[i] as number, batch.values[i] as number)
      }
    } catch (error) {
      if (!isLanistaError(error, 'SAMPLES_INVALID')) throw error
      logger.warn({ storeId, error: messageOf(error) }, 'ring_rows_unreadable')
    }
    await store.commit()
  }
}
