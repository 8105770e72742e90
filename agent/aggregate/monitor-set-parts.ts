import type { MonitorSet, MonitorSetPart } from '#protocol/messages/monitor-set.ts'
import type { Monitor, MonitorContext } from '#protocol/monitors/model.ts'

/**
 * Puts a set together from its parts, whatever their order. Of one set at a time: a part of another generation, or of another number of
 * parts, begins anew, and whoever sends it sends all of it again.
 */
export class MonitorSetParts {
  #parts = new Map<number, MonitorSetPart>()

  /** The whole set once its last part is there. */
  take(part: MonitorSetPart): MonitorSet | undefined {
    const [other] = this.#parts.values()
    if (other !== undefined && (other.generation !== part.generation || other.parts !== part.parts)) this.#parts.clear()
    this.#parts.set(part.part, part)
    if (this.#parts.size < part.parts) return undefined
    const parts = [...this.#parts.values()].sort((a, b) => a.part - b.part)
    this.#parts.clear()
    return {
      generation: part.generation,
      contexts: joined(parts.flatMap(({ contexts }) => contexts)),
      uplink: parts.flatMap(({ uplink }) => uplink),
    }
  }
}

function joined(pieces: readonly MonitorContext[]): MonitorContext[] {
  const monitors = new Map<string, Monitor[]>()
  for (const { application, monitors: some } of pieces) {
    const all = monitors.get(application)
    if (all === undefined) monitors.set(application, [...some])
    else for (const monitor of some) all.push(monitor)
  }
  return [...monitors].map(([application, all]) => ({ application, monitors: all }))
}
