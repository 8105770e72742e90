/** Hosts of some clouds with the real evaluation and aggregators, and the controller's core, over a network: what breaks, the worlds decide. */
import { Ring } from '#agent/ring/placement.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import type { ContextPlan } from '#protocol/monitors/plan.ts'
import type { WantedOf } from '#protocol/monitors/wanted.ts'
import { type WideAction, WideCore, type WideEvent } from '#protocol/monitors/wide-core.ts'
import { AggregateHost } from './aggregate-host.ts'
import type { AggregateJudge } from './aggregate-judge.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'
import type { SimNetwork } from './sim-network.ts'

/** All monitors' period in these worlds, ms. */
export const everyMs = 10_000

export interface AggregateFleetOptions {
  readonly queue: EventQueue
  readonly random: Random
  readonly network: SimNetwork
  readonly judge: AggregateJudge
  readonly plan: ContextPlan
  /** The epoch time at which the simulated time begins, ms. */
  readonly startMs: number
  readonly wantedOf?: WantedOf | undefined
  /** A host that is silent for longer is no part of the ring, ms. Default: for ever. */
  readonly graceMs?: number | undefined
  /** Hears what the controller publishes. */
  readonly onResults?: ((action: Extract<WideAction, { kind: 'publish' }>) => void) | undefined
}

export class AggregateFleet {
  readonly hosts: AggregateHost[] = []
  readonly #options: AggregateFleetOptions
  readonly #rings = new Map<string, Ring>()
  readonly #diedAtMs = new Map<AggregateHost, number>()
  #controller: WideCore | undefined
  #controllerSession = 0

  constructor(options: AggregateFleetOptions) {
    this.#options = options
    for (const cloud of ['east', 'west']) {
      const count = options.random.int(2, 3)
      for (let i = 0; i < count; i++) this.hosts.push(new AggregateHost(cloud, `${cloud}-${i}`, options.plan))
    }
  }

  get nowMs(): number {
    return this.#options.startMs + this.#options.queue.nowMs
  }

  get hasController(): boolean {
    return this.#controller !== undefined
  }

  /** Everybody looks at the clock. */
  tick(): void {
    for (const host of this.hosts) {
      if (host.core === undefined) continue
      this.#lookAround(host)
      for (const partial of host.evaluateDue(this.nowMs + host.skewMs)) this.#tell(host, partial)
      this.#perform(host, host.core.step({ kind: 'tick' }, this.nowMs + host.skewMs))
    }
    if (this.#controller !== undefined) this.#control(this.#controller.step({ kind: 'tick' }, this.nowMs))
  }

  #ringOf(hosts: readonly string[]): Ring {
    const key = hosts.join(' ')
    const ring = this.#rings.get(key) ?? new Ring(hosts.map((host) => ({ host, zone: '' })))
    this.#rings.set(key, ring)
    return ring
  }

