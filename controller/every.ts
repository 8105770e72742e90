import type { Clock } from '#protocol/runtime/clock.ts'

/** Calls `fn` each `intervalMs`, first after one interval, until the returned function is called. `fn` must not throw. */
export function every(clock: Pick<Clock, 'after'>, intervalMs: number, fn: () => void): () => void {
  let cancel = clock.after(intervalMs, tick)
  function tick(): void {
    cancel = clock.after(intervalMs, tick)
    fn()
  }
  return () => cancel()
}
