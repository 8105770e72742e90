/** Where readings go: one form per kind behind one seam. */
import { LanistaError } from '#protocol/errors.ts'
import type { Numbered } from './webhook-body.ts'

export interface Sink {
  /**
   * Hands over a batch; resolves when the receiver has taken it all. Called for one batch at a time, in order; after a failure with
   * the same batch again.
   * @returns how many readings have no form here (an unknown value, a name that cannot be said) and were left out
   * @throws LanistaError SINK_UNAVAILABLE (try again; `data.retryAfterMs` where the receiver said when), SINK_REFUSED (it never will
   * take this batch); the signal's reason when aborted
   */
  deliver(batch: readonly Numbered[], signal: AbortSignal): Promise<number>
}

/** It may take the batch later. */
export function unavailable(found: string, retryAfterMs?: number): LanistaError {
  return new LanistaError(
    'SINK_UNAVAILABLE',
    `look after the receiver: found ${found}, expected it to take the readings`,
    {
      data: { retryAfterMs },
    },
  )
}

/** It will never take the batch. */
export function refused(found: string): LanistaError {
  return new LanistaError(
    'SINK_REFUSED',
    `correct the subscription or its receiver: found ${found}, expected it to take the readings`,
  )
}
