/** The bus in memory: for tests and the simulation, which decides the fate of every message. */
import type { Role } from '#protocol/permissions.ts'
import { matchesPattern } from '#protocol/subjects/pattern.ts'
import type { CountedBus } from './bus.ts'
import { BusCore, type BusCoreDeps } from './bus-core.ts'
import type { Connection, SendOptions } from './connection.ts'

/** A message on its way to one bus. */
export interface MemoryMessage {
  readonly from: Role
  readonly to: Role
  readonly subject: string
  readonly body: Uint8Array
}

/**
 * What becomes of a message: the delays, ms, after which each copy arrives. `[]` loses it, `[0]` is the ordinary course,
 * `[0, 0]` repeats it, `[50]` lets others overtake it.
 */
export type Fate = (message: MemoryMessage) => readonly number[]

export interface MemoryBrokerOptions {
  readonly fate?: Fate | undefined
}

/** One bus at the broker; `patterns` only while it is connected. */
interface Seat {
  readonly role: Role
  readonly bus: BusCore
  patterns: Set<string> | undefined
  end: (reason: string) => void
}

/** Joins the buses that `connect` makes. Like NATS it tells a request at once when nobody listens, and retains nothing. */
export class MemoryBroker {
  readonly #deps: BusCoreDeps
  readonly #fate: Fate
  readonly #seats = new Map<CountedBus, Seat>()
  #running = true

  constructor(deps: BusCoreDeps, options: MemoryBrokerOptions = {}) {
    this.#deps = deps
    this.#fate = options.fate ?? (() => [0])
  }

  /** A bus for this role, `up` within a few promise turns when the broker runs. The caller closes it. */
  connect(role: Role): CountedBus {
    const bus = new BusCore({ role }, this.#deps)
    const seat: Seat = { role, bus, patterns: undefined, end: () => {} }
    this.#seats.set(bus, seat)
    bus.onClose(async () => {
      this.#seats.delete(bus)
    })
    if (this.#running) this.#link(seat)
    return bus
  }

  /** Every bus goes down, until `start`. */
  stop(): void {
    this.#running = false
    for (const seat of this.#seats.values()) this.#cut(seat, 'broker stopped')
  }

  start(): void {
    this.#running = true
    for (const seat of this.#seats.values()) this.#link(seat)
  }

  /** Cuts one bus off, as a pulled cable would; `reconnect` brings it back. */
  disconnect(bus: CountedBus): void {
    const seat = this.#seats.get(bus)
    if (seat) this.#cut(seat, 'disconnected')
  }

  reconnect(bus: CountedBus): void {
    const seat = this.#seats.get(bus)
    if (seat && this.#running) this.#link(seat)
  }

  #cut(seat: Seat, reason: string): void {
    if (!seat.patterns) return
    seat.patterns = undefined
    seat.end(reason)
    seat.bus.detach(reason)
  }

  #link(seat: Seat): void {
    if (seat.patterns) return
    const patterns = new Set<string>()
    seat.patterns = patterns
    const connection: Connection = {
      subscribe: (added) => {
        for (const pattern of added) patterns.add(pattern)
      },
      unsubscribe: (pattern) => patterns.delete(pattern),
      send: (subject, body, options) => this.#route(seat, subject, body, options),
      flush: () => Promise.resolve(),
      ended: new Promise((resolve) => {
        seat.end = resolve
      }),
      close: async () => {
        seat.patterns = undefined
        seat.end('closed')
      },
    }
    seat.bus
      .attach(connection, 'memory')
      .catch((error: unknown) => this.#deps.logger.error({ err: error }, 'memory_attach_failed'))
  }

  #route(from: Seat, subject: string, body: Uint8Array, options: SendOptions): void {
    const copy = Uint8Array.from(body)
    const seats = [...this.#seats.values()].filter((seat) => listens(seat, subject))
    for (const to of seats) {
      const delaysMs = this.#fate({ from: from.role, to: to.role, subject, body: copy })
      for (const delayMs of delaysMs) this.#arrive(to, subject, copy, delayMs)
    }
    if (seats.length === 0 && options.replySubject !== undefined) {
      this.#arrive(from, options.replySubject, new Uint8Array(0), 0)
    }
  }

  #arrive(to: Seat, subject: string, body: Uint8Array, delayMs: number): void {
    const deliver = (): void => {
      if (to.patterns) to.bus.deliver({ subject, body })
    }
    if (delayMs > 0) this.#deps.clock.after(delayMs, deliver)
    else queueMicrotask(deliver)
  }
}

function listens(seat: Seat, subject: string): boolean {
  for (const pattern of seat.patterns ?? []) {
    if (matchesPattern(pattern, subject)) return true
  }
  return false
}
