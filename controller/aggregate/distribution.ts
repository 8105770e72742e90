/**
 * Sends every agent what it computes and sends, until its heartbeat says that it does: `control.monitors.<id>`. A few hosts in each step, so
 * that a change does not reach a whole fleet, and the broker, in one moment; who does not say the newest generation is sent it again.
 */
import type { Bus } from '#broker/bus.ts'
import { every } from '#controller/every.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { newId } from '#controller/query/holder.ts'
import { messageOf } from '#protocol/errors.ts'
import { encodeMonitorSet } from '#protocol/messages/monitor-set.ts'
import type { MonitorContext } from '#protocol/monitors/model.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { isBehind } from './applied-set.ts'
import type { SetGeneration } from './set-generation.ts'

/** What is in force now. */
export interface DistributedSet {
  readonly contexts: readonly MonitorContext[]
  /** JSON that is another one after each change of what any host should send. */
  readonly selection: readonly unknown[]
  readonly uplinkOf: (host: Address) => readonly string[]
}

export interface DistributionOptions {
  readonly tenant: string
  /** How often agents say which set they have, ms. */
  readonly heartbeatIntervalMs: number
}

export interface DistributionDeps {
  readonly bus: Pick<Bus, 'publish' | 'state'>
  readonly clock: Clock
  readonly logger: Logger
  readonly hosts: () => Iterable<KnownHost>
  readonly generation: SetGeneration
  readonly set: () => DistributedSet
}

/** One step, and how many hosts are sent to in it: 200 a second. */
const stepMs = 250
const hostsAStepMax = 50
/** Bodies that are kept, by what a host sends: hosts that send the same share one. */
const bodiesMax = 256
/** How long an agent has to apply a set before it is sent again, ms, beyond two heartbeats. */
const applyMs = 3_000

interface Sent {
  readonly generation: number
  readonly session: number
  /** Monotonic ms. */
  readonly atMs: number
}

export class Distribution implements AsyncDisposable {
  readonly #options: DistributionOptions
  readonly #deps: DistributionDeps
  readonly #logged: OnceAMinute
  readonly #cancel: () => void
  readonly #sent = new Map<string, Sent>()
  readonly #bodies = new Map<string, readonly Uint8Array[]>()
  #set: DistributedSet
  #isTaken = false
  #taking: Promise<void> | undefined
  #messages = 0

  constructor(options: DistributionOptions, deps: DistributionDeps) {
    this.#options = options
    this.#deps = deps
    this.#logged = new OnceAMinute(deps.clock)
    this.#set = deps.set()
    this.#cancel = every(deps.clock, stepMs, () => this.#step())
    this.#take()
  }

  /** Messages sent since the start. */
  get messages(): number {
    return this.#messages
  }

  /** Something may have changed: what is in force now goes to everybody. */
  renew(): void {
    this.#set = this.#deps.set()
    this.#isTaken = false
    this.#bodies.clear()
    this.#sent.clear()
    this.#take()
  }

  /** Sends no more. Idempotent. */
  async close(): Promise<void> {
    this.#cancel()
    await this.#taking
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Gives the set its number; nothing is sent before that is on disk. */
  #take(): void {
    if (this.#taking !== undefined) return
    const set = this.#set
    const { contexts, selection } = set
    const isNothing = contexts.length === 0 && selection.length === 0
    this.#taking = this.#deps.generation
      .take(isNothing ? undefined : [contexts, selection])
      .then(() => {
        this.#isTaken = this.#set === set
      })
      .catch((error: unknown) => this.#complain('monitors_not_numbered', error))
      .finally(() => {
        this.#taking = undefined
      })
  }

  #step(): void {
    if (!this.#isTaken) return this.#take()
    const { bus, clock, generation } = this.#deps
    if (bus.state !== 'up' || generation.current === 0) return
    const nowMs = clock.monotonic()
    let room = hostsAStepMax
    for (const known of this.#deps.hosts()) {
      const { address } = known.record
      if (address.tenant !== this.#options.tenant || !isBehind(known, generation.current)) continue
      if (this.#isOnItsWay(known, nowMs)) continue
      if (!this.#send(address)) return
      const { session } = known.presence
      this.#sent.set(hostIdOf(address), { generation: generation.current, session, atMs: nowMs })
      if (--room === 0) return
    }
  }

  #isOnItsWay({ record, presence }: KnownHost, nowMs: number): boolean {
    const sent = this.#sent.get(hostIdOf(record.address))
    const waitMs = 2 * this.#options.heartbeatIntervalMs + applyMs
    const isSame = sent?.generation === this.#deps.generation.current && sent.session === presence.session
    return isSame && nowMs - sent.atMs < waitMs
  }

  /** False when nothing more can be sent now. */
  #send(host: Address): boolean {
    try {
      for (const body of this.#bodiesFor(host)) {
        this.#deps.bus.publish(buildSubject(host, 'control', 'monitors', newId()), body)
        this.#messages++
      }
      return true
    } catch (error) {
      this.#complain('monitors_not_sent', error)
      return false
    }
  }

  /** Throws MONITOR_SET_TOO_LARGE. */
  #bodiesFor(host: Address): readonly Uint8Array[] {
    const { contexts, uplinkOf } = this.#set
    const uplink = uplinkOf(host)
    const key = uplink.join('\n')
    const known = this.#bodies.get(key)
    if (known) return known
    const bodies = encodeMonitorSet({ generation: this.#deps.generation.current, contexts, uplink })
    if (this.#bodies.size >= bodiesMax) this.#bodies.clear()
    this.#bodies.set(key, bodies)
    return bodies
  }

  #complain(event: string, error: unknown): void {
    this.#logged.pass(event, (suppressed) => this.#deps.logger.error({ suppressed, error: messageOf(error) }, event))
  }
}
