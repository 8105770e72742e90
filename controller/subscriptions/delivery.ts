import type { Clock } from '#protocol/runtime/clock.ts'
import { type Sink, unavailable } from './sink.ts'
import type { Numbered } from './webhook-body.ts'

/** Longest wait for the sink to take a batch, ms. */
export const deliveryDeadlineMs = 15_000

/**
 * Hands a batch to the sink and waits for it no longer than `deliveryDeadlineMs`. Resolves with how many of it had no form there.
 * @throws LanistaError SINK_UNAVAILABLE, also when the time is over; SINK_REFUSED; the signal's reason when aborted
 */
export async function deliverInTime(
  sink: Sink,
  batch: readonly Numbered[],
  clock: Pick<Clock, 'after'>,
  signal: AbortSignal,
): Promise<number> {
  const late = new AbortController()
  const reason = unavailable(`no answer within ${deliveryDeadlineMs / 1000} s`)
  const cancel = clock.after(deliveryDeadlineMs, () => late.abort(reason))
  try {
    return await sink.deliver(batch, AbortSignal.any([late.signal, signal]))
  } finally {
    cancel()
  }
}
