import type { KeeperAction } from './keeper-actions.ts'
import type { Withdraw } from './ring-message.ts'

export interface WithdrawalsOptions {
  /** Messages to an owner are repeated this often until it answers, ms. Default 5,000. */
  readonly withdrawRetryMs: number
  /** An owner that does not answer is not waited for longer than this, ms. Default 60,000. */
  readonly withdrawTimeoutMs: number
}

interface Withdrawal {
  readonly owner: string
  readonly message: Withdraw
  readonly evicts: boolean
  readonly sinceMs: number
  sentAtMs: number
}

/** What was taken back from owners and not yet understood by them; what is to be evicted waits for that. */
export class Withdrawals {
  readonly #options: WithdrawalsOptions
  readonly #open = new Map<number, Withdrawal>()

  constructor(options: WithdrawalsOptions) {
    this.#options = options
  }

  /** @param evicts everything up to the message's floor is to be deleted then */
  begin(owner: string, message: Withdraw, evicts: boolean, nowMs: number): KeeperAction[] {
    this.#open.set(message.id, { owner, message, evicts, sinceMs: nowMs, sentAtMs: nowMs })
    return [{ kind: 'send', to: owner, message }]
  }

  /** The owner does not count on it any more. */
  understood(from: string, id: number): KeeperAction[] {
    const withdrawal = this.#open.get(id)
    return withdrawal?.owner === from ? this.#finish(id, withdrawal) : []
  }

  /** Nothing of this owner is here any more. */
  forget(owner: string): void {
    for (const [id, withdrawal] of this.#open) if (withdrawal.owner === owner) this.#open.delete(id)
  }

  /** Repeats what is not understood; gives up on owners that are not there. */
  tick(nowMs: number, isAlive: (host: string) => boolean): KeeperAction[] {
    const { withdrawRetryMs, withdrawTimeoutMs } = this.#options
    const actions: KeeperAction[] = []
    for (const [id, withdrawal] of this.#open) {
      const { owner, message, sinceMs, sentAtMs } = withdrawal
      if (!isAlive(owner) || nowMs - sinceMs >= withdrawTimeoutMs) {
        actions.push(...this.#finish(id, withdrawal))
      } else if (nowMs - sentAtMs >= withdrawRetryMs) {
        withdrawal.sentAtMs = nowMs
        actions.push({ kind: 'send', to: owner, message })
      }
    }
    return actions
  }

  #finish(id: number, { owner, message, evicts }: Withdrawal): KeeperAction[] {
    this.#open.delete(id)
    if (!evicts) return []
    return [{ kind: 'evict', owner, storeId: message.storeId, start: message.start, to: message.floor }]
  }
}
