/** Answers what is asked of this agent over the bus: the loop that every desk shares. What is answered is the desk's own. */
import type { Bus, BusMessage } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { encodeRefusal } from '#protocol/query/answer.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { replySubject } from '#protocol/subjects/subject.ts'

export interface AnsweringDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe'>
  readonly logger: Logger
  /** The bus has taken an answer of so many bytes. */
  readonly onSent?: ((bytes: number) => void) | undefined
  /** The asker gets none. */
  readonly onUnsent?: (() => void) | undefined
}

/** Makes the body of an answer. A LanistaError it throws is the answer, as a refusal; anything else is logged, and nothing is answered. */
export type AnswerTo = (body: Uint8Array, subject: string) => Promise<Uint8Array>

/** All at once: who must bound it refuses by `open`, or takes turns. */
export class Answering {
  readonly #deps: AnsweringDeps
  readonly #subscriptions: { close(): void }[] = []
  readonly #open = new Set<Promise<void>>()

  constructor(deps: AnsweringDeps) {
    this.#deps = deps
  }

  /** Asks whose answer is being made; within `answerTo`, until it first waits, without its own. */
  get open(): number {
    return this.#open.size
  }

  /** Answers each message on `pattern` from now on. */
  hear(pattern: string, answerTo: AnswerTo): void {
    const subscription = this.#deps.bus.subscribe(pattern, (message) => {
      const answered = this.#answer(message, answerTo).finally(() => this.#open.delete(answered))
      this.#open.add(answered)
    })
    this.#subscriptions.push(subscription)
  }

  /** Hears no more from the call on, and answers what it has. Idempotent. */
  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close()
    await Promise.all(this.#open)
  }

  /** Never rejects. */
  async #answer({ subject, body }: BusMessage, answerTo: AnswerTo): Promise<void> {
    const { bus, logger, onSent, onUnsent } = this.#deps
    try {
      const answer = await answerTo(body, subject).catch(refusalOf)
      bus.publish(replySubject(subject), answer)
      onSent?.(answer.length)
    } catch (error) {
      onUnsent?.()
      logger.debug({ subject, error: messageOf(error) }, 'answer_unsent')
    }
  }
}

function refusalOf(error: unknown): Uint8Array {
  if (isLanistaError(error)) return encodeRefusal(error)
  throw error
}
