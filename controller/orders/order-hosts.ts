import type { OrderEvent } from './order-events.ts'

/** A host as orders see it. */
export interface OrderHost {
  /** `T.C.H`. */
  readonly id: string
  /** Its agent can hear. */
  readonly isHere: boolean
  /** It has left for good. */
  readonly hasLeft: boolean
  readonly session: number
  /** Of its agent's journal; undefined = it takes no orders. */
  readonly journal: string | undefined
}

/** A host that nobody knows any more is gone for good after this, ms: right after a start not all are known yet. */
const goneAfterMs = 600_000

/** What has changed among the hosts since the last look, as events for the core. */
export class OrderHosts {
  readonly #known = new Map<string, string>()
  readonly #missedSince = new Map<string, number>()

  /** Every host is news again: the bus was away, and so may be what was sent. */
  forget(): void {
    this.#known.clear()
  }

  /** @param targets hosts with open orders */
  look(hosts: Iterable<OrderHost>, targets: ReadonlySet<string>, nowMs: number): OrderEvent[] {
    const events: OrderEvent[] = []
    const present = new Set<string>()
    for (const { id, isHere, hasLeft, session, journal } of hosts) {
      present.add(id)
      const facts = `${isHere} ${hasLeft} ${session} ${journal ?? ''}`
      if (this.#known.get(id) === facts) continue
      this.#known.set(id, facts)
      events.push(hasLeft ? { kind: 'gone', target: id } : { kind: 'host', target: id, isHere, journal })
    }
    for (const id of this.#known.keys()) if (!present.has(id)) this.#known.delete(id)
    return [...events, ...this.#missing(present, targets, nowMs)]
  }

  #missing(present: ReadonlySet<string>, targets: ReadonlySet<string>, nowMs: number): OrderEvent[] {
    for (const id of this.#missedSince.keys()) if (present.has(id) || !targets.has(id)) this.#missedSince.delete(id)
    const gone: OrderEvent[] = []
    for (const target of targets) {
      if (present.has(target)) continue
      const sinceMs = this.#missedSince.get(target) ?? nowMs
      this.#missedSince.set(target, sinceMs)
      if (nowMs - sinceMs >= goneAfterMs) gone.push({ kind: 'gone', target })
    }
    return gone
  }
}
