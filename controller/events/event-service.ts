/** The shell of events: hears what agents say, says what the controller itself has to, keeps both. */
import { createHash } from 'node:crypto'
import type { Bus, BusMessage } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { parseEvent } from '#protocol/messages/event.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { buildSubject, hostIdOf, isAgentAddress, parseSubject } from '#protocol/subjects/subject.ts'
import { ownPlace, type StoredEvent } from './event.ts'
import type { EventStore } from './event-store.ts'
import { MinuteShares } from './minute-shares.ts'

export interface EventServiceDeps {
  readonly bus: Bus
  readonly store: EventStore
  readonly clock: Clock
  readonly logger: Logger
}

export interface EventServiceCounters {
  readonly heard: number
  /** Bodies that are no events. */
  readonly malformed: number
  /** Of hosts that said more than their share. */
  readonly tooMany: number
  /** Own events that no subscriber heard, for want of a broker. */
  readonly notPublished: number
}

/** Something the controller has to say. */
export interface OwnEvent {
  readonly tenant: string
  readonly id: string
  readonly kind: string
  readonly application?: string | undefined
  readonly fields: Readonly<Record<string, unknown>>
}

/** Events of one host a minute; more are dropped and counted, so that none can push out those of the others. */
const perHostMax = 600

export class EventService {
  readonly store: EventStore
  readonly #deps: EventServiceDeps
  readonly #logged: OnceAMinute
  readonly #shares: MinuteShares
  readonly #counters = { heard: 0, malformed: 0, tooMany: 0, notPublished: 0 }
  readonly #stops: (() => void)[] = []
  #heardSinceMs: number

  private constructor(deps: EventServiceDeps) {
    this.#deps = deps
    this.store = deps.store
    this.#logged = new OnceAMinute(deps.clock)
    this.#shares = new MinuteShares(perHostMax, deps.clock)
    this.#heardSinceMs = deps.clock.now()
  }

  /** Listens from now on. The store is the caller's. */
  static start(deps: EventServiceDeps): EventService {
    const service = new EventService(deps)
    const subscription = deps.bus.subscribe('lanista.*.*.*.event.>', (message) => service.#hear(message))
    service.#stops.push(() => subscription.close())
    service.#follow()
    return service
  }

  get counters(): EventServiceCounters {
    return this.#counters
  }

  /** Since when no event can have been missed, epoch ms: the start, or the last time the bus came back. */
  get heardSinceMs(): number {
    return this.#heardSinceMs
  }

  /** Keeps an event of the controller's own and publishes it; the same id again does neither. */
  say({ tenant, id, kind, application, fields }: OwnEvent): StoredEvent | undefined {
    const saidMs = this.#deps.clock.now()
    const event = this.store.append({ id, kind, tenant, ...ownPlace, application, saidMs, fields })
    if (!event) return undefined
    const subject = buildSubject({ tenant, ...ownPlace }, 'event', ...kind.split('.'))
    try {
      this.#deps.bus.publish(subject, encodeJson({ ...fields, t: saidMs, id, application }))
    } catch (error) {
      this.#counters.notPublished++
      this.#logged.pass(kind, (suppressed) =>
        this.#deps.logger.debug({ kind, suppressed, error: messageOf(error) }, 'event_not_published'),
      )
    }
    return event
  }

  /** Stops listening. Idempotent. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #hear({ subject, body }: BusMessage): void {
    const { address, rest } = parseSubject(subject)
    if (!isAgentAddress(address)) return
    const host = hostIdOf(address)
    if (!this.#shares.take(host)) {
      this.#counters.tooMany++
      return
    }
    try {
      const { t, id = digestOf(body), application, ...fields } = parseEvent(body)
      const kind = rest.join('.')
      this.store.append({ id: `${host}/${kind}/${id}`, kind, ...address, application, saidMs: t, fields })
      this.#counters.heard++
    } catch (error) {
      if (!isLanistaError(error, 'MESSAGE_INVALID')) throw error
      this.#counters.malformed++
      this.#logged.pass(host, (suppressed) =>
        this.#deps.logger.warn({ host, suppressed, error: error.message }, 'event_malformed'),
      )
    }
  }

  /** The bus outlives us: its next state finds us closed and ends the loop. */
  #follow(): void {
    let isClosed = false
    let wasUp = true
    this.#stops.push(() => {
      isClosed = true
    })
    const follow = async (): Promise<void> => {
      for await (const { state } of this.#deps.bus.states()) {
        if (isClosed) return
        if (state === 'up' && !wasUp) this.#heardSinceMs = this.#deps.clock.now()
        wasUp = state === 'up'
      }
    }
    void follow()
  }
}

/** Stands for the id of an event that brings none. */
function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 22)
}
