/** One controller and a few agents from one seed: orders over a network and disks that fail, until every order has its end. */
import type { JournalMutant } from '#agent/orders/mutant.ts'
import type { OrderMutant } from '#controller/orders/mutant.ts'
import { messageOf } from '#protocol/errors.ts'
import type { Order } from '#protocol/orders/order.ts'
import type { OrderReport } from '#protocol/orders/report.ts'
import { EventQueue } from './event-queue.ts'
import { OrderAgent } from './order-agent.ts'
import { OrderController } from './order-controller.ts'
import { OrderLedger } from './order-ledger.ts'
import { Random } from './random.ts'
import { calm, SimNetwork, type Weather } from './sim-network.ts'

export interface OrderSeed {
  readonly seed: number
  readonly mutant?: JournalMutant | OrderMutant | undefined
}

export interface OrderSummary {
  readonly faults: number
  /** Ends by state. */
  readonly ends: Readonly<Record<string, number>>
}

const storm: Weather = { loss: 0.25, repeat: 0.2, delayMsMax: 500, late: 0.1, flip: 0 }
const drizzle: Weather = { loss: 0.05, repeat: 0.05, delayMsMax: 60, late: 0.02, flip: 0 }
const faultsEndMs = 120_000
/** Longer than any order is valid, any clock behind, any wait between two sendings. */
const endMs = 700_000
const keepsOfCopies = 200

/** Runs one seed; throws an error that names it when a promise is broken. */
export function runOrders({ seed, mutant }: OrderSeed): OrderSummary {
  const world = new OrderWorld(seed, mutant)
  try {
    return world.run()
  } catch (error) {
    throw new Error(`orders, seed ${seed}: ${messageOf(error)}`, { cause: error })
  }
}

class OrderWorld {
  readonly #queue = new EventQueue()
  readonly #random: Random
  readonly #network: SimNetwork
  readonly #ledger = new OrderLedger()
  readonly #controller: OrderController
  readonly #agents: OrderAgent[]
  readonly #gone = new Set<OrderAgent>()
  /** Messages somebody kept, to send them again when it suits them. */
  readonly #copies: Order[] = []
  #faults = 0
  #ids = 0

