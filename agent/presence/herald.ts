import type { Bus, BusStateChange, BusSubscription } from '#broker/bus.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import { type Birth, type Heartbeat, parseDeath, parseState } from '#protocol/messages/presence.ts'
import { sessionAfterDeath } from '#protocol/presence/own-death.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { type Address, buildSubject, controllerHost, homeCloud, prefixOf } from '#protocol/subjects/subject.ts'

export interface HeraldOptions {
  readonly address: Address
  /** Until the controller's state message says otherwise, ms. */
  readonly heartbeatIntervalMs: number
}

export interface HeraldDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly logger: Logger
  /** The session of this start. */
  readonly session: () => number
  /** Keeps a newer session: the agent heard its own death while it lives. */
  readonly renewSession: (session: number) => void
  readonly birth: () => Omit<Birth, 'session'>
  readonly heartbeat: () => Omit<Heartbeat, 'session' | 'nowMs'>
}

/** Births asked for more often than this are not answered, ms. */
const birthIntervalMs = 1000

/** Tells everybody who may hear it that this agent lives: birth, heartbeats, death. */
export class Herald {
  readonly #options: HeraldOptions
  readonly #deps: HeraldDeps
  readonly #subscriptions: BusSubscription[]
  readonly #stop = new AbortController()
  readonly #following: Promise<void>
  #intervalMs: number
  #cancelBeat: (() => void) | undefined
  #bornAtMs = Number.NEGATIVE_INFINITY
  #isClosed = false

  /** Speaks from the next time the bus is up. */
  constructor(options: HeraldOptions, deps: HeraldDeps) {
    this.#options = options
    this.#deps = deps
    this.#intervalMs = options.heartbeatIntervalMs
    const { tenant, cloud, host } = options.address
    const home = `lanista.${tenant}.${homeCloud}.${controllerHost}`
    this.#subscriptions = [
      deps.bus.subscribe(`${home}.state`, ({ body }) => this.#onState(body)),
      deps.bus.subscribe(`${prefixOf(options.address)}.control.birth.>`, () => this.#onBirthAsked()),
      deps.bus.subscribe(`${home}.death.${cloud}.${host}`, ({ body }) => this.#onDeath(body)),
      deps.bus.subscribe(buildSubject(options.address, 'death'), ({ body }) => this.#onDeath(body)),
    ]
    this.#following = this.#follow(deps.bus.states(this.#stop.signal))
  }

  /** Says goodbye when the bus is up; stops speaking. Idempotent. The bus must be flushed by its owner. */
  async close(reason: string): Promise<void> {
    if (!this.#isClosed) this.#sayGoodbye(reason)
    await this.#following
  }

  #sayGoodbye(reason: string): void {
    this.#isClosed = true
    this.#stop.abort()
    this.#cancelBeat?.()
    for (const subscription of this.#subscriptions) subscription.close()
    if (this.#deps.bus.state === 'up') this.#publish('death', { session: this.#deps.session(), reason })
  }

  /** Says the birth again, under the present session. Does nothing while the bus is not up: it follows when it is. */
  announce(): void {
    if (this.#deps.bus.state === 'up') this.#beBorn()
  }

  async #follow(states: AsyncIterable<BusStateChange>): Promise<void> {
    for await (const { state } of states) {
      if (state === 'up') this.#beBorn()
      else this.#cancelBeat?.()
    }
  }

  #beBorn(): void {
    this.#bornAtMs = this.#deps.clock.monotonic()
    this.#publish('birth', { session: this.#deps.session(), ...this.#deps.birth() }, { retain: true })
    // a retained birth may be old: the heartbeat behind it is what shows the ring that somebody lives
    this.#beat()
  }

  #beat(): void {
    this.#cancelBeat?.()
    if (this.#isClosed) return
    this.#publish('heartbeat', {
      session: this.#deps.session(),
      nowMs: this.#deps.clock.now(),
      ...this.#deps.heartbeat(),
    })
    this.#cancelBeat = this.#deps.clock.after(this.#intervalMs, () => this.#beat())
  }

  #onState(body: Uint8Array): void {
    try {
      this.#intervalMs = parseState(body).heartbeatIntervalMs
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, 'state_refused')
    }
  }

  #onBirthAsked(): void {
    if (this.#deps.clock.monotonic() - this.#bornAtMs >= birthIntervalMs) this.#beBorn()
  }

  /** A death of this very session, heard while alive: a late last will, or a controller that missed heartbeats. */
  #onDeath(body: Uint8Array): void {
    try {
      const heard = parseDeath(body).session
      const session = sessionAfterDeath(this.#deps.session(), heard, this.#deps.clock.now())
      if (this.#isClosed || session === undefined) return
      this.#deps.renewSession(session)
      this.#deps.logger.info({ session }, 'heard_own_death')
      this.#beBorn()
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, 'death_refused')
    }
  }

  #publish(kind: 'birth' | 'heartbeat' | 'death', value: object, options?: { retain: boolean }): void {
    try {
      this.#deps.bus.publish(buildSubject(this.#options.address, kind), encodeJson(value), options)
    } catch (error) {
      this.#deps.logger.debug({ kind, error: messageOf(error) }, 'presence_unsent')
    }
  }
}
