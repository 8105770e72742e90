/** Hosts of one cloud with monitors for tests: on a bus in memory, with a ring that the test draws. */
import type { CountedBus } from '#broker/bus.ts'
import { type Fate, MemoryBroker } from '#broker/memory.ts'
import { encodeMergedAsk } from '#protocol/messages/merged-ask.ts'
import type { WindowName } from '#protocol/monitors/wide-core.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { buildSubject, parseSubject } from '#protocol/subjects/subject.ts'
import type { MemberState } from '../ring/membership.ts'
import { Ring } from '../ring/placement.ts'
import type { RingView } from '../ring/ring-view.ts'
import { Stage, type StageHost } from './aggregate-stage.ts'
import { CloudMonitors, settleMs } from './cloud-monitors.ts'

export class CloudStage extends Stage {
  readonly broker: MemoryBroker
  readonly hosts: Map<string, StageHost> = new Map()
  readonly monitors: Map<string, CloudMonitors> = new Map()
  readonly buses: Map<string, CountedBus> = new Map()
  /** What was published for the cloud: host is the aggregator. */
  readonly heard: { readonly name: string; readonly body: Record<string, unknown> }[] = []
  readonly merged: Uint8Array[] = []
  readonly #states = new Map<string, MemberState>()
  #controller: CountedBus | undefined
  #ring = new Ring([])
  #changes = 0

  constructor(fate?: Fate) {
    super()
    this.broker = new MemoryBroker({ clock: this.clock, logger: silentLogger }, { fate })
  }

  /** A host that has joined. */
  async join(name: string): Promise<StageHost> {
    const host = await this.host(name)
    this.hosts.set(name, host)
    await this.start(name)
    return host
  }

  async start(name: string): Promise<void> {
    const host = this.hosts.get(name) as StageHost
    const bus = this.broker.connect({ kind: 'agent', address: host.address })
    this.buses.set(name, bus)
    await bus.up(AbortSignal.timeout(1_000))
    const session = Math.floor(this.clock.now() / 1_000)
    const monitors = new CloudMonitors(
      { address: host.address, data: host.data },
      {
        aggregate: host.aggregate,
        bus,
        store: host.store,
        view: () => this.#view(),
        copiesOf: (owner) => Promise.resolve(this.#copiesOf(name, owner)),
        session: () => session,
        clock: this.clock,
        logger: silentLogger,
        selectUplink: () => {},
      },
    )
    this.monitors.set(name, monitors)
    host.aggregate.start()
    this.see(name, 'alive')
  }

  /** Kills the process; its disk stays readable, as copies of it would be. */
  async kill(name: string): Promise<void> {
    await this.monitors.get(name)?.close()
    await this.buses.get(name)?.close()
    await this.hosts.get(name)?.aggregate.close()
    this.monitors.delete(name)
    this.see(name, 'suspect')
  }

  /** Everybody's ring says so from now on. */
  see(name: string, state: MemberState): void {
    this.#states.set(name, state)
    this.#changes++
    const members = [...this.#states].filter(([, each]) => each !== 'left' && each !== 'dead')
    this.#ring = new Ring(members.map(([host]) => ({ host, zone: '' })))
  }

  /** An operator listens to the results of the cloud, the controller to what it merges. */
  listen(): void {
    const operator = this.broker.connect({ kind: 'operator', tenant: 'acme' })
    operator.subscribe('lanista.acme.c1._cloud.metric.>', ({ subject, body }) => {
      const name = parseSubject(subject).rest.join('.')
      this.heard.push({ name, body: JSON.parse(Buffer.from(body).toString()) as Record<string, unknown> })
    })
    const controller = this.broker.connect({ kind: 'controller' })
    controller.subscribe('lanista.*.*._cloud.merged.>', ({ body }) => this.merged.push(body))
    this.#controller = controller
  }

  /** The controller asks every host for what it merged. */
  askMerged(...windows: readonly WindowName[]): void {
    for (const { address } of this.hosts.values()) {
      this.#controller?.publish(buildSubject(address, 'control', 'merged', 'm1'), encodeMergedAsk({ windows }))
    }
  }

  /** Until everybody knows who is there. */
  settle(): Promise<void> {
    return this.advance(settleMs + 1_000)
  }

  /** Who computes something for the cloud. */
  get aggregators(): string[] {
    return [...this.monitors.keys()].filter((name) => (this.hosts.get(name)?.aggregate.counts.cloudMonitors ?? 0) > 0)
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const monitors of this.monitors.values()) await monitors.close()
    for (const bus of this.buses.values()) await bus.close()
    await super[Symbol.asyncDispose]()
  }

  #view(): RingView {
    return {
      ring: this.#ring,
      changes: this.#changes,
      isLive: (host) => this.#states.get(host) === 'alive',
      states: () => this.#states,
      keepersOf: (owner) => this.#ring.hosts.filter((host) => host !== owner),
    }
  }

  /** The first host of the ring has copies of all that are gone. */
  #copiesOf(name: string, owner: string): StageHost['store'] | undefined {
    const isHolder = this.#ring.hosts.find((host) => host !== owner && this.#states.get(host) === 'alive') === name
    return isHolder && this.#states.get(owner) !== 'alive' ? this.hosts.get(owner)?.store : undefined
  }
}
