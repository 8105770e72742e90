import { matchesPattern } from '#protocol/subjects/pattern.ts'
import type { BusMessage } from './bus.ts'

export type Handler = (message: BusMessage) => void

/** Who listens to what on one bus: handlers by pattern, each pattern known to the broker once. */
export class SubscriptionTable {
  readonly #handlers = new Map<string, Set<{ readonly handler: Handler }>>()
  readonly #onError: (error: unknown, pattern: string) => void

  /** @param onError called for each handler that throws; the others still get the message */
  constructor(onError: (error: unknown, pattern: string) => void) {
    this.#onError = onError
  }

  /** Every pattern with at least one handler. */
  get patterns(): readonly string[] {
    return [...this.#handlers.keys()]
  }

  /** The returned function removes the handler and tells whether its pattern has none left; later calls say false. */
  add(pattern: string, handler: Handler): () => boolean {
    const entry = { handler }
    const entries = this.#handlers.get(pattern) ?? new Set()
    entries.add(entry)
    this.#handlers.set(pattern, entries)
    return () => {
      if (!entries.delete(entry) || entries.size > 0) return false
      this.#handlers.delete(pattern)
      return true
    }
  }

  /** To the handlers of one pattern: for brokers that send a copy for each matching subscription. */
  deliverTo(pattern: string, message: BusMessage): void {
    if (!matchesPattern(pattern, message.subject)) return
    for (const { handler } of this.#handlers.get(pattern) ?? []) this.#call(pattern, handler, message)
  }

  /** To every matching handler: for brokers that send one copy however many subscriptions match. */
  deliver(message: BusMessage): void {
    for (const pattern of this.patterns) this.deliverTo(pattern, message)
  }

  clear(): void {
    for (const entries of this.#handlers.values()) entries.clear()
    this.#handlers.clear()
  }

  #call(pattern: string, handler: Handler, message: BusMessage): void {
    try {
      handler(message)
    } catch (error) {
      this.#onError(error, pattern)
    }
  }
}
