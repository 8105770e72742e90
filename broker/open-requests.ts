import { LanistaError } from '#protocol/errors.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { RequestOptions } from './bus.ts'

/** Open requests of one bus; one more is refused with BUSY. */
const openRequestsMax = 10_000

interface OpenRequest {
  answer(body: Uint8Array): void
  fail(error: unknown): void
}

/** Requests waiting for the answer on their reply subject: one standing subscription and this map serve them all. */
export class OpenRequests {
  readonly #clock: Pick<Clock, 'after'>
  readonly #open = new Map<string, OpenRequest>()

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  /**
   * Registers the wait, then calls `send`, so that no answer can come too early; whatever `send` throws ends the request.
   * @throws LanistaError DUPLICATE_ID, BUSY, NO_ONE_THERE, TIMED_OUT; the signal's reason
   */
  open(replySubject: string, options: RequestOptions, send: () => void): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      options.signal.throwIfAborted()
      this.#check(replySubject)
      const onAbort = (): void => settle(() => reject(options.signal.reason))
      const cancelTimer = this.#clock.after(options.deadlineMs, () =>
        settle(() => reject(timedOut(replySubject, options))),
      )
      const settle = (finish: () => void): void => {
        cancelTimer()
        options.signal.removeEventListener('abort', onAbort)
        this.#open.delete(replySubject)
        finish()
      }
      options.signal.addEventListener('abort', onAbort, { once: true })
      const request: OpenRequest = {
        answer: (body) => settle(() => (body.length > 0 ? resolve(body) : reject(noOneThere(replySubject)))),
        fail: (error) => settle(() => reject(error)),
      }
      this.#open.set(replySubject, request)
      try {
        send()
      } catch (error) {
        request.fail(error)
      }
    })
  }

  /** An answer has come; one that nobody waits for is ignored. */
  answer(replySubject: string, body: Uint8Array): void {
    this.#open.get(replySubject)?.answer(body)
  }

  /** Ends every wait. */
  failAll(error: unknown): void {
    for (const request of this.#open.values()) request.fail(error)
  }

  #check(replySubject: string): void {
    if (this.#open.has(replySubject)) {
      throw new LanistaError('DUPLICATE_ID', `use a fresh id: a request for ${replySubject} is still open`)
    }
    if (this.#open.size >= openRequestsMax) {
      throw new LanistaError(
        'BUSY',
        `ask later: ${this.#open.size} requests are open, expected less than ${openRequestsMax}`,
      )
    }
  }
}

function noOneThere(replySubject: string): LanistaError {
  return new LanistaError('NO_ONE_THERE', `ask somebody else: nobody is there to send ${replySubject}`)
}

function timedOut(replySubject: string, options: RequestOptions): LanistaError {
  return new LanistaError('TIMED_OUT', `ask again: no ${replySubject} within ${options.deadlineMs} ms`)
}
