import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { monitorKey } from '#protocol/monitors/model.ts'
import { type PartialMessage, quietWindows } from '#protocol/monitors/partial-message-format.ts'

/** A host's own word of a window. */
export function ownWord({ hash, windowEndMs, groups }: MonitorPartial, session: number): PartialMessage {
  const isQuiet = groups.length === 0
  return { hash, windowEndMs, session, by: '', revision: 0, counted: 1, wanted: 1, isQuiet, groups }
}

/** Which words a host without inputs keeps to itself: those between its first and every tenth. */
export class QuietWords {
  #quiet = new Set<string>()

  /** True when the word is to be said. */
  passes({ application, monitor, windowEndMs, groups }: MonitorPartial, everyMs: number): boolean {
    const key = monitorKey(application, monitor)
    const wasQuiet = this.#quiet.has(key)
    if (groups.length > 0) {
      this.#quiet.delete(key)
      return true
    }
    this.#quiet.add(key)
    return !wasQuiet || (windowEndMs / everyMs) % quietWindows === 0
  }

  /** Somebody new may be listening: the next word of each is said. */
  forget(): void {
    this.#quiet.clear()
  }
}
