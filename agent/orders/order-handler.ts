/** The seam of everything that carries orders out: lance, the sensors, whatever changes something on this host. */
import { LanistaError } from '#protocol/errors.ts'

/** What a handler may know and do beside its verb and body. */
export interface OrderContext {
  readonly id: string
  /** Of two orders with one key only the newer counts; two never run at once. */
  readonly key: string
  /**
   * Aborts when the agent stops (reason AGENT_STOPPING) or a newer order for the key waits (reason ORDER_OUTDATED). A handler may
   * end sooner then, or finish; it should do so within two seconds of the first, else its order ends as `interrupted`.
   */
  readonly signal: AbortSignal
  /** Says what is being done, for people; at most one a second is sent, none is kept. */
  progress(text: string): void
}

/** What a handler returns that ends this process to do its work: the outcome comes from `resume`, in the next one. */
export const outcomeAfterRestart: unique symbol = Symbol('outcome after restart')

/**
 * Carries out orders of some verbs. The journal has the order as started before `handle` is called, and calls it once in all
 * times: an agent that is killed meanwhile reports it as `interrupted`, and whoever ordered it looks at what is there and orders
 * again. Orders with different keys run at once, up to `runningMax`.
 */
export interface OrderHandler {
  /** Tokens. No two handlers share one. */
  readonly verbs: readonly string[]
  /**
   * @param body the order's JSON value, undefined for none; unchecked
   * @returns what came of it: a JSON value of at most 16,384 characters, undefined for nothing to say; the order is `done`
   * @throws whatever it likes: the order has `failed`, with the code of a LanistaError or else HANDLER_FAILED, and the message
   */
  handle(verb: string, body: unknown, context: OrderContext): Promise<unknown>

  /**
   * Finds out what became of an order that an earlier process started, for verbs that the service was told of (`resumes`): instead of
   * ending as `interrupted`. It does nothing a second time. Arguments and outcome as `handle`.
   */
  resume?(verb: string, body: unknown, context: OrderContext): Promise<unknown>
}

/** Handlers by verb. Programmer error: two for one verb. */
export function handlersByVerb(handlers: readonly OrderHandler[]): ReadonlyMap<string, OrderHandler> {
  const byVerb = new Map<string, OrderHandler>()
  for (const handler of handlers) {
    for (const verb of handler.verbs) {
      if (byVerb.has(verb)) throw new LanistaError('VERB_TWICE', `give ${verb} to one handler: found two`)
      byVerb.set(verb, handler)
    }
  }
  return byVerb
}