  #lookAround(host: AggregateHost): void {
    const { graceMs = Number.POSITIVE_INFINITY } = this.#options
    const peers = this.peers(host)
    const inRing = peers.filter((peer) => peer.isRunning || this.nowMs - (this.#diedAtMs.get(peer) ?? 0) < graceMs)
    const ring = this.#ringOf(inRing.map((peer) => peer.host))
    const members = peers.map((peer) => peer.host)
    host.see(ring, (other) => this.#looksLive(host, other), members, this.nowMs)
  }

  /** Silence is noticed after three seconds; who is cut off seems silent. */
  #looksLive(from: AggregateHost, host: string): boolean {
    const other = this.hosts.find((each) => each.host === host) as AggregateHost
    if (this.#options.network.isCut(host, from.host)) return false
    return other.isRunning || this.nowMs - (this.#diedAtMs.get(other) ?? 0) < 3_000
  }

  #tell(host: AggregateHost, partial: MonitorPartial): void {
    const message = this.#ownMessage(host, partial)
    this.#send(host, this.peers(host), partial.monitor, message)
  }

  /** Over the wire, as bytes; read by those who compute the monitor. */
  #send(
    from: AggregateHost,
    to: readonly AggregateHost[],
    monitor: string,
    message: PartialMessage,
    of: string = from.host,
  ): void {
    const { body } = encodePartialMessage(message)
    for (const each of to) {
      this.#options.network.send(from.host, each.host, () => {
        if (each.core?.computes('shop', monitor) !== true) return
        const event = {
          kind: 'partial',
          from: of,
          application: 'shop',
          monitor,
          message: decodePartialMessage(body),
        } as const
        each.core.step(event, this.nowMs + each.skewMs)
      })
    }
  }

  #ownMessage(host: AggregateHost, { hash, windowEndMs, groups }: MonitorPartial): PartialMessage {
    return {
      hash,
      windowEndMs,
      session: host.session,
      by: '',
      revision: 0,
      counted: 1,
      wanted: 1,
      isQuiet: false,
      groups,
    }
  }

  #perform(host: AggregateHost, actions: readonly WideAction[]): void {
    for (const action of actions) {
      if (action.kind === 'publish') this.#publish(host, action)
      else if (action.kind === 'ask') for (const window of action.windows) this.#ask(host, action.member, window)
      else if (action.kind === 'recall')
        this.#recall(host.cloud, action, (event) => host.core?.step(event, this.nowMs + host.skewMs))
      else {
        const { body } = encodePartialMessage(action.message)
        this.#options.network.send(host.host, 'controller', () => {
          const { application, monitor } = action
          this.#controller?.step(
            { kind: 'partial', from: host.cloud, application, monitor, message: decodePartialMessage(body) },
            this.nowMs,
          )
        })
      }
    }
  }

  #publish(
    host: AggregateHost,
    { application, monitor, windowEndMs, results, revision }: Extract<WideAction, { kind: 'publish' }>,
  ): void {
    const by = { host: host.host, session: host.session }
    if (windowEndMs <= this.nowMs + 1_000)
      this.#options.judge.published(host.cloud, by, monitor, windowEndMs, results, revision)
    for (const other of this.peers(host)) {
      this.#options.network.send(host.host, other.host, () => {
        const event = { kind: 'published', by, application, monitor, windowEndMs, results, revision } as const
        if (other.core !== undefined) this.#perform(other, other.core.step(event, this.nowMs + other.skewMs))
      })
    }
  }

  /** The ring has copies of what aggregators recorded. */
  #recall(
    place: string,
    { application, monitor, fromMs }: Extract<WideAction, { kind: 'recall' }>,
    tell: (event: Extract<WideEvent, { kind: 'history' }>) => void,
  ): void {
    this.#options.queue.schedule(this.#options.random.int(1, 400), () => {
      const results = this.#options.judge.recorded(place, monitor, fromMs, this.nowMs, everyMs)
      tell({ kind: 'history', application, monitor, fromMs, results })
    })
  }

  /** A silent member's samples are held by another, who answers in its place. */
  #ask(
    asker: AggregateHost,
    member: string,
    window: { application: string; monitor: string; windowEndMs: number },
  ): void {
    const asked = this.hosts.find(({ host }) => host === member) as AggregateHost
    const holder = this.peers(asked).find(
      (peer) => peer.isRunning && !this.#options.network.isCut(asker.host, peer.host),
    )
    const answerer = asked.isRunning ? asked : holder
    if (answerer === undefined) return
    this.#options.network.send(asker.host, answerer.host, () => {
      const partial = answerer.isRunning ? asked.answer(window) : undefined
      if (partial !== undefined) this.#send(answerer, [asker], window.monitor, this.#ownMessage(asked, partial), member)
    })
  }

  /** All of the cloud, itself included. */
  peers(host: AggregateHost): AggregateHost[] {
    return this.hosts.filter(({ cloud }) => cloud === host.cloud)
  }

  /** A new life of the controller, if there is none. */
  startController(): void {
    if (this.#controller !== undefined) return
    this.#controllerSession++
    const self = { host: '_controller', session: this.#controllerSession }
    this.#controller = new WideCore({ scope: 'cross-cloud', self, wantedOf: this.#options.wantedOf })
    this.#controller.step({ kind: 'plans', plans: [this.#options.plan] }, this.nowMs)
    this.#controller.step({ kind: 'members', members: ['east', 'west'] }, this.nowMs)
  }

  /** The controller asks whoever aggregates; the merged partials it lacks come again from the aggregator's next revision only. */
  #control(actions: readonly WideAction[]): void {
    const by = { host: '_controller', session: this.#controllerSession }
    for (const action of actions) {
      if (action.kind === 'recall') this.#recall('', action, (event) => this.#controller?.step(event, this.nowMs))
      if (action.kind !== 'publish') continue
      this.#options.judge.published('', by, action.monitor, action.windowEndMs, action.results, action.revision)
      this.#options.onResults?.(action)
    }
  }

  stopController(): void {
    this.#controller = undefined
  }

  startHost(host: AggregateHost): void {
    if (!host.isRunning) host.start(this.nowMs + host.skewMs)
  }

  killHost(host: AggregateHost): void {
    if (!host.isRunning) return
    host.kill()
    this.#diedAtMs.set(host, this.nowMs)
  }

  /** Nobody is down, and all clocks are right. */
  restore(): void {
    for (const host of this.hosts) {
      host.skewMs = 0
      this.startHost(host)
    }
    this.startController()
  }
}
