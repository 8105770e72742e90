import type { OrderMutant } from '#controller/orders/mutant.ts'
import { OrderCore } from '#controller/orders/order-core.ts'
import type { OrderAction, OrderCoreOptions, OrderEvent, OrderWish } from '#controller/orders/order-events.ts'
import type { OrderFacts, OrderRow } from '#controller/orders/order-row.ts'
import type { Order } from '#protocol/orders/order.ts'
import { isTerminal } from '#protocol/orders/states.ts'
import type { EventQueue } from './event-queue.ts'
import { OrderDisk } from './order-disk.ts'
import type { OrderLedger } from './order-ledger.ts'
import type { Random } from './random.ts'

export interface OrderControllerDeps {
  readonly queue: EventQueue
  readonly random: Random
  readonly ledger: OrderLedger
  readonly send: (order: Order) => void
  readonly acknowledge: (target: string, id: string) => void
  readonly mutant: OrderMutant | undefined
}

/** What a host said last, and when. */
interface Presence {
  readonly session: number
  readonly heardAtMs: number
  readonly isHere: boolean
}

const silentMs = 5000
const options: OrderCoreOptions = {
  hostOpenMax: 1000,
  openMax: 10_000,
  openBytesMax: 1_000_000,
  settledMax: 10_000,
  settledBytesMax: 1_000_000,
  settledKeepMs: 600_000,
  sendsMax: 50,
}

/** The controller with the real core of orders: its disk, its clock, what it knows of hosts. */
export class OrderController {
  /** Wall clock less simulated time, ms. */
  skewMs = 1_000_000
  readonly #deps: OrderControllerDeps
  readonly #disk = new OrderDisk<OrderFacts, OrderRow>({ generation: 0, clockMs: 0 })
  readonly #gone = new Set<string>()
  #presence = new Map<string, Presence>()
  #core: OrderCore | undefined
  #session = 0
  #life = 0

  constructor(deps: OrderControllerDeps) {
    this.#deps = deps
  }

  get isRunning(): boolean {
    return this.#core !== undefined
  }

  start(): void {
    if (this.#core) return
    this.#session++
    this.#presence = new Map()
    this.#core = new OrderCore({ ...options, mutant: this.#deps.mutant }, this.#disk.facts, this.#disk.rows)
    // ends that a crash kept from being told stand in the registry all the same
    for (const { id, state } of this.#disk.rows) if (isTerminal(state)) this.#deps.ledger.settle(id, state)
    for (const target of this.#gone) this.step({ kind: 'gone', target })
    this.#tick(this.#life)
  }

  kill(losesPower: boolean): void {
    this.#life++
    this.#core = undefined
    if (losesPower) this.#disk.losePower(this.#deps.random)
  }

  issue(wish: OrderWish): void {
    this.step({ kind: 'issue', wish })
  }

  /** A host says that it is there. */
  beat(target: string, session: number, journal: string): void {
    const before = this.#presence.get(target)
    if (!this.#core || this.#gone.has(target) || (before && before.session > session)) return
    this.#presence.set(target, { session, heardAtMs: this.#deps.queue.nowMs, isHere: true })
    if (before?.session !== session || !before.isHere) this.step({ kind: 'host', target, isHere: true, journal })
  }

  /** An operator says that it will not come back. */
  give(target: string): void {
    this.#gone.add(target)
    this.step({ kind: 'gone', target })
  }

  step(event: OrderEvent): void {
    for (const action of this.#core?.step(event, this.#deps.queue.nowMs + this.skewMs) ?? []) this.#act(action)
  }

  #tick(life: number): void {
    this.#deps.queue.schedule(500, () => {
      if (this.#life !== life) return
      for (const [target, presence] of this.#presence) {
        if (!presence.isHere || this.#deps.queue.nowMs - presence.heardAtMs < silentMs) continue
        this.#presence.set(target, { ...presence, isHere: false })
        this.step({ kind: 'host', target, isHere: false, journal: undefined })
      }
      this.step({ kind: 'tick' })
      this.#tick(life)
    })
  }

  #act(action: OrderAction): void {
    const { ledger, acknowledge } = this.#deps
    switch (action.kind) {
      case 'write':
        return this.#write(action)
      case 'send':
        return this.#deps.send({
          ...action.row,
          journal: action.journal,
          session: this.#session,
          sentMs: action.sentMs,
        })
      case 'acknowledge':
        return acknowledge(action.target, action.id)
      case 'issued':
        ledger.issued.add(action.row.id)
        return
      case 'settled':
        return ledger.settle(action.row.id, action.row.state)
      case 'unissued':
    }
  }

  /** As the agent's: a crash before its end leaves a write done or not done. */
  #write({ facts, rows, sync }: Extract<OrderAction, { kind: 'write' }>): void {
    const { queue, random } = this.#deps
    const life = this.#life
    const isFailing = random.chance(0.02)
    queue.schedule(random.int(1, 30), () => {
      const isAlive = this.#life === life
      if ((isAlive && !isFailing) || random.chance(0.5)) this.#disk.write({ facts, rows }, sync)
      if (isAlive) this.step({ kind: isFailing ? 'unrecorded' : 'recorded' })
    })
  }
}
