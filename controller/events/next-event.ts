import type { Clock } from '#protocol/runtime/clock.ts'
import { type EventFilter, fitsFilter } from './event.ts'
import type { EventStore } from './event-store.ts'

/** Resolves when an event that fits is appended, when the wait is over, or when the signal aborts. */
export function nextEvent(
  store: Pick<EventStore, 'listen'>,
  filter: EventFilter,
  {
    waitMs,
    clock,
    signal,
  }: { readonly waitMs: number; readonly clock: Pick<Clock, 'after'>; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stop()
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const stop = store.listen((event) => {
      if (fitsFilter(event, filter)) done()
    })
    const cancel = clock.after(waitMs, done)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
