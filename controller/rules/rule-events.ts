/** The events that patterns of rules look at, out of the store: those of the application, and those of hosts. */
import type { StoredEvent } from '#controller/events/event.ts'
import type { EventService } from '#controller/events/event-service.ts'
import type { Condition, EventPattern, Rule } from '#protocol/monitors/rule.ts'
import type { EventsInput, RuleEvent } from './decision.ts'

/** Events looked at in one round of an application at most: the newest. */
const eventsMax = 10_000

const nothingFound = { lastSeq: -1, events: [] }

export class RuleEvents {
  readonly #tenant: string
  readonly #events: Pick<EventService, 'heardSinceMs' | 'store'>
  #kinds: ReadonlySet<string> = new Set()
  /** What was found last, while the store has nothing newer. */
  #found: { readonly lastSeq: number; readonly events: readonly StoredEvent[] } = nothingFound

  constructor(tenant: string, events: Pick<EventService, 'heardSinceMs' | 'store'>) {
    this.#tenant = tenant
    this.#events = events
  }

  /** Says which rules there are: only kinds that one of them names are looked for. */
  watch(rules: readonly Rule[]): void {
    const patterns = rules.flatMap(({ when }) => patternsOf(when))
    this.#kinds = new Set(patterns.flatMap(({ sequence }) => sequence.map(({ kind }) => kind)))
    this.#found = nothingFound
  }

  /** The events for the rules of one application, in order of their times. */
  inputOf(application: string): EventsInput {
    const found = this.#newest()
    const recent = found
      .filter((event) => event.application === undefined || event.application === application)
      .map(ruleEventOf)
      .sort((a, b) => a.atMs - b.atMs)
    return { recent, heardSinceMs: this.#wholeSinceMs(found) }
  }

  /** Since when no event is missing: neither unheard, nor dropped by the store, nor beyond what is looked at. */
  #wholeSinceMs(found: readonly StoredEvent[]): number {
    const { heardSinceMs, store } = this.#events
    const oldestMs = found.length < eventsMax ? Number.NEGATIVE_INFINITY : (found[0]?.atMs ?? 0)
    return Math.max(heardSinceMs, store.droppedUntilMs, oldestMs)
  }

  #newest(): readonly StoredEvent[] {
    const { store } = this.#events
    const { lastSeq } = store.size
    if (this.#kinds.size > 0 && lastSeq !== this.#found.lastSeq) {
      const filter = { tenant: this.#tenant, kind: (kind: string) => this.#kinds.has(kind) }
      this.#found = { lastSeq, events: store.query(filter, eventsMax) }
    }
    return this.#found.events
  }
}

/** An event as patterns see it: its own fields, and where it came from. */
export function ruleEventOf({ kind, atMs, fields, host, cloud, application }: StoredEvent): RuleEvent {
  return { kind, atMs, fields: { ...fields, host, cloud, application } }
}

function patternsOf(condition: Condition): EventPattern[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
    case 'xor':
      return condition.of.flatMap(patternsOf)
    case 'not':
      return patternsOf(condition.of)
    case 'events':
      return [condition.pattern]
    case 'monitor':
    case 'instances':
      return []
  }
}