  constructor(seed: number, mutant: OrderSeed['mutant']) {
    const queue = this.#queue
    const random = new Random(seed)
    const ledger = this.#ledger
    this.#random = random
    this.#network = new SimNetwork(queue, random)
    this.#network.weather = drizzle
    this.#controller = new OrderController({
      queue,
      random,
      ledger,
      send: (order) => this.#send(order),
      acknowledge: (target, id) => this.#toAgent(target, (agent) => agent.event({ kind: 'settled', ids: [id] })),
      mutant: mutant as OrderMutant | undefined,
    })
    this.#agents = Array.from({ length: random.int(2, 4) }, (_, i) => {
      const report = ({ target }: OrderAgent, report: OrderReport): void =>
        this.#network.send(target, 'controller', () => this.#controller.step({ kind: 'reported', target, report }))
      return new OrderAgent(`t.c.h${i}`, { queue, random, ledger, report, mutant: mutant as JournalMutant | undefined })
    })
  }

  run(): OrderSummary {
    this.#controller.start()
    for (const agent of this.#agents) {
      agent.start()
      this.#beat(agent)
    }
    this.#issueNext()
    this.#breakNext()
    this.#runUntil(faultsEndMs)
    this.#repair()
    this.#runUntil(endMs)
    this.#ledger.checkAll()
    const ends: Record<string, number> = {}
    for (const state of this.#ledger.settled.values()) ends[state] = (ends[state] ?? 0) + 1
    return { faults: this.#faults, ends }
  }

  #runUntil(ms: number): void {
    while (this.#queue.nowMs < ms && this.#queue.step());
  }

  #send(order: Order): void {
    this.#copies.push(order)
    if (this.#copies.length > keepsOfCopies) this.#copies.shift()
    this.#toAgent(order.target, (agent) => agent.hear(order))
  }

  #toAgent(target: string, deliver: (agent: OrderAgent) => void): void {
    this.#network.send('controller', target, () => {
      const agent = this.#agents.find((one) => one.target === target)
      if (agent) deliver(agent)
    })
  }

  #beat(agent: OrderAgent): void {
    this.#queue.schedule(1000, () => {
      const { target, session, journal } = agent
      if (agent.isRunning) {
        this.#network.send(target, 'controller', () => this.#controller.beat(target, session, journal))
      }
      this.#beat(agent)
    })
  }

  #issueNext(): void {
    this.#queue.schedule(this.#random.int(50, 2500), () => {
      if (this.#queue.nowMs > faultsEndMs) return
      const agent = this.#random.pick(this.#agents)
      const id = `ord-${this.#ids++}`
      const key = this.#random.chance(0.5) ? `key-${this.#random.int(1, 2)}` : id
      // `renew`: what it did is found out by the next process of the agent
      const verb = this.#random.chance(0.05) ? 'forbidden' : this.#ids % 5 === 0 ? 'renew' : 'work'
      const lifetimeMs = this.#random.int(500, this.#random.chance(0.3) ? 90_000 : 15_000)
      if (agent) this.#controller.issue({ id, target: agent.target, verb, key, body: '', lifetimeMs })
      if (this.#random.chance(0.05)) this.#controller.step({ kind: 'cancel', id })
      this.#issueNext()
    })
  }

  #breakNext(): void {
    this.#queue.schedule(this.#random.int(300, 4000), () => {
      if (this.#queue.nowMs > faultsEndMs) return
      const agent = this.#random.pick(this.#agents)
      if (agent && !this.#gone.has(agent)) this.#break(agent)
      this.#faults++
      this.#breakNext()
    })
  }

  #break(agent: OrderAgent): void {
    const random = this.#random
    const faults: readonly (() => void)[] = [
      () => this.#crashAgent(agent),
      () => this.#crashAgent(agent),
      () => this.#crashController(),
      () => this.#cut(agent),
      () => this.#replay(),
      () => this.#replay(),
      () => this.#setWeather(random.chance(0.5) ? storm : drizzle),
      () => this.#stepClock(),
      () => this.#forge(agent),
      () => random.chance(0.3) && this.#wipe(agent),
      () => random.chance(0.1) && this.#remove(agent),
    ]
    random.pick(faults)?.()
  }

  #crashAgent(agent: OrderAgent): void {
    agent.kill(this.#random.chance(0.5))
    this.#startLater(agent)
  }

  #startLater(agent: OrderAgent): void {
    this.#queue.schedule(this.#random.int(100, this.#random.chance(0.3) ? 30_000 : 3000), () => {
      if (!this.#gone.has(agent)) agent.start()
    })
  }

  #crashController(): void {
    this.#controller.kill(this.#random.chance(0.5))
    this.#queue.schedule(this.#random.int(100, 8000), () => this.#controller.start())
  }

  #cut(agent: OrderAgent): void {
    this.#network.cut('controller', agent.target)
    if (this.#random.chance(0.5)) this.#network.cut(agent.target, 'controller')
    this.#queue.schedule(this.#random.int(1000, 20_000), () => this.#network.healAll())
  }

  /** A message of long ago comes once more. */
  #replay(): void {
    const copy = this.#random.pick(this.#copies)
    if (copy) this.#toAgent(copy.target, (agent) => agent.hear(copy))
  }

  #setWeather(weather: Weather): void {
    this.#network.weather = weather
  }

  #stepClock(): void {
    this.#controller.skewMs += this.#random.int(-20_000, 20_000)
  }

  /** Somebody says something under the id of an order that the agent may have or not. */
  #forge(agent: OrderAgent): void {
    const copy = this.#random.pick(this.#copies)
    const refusal = { code: 'ORDER_UNSIGNED', reason: 'forged' }
    if (copy) agent.event({ kind: 'unverified', id: copy.id, verb: copy.verb, refusal })
  }

  #wipe(agent: OrderAgent): void {
    agent.wipe()
    this.#startLater(agent)
  }

  #remove(agent: OrderAgent): void {
    agent.kill(true)
    this.#gone.add(agent)
    this.#controller.give(agent.target)
  }

  #repair(): void {
    this.#network.healAll()
    this.#network.weather = calm
    this.#controller.start()
    for (const agent of this.#agents) if (!this.#gone.has(agent)) agent.start()
  }
}
