/**
 * Where the engine reads conditions: the newest results of cross-cloud monitors. The evaluator of cross-cloud monitors is one; the form
 * here keeps what it is given.
 */
import type { MonitorResult } from '#protocol/monitors/model.ts'

export interface ConditionSource {
  /** The results (one a group) of the newest window that ends at `untilMs` or before; [] = none. */
  newest(application: string, monitor: string, untilMs: number): readonly MonitorResult[]
  /** Calls `listener` when a window of a monitor has its results, until the returned function is called. It must not throw. */
  onResult(listener: (application: string, monitor: string, windowEndMs: number) => void): () => void
}

/** Windows kept of each monitor: what is judged late looks back a few. */
const windowsMax = 8

/** Keeps the last windows of each monitor. What it is told again, with a higher revision, takes the earlier one's place. */
export class ConditionResults implements ConditionSource {
  readonly #results = new Map<string, Map<number, readonly MonitorResult[]>>()
  readonly #listeners = new Set<(application: string, monitor: string, windowEndMs: number) => void>()

  newest(application: string, monitor: string, untilMs: number): readonly MonitorResult[] {
    let newestMs = Number.NEGATIVE_INFINITY
    const windows = this.#results.get(keyOf(application, monitor))
    for (const endMs of windows?.keys() ?? []) if (endMs <= untilMs && endMs > newestMs) newestMs = endMs
    return windows?.get(newestMs) ?? []
  }

  onResult(listener: (application: string, monitor: string, windowEndMs: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** All results of one window of one monitor. */
  tell(application: string, monitor: string, windowEndMs: number, results: readonly MonitorResult[]): void {
    const key = keyOf(application, monitor)
    const windows = this.#results.get(key) ?? new Map<number, readonly MonitorResult[]>()
    this.#results.set(key, windows)
    if ((windows.get(windowEndMs)?.[0]?.revision ?? -1) > (results[0]?.revision ?? 0)) return
    windows.delete(windowEndMs)
    windows.set(windowEndMs, results)
    const [first] = windows.keys()
    if (windows.size > windowsMax && first !== undefined) windows.delete(first)
    for (const listener of this.#listeners) listener(application, monitor, windowEndMs)
  }

  /** Forgets an application that is gone. */
  forget(application: string): void {
    for (const key of this.#results.keys()) if (key.startsWith(`${application}.`)) this.#results.delete(key)
  }
}

/** Neither name has a dot in it. */
function keyOf(application: string, monitor: string): string {
  return `${application}.${monitor}`
}
