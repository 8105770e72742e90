/** Both halves of orders over a bus in memory, with time in the test's hand. */
import { MemoryJournalStore } from '#agent/orders/memory-journal-store.ts'
import type { OrderHandler } from '#agent/orders/order-handler.ts'
import { OrderService as AgentOrders } from '#agent/orders/order-service.ts'
import { pingHandler } from '#agent/orders/ping-handler.ts'
import type { Bus } from '#broker/bus.ts'
import { MemoryBroker, type MemoryBrokerOptions } from '#broker/memory.ts'
import { generateNkey, type NkeyPair } from '#broker/nkey.ts'
import type { OrderHost } from '#controller/orders/order-hosts.ts'
import { OrderService } from '#controller/orders/order-service.ts'
import { MemoryRegistryStore } from '#controller/registry/memory-registry-store.ts'
import { FakeClock } from '#protocol/runtime/fake-clock.ts'
import { silentLogger } from '#protocol/runtime/logger.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'

export const web: Address = { tenant: 'main', cloud: 'home', host: 'web' }

export class OrderStage implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock()
  readonly key: NkeyPair = generateNkey()
  readonly broker: MemoryBroker
  readonly registry: Map<string, string> = new Map()
  readonly host: { -readonly [K in keyof OrderHost]: OrderHost[K] }
  store: MemoryJournalStore = new MemoryJournalStore()
  orders!: OrderService
  agent: AgentOrders | undefined
  readonly #buses: Bus[] = []
  #session = 0

  private constructor(options: MemoryBrokerOptions) {
    this.broker = new MemoryBroker({ clock: this.clock, logger: silentLogger }, options)
    this.host = { id: hostIdOf(web), isHere: false, hasLeft: false, session: 1, journal: this.store.facts.journal }
  }

  static async open(options: MemoryBrokerOptions = {}): Promise<OrderStage> {
    const stage = new OrderStage(options)
    await stage.startController()
    return stage
  }

  async startController(): Promise<void> {
    const { clock, key } = this
    const bus = this.#connect({ kind: 'controller' })
    this.orders = await OrderService.open(
      { session: ++this.#session },
      {
        bus,
        registry: new MemoryRegistryStore(this.registry),
        clock,
        logger: silentLogger,
        sign: (data) => key.sign(data),
        hosts: () => [this.host],
      },
    )
    await clock.advance(1)
  }

  /** The agent starts, as what the disk holds says. */
  async startAgent(handlers: readonly OrderHandler[] = [], allow: readonly string[] = ['*']): Promise<AgentOrders> {
    const { clock, store, key } = this
    const bus = this.#connect({ kind: 'agent', address: web })
    const agent = new AgentOrders(
      { address: web, key: key.publicKey, allow },
      { bus, store, clock, logger: silentLogger },
    )
    agent.start([pingHandler(), ...handlers])
    this.agent = agent
    this.host.session++
    this.host.journal = store.facts.journal
    this.host.isHere = true
    await clock.advance(300)
    return agent
  }

  connectController(): Bus {
    return this.#connect({ kind: 'controller' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.orders.close()
    const closing = this.agent?.close()
    await this.clock.advance(5000)
    await closing
    for (const bus of this.#buses) await bus.close()
  }

  #connect(role: Parameters<MemoryBroker['connect']>[0]): Bus {
    const bus = this.broker.connect(role)
    this.#buses.push(bus)
    return bus
  }
}
