import { LanistaError } from '#protocol/errors.ts'
import type { OrderRow } from './order-row.ts'

interface Wait {
  resolve(row: OrderRow): void
  reject(error: unknown): void
}

/** Who waits for what of which order. */
export class OrderWaits {
  readonly #waits = new Map<string, Set<Wait>>()

  /** Resolves or rejects as told of this id; rejects with the signal's reason when it aborts. */
  wait(id: string, signal?: AbortSignal): Promise<OrderRow> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const leave = (): void => {
        this.#remove(id, wait)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => wait.reject(signal?.reason)
      const wait: Wait = {
        resolve: (row) => {
          leave()
          resolve(row)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      }
      this.#waits.set(id, (this.#waits.get(id) ?? new Set()).add(wait))
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  resolve(row: OrderRow): void {
    for (const wait of this.#waits.get(row.id) ?? []) wait.resolve(row)
  }

  reject(id: string, error: unknown): void {
    for (const wait of this.#waits.get(id) ?? []) wait.reject(error)
  }

  /** Nobody will be told anything any more. */
  close(): void {
    const error = new LanistaError('CLOSED', 'ask the next controller: this one is stopping')
    for (const id of this.#waits.keys()) this.reject(id, error)
  }

  #remove(id: string, wait: Wait): void {
    const waits = this.#waits.get(id)
    waits?.delete(wait)
    if (waits?.size === 0) this.#waits.delete(id)
  }
}
