/** What breaks while rules decide: agents, sensors, clocks, links, the controller, and values that lie. */
import type { AggregateFleet } from './aggregate-fleet.ts'
import type { AggregateHost } from './aggregate-host.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'
import { calm, type SimNetwork, type Weather } from './sim-network.ts'

export interface RulesFaultsParts {
  readonly queue: EventQueue
  readonly random: Random
  readonly network: SimNetwork
  readonly fleet: AggregateFleet
}

const weather: Weather = { loss: 0.05, repeat: 0.1, delayMsMax: 300, late: 0.05, flip: 0 }
const twoDaysMs = 172_800_000
/** Longer than the grace in which the ring keeps a silent host. */
const longMs = 80_000

export class RulesFaults {
  readonly #parts: RulesFaultsParts
  readonly #silent = new Set<AggregateHost>()
  readonly #factors = new Map<AggregateHost, number>()
  #untilMs = 0
  count = 0

  constructor(parts: RulesFaultsParts) {
    this.#parts = parts
  }

  start(untilMs: number): void {
    const { queue, network } = this.#parts
    this.#untilMs = untilMs
    network.weather = weather
    this.#next()
    queue.schedule(untilMs, () => this.#calm())
  }

  /** Its sensors have stopped, or its series are gone, while the agent lives. */
  isSilent(host: AggregateHost): boolean {
    return this.#silent.has(host)
  }

  /** What its values are multiplied by: a spike once, a lie for a while. */
  factorOf(host: AggregateHost): number {
    const factor = this.#factors.get(host) ?? 1
    if (factor >= 10) this.#factors.delete(host)
    return factor
  }

  breakHost(host: AggregateHost): void {
    const { random } = this.#parts
    this.count++
    const kind = random.int(0, 3)
    if (kind <= 1) this.#kill(host)
    else if (kind === 2) this.#silence(host)
    else this.#skew(host)
  }

  #next(): void {
    const { queue, random } = this.#parts
    queue.schedule(random.int(5_000, 40_000), () => {
      if (queue.nowMs >= this.#untilMs) return
      this.#break()
      this.#next()
    })
  }

  #break(): void {
    const { random, fleet } = this.#parts
    const host = random.pick(fleet.hosts) as AggregateHost
    const kind = random.int(0, 6)
    if (kind <= 1) return this.breakHost(host)
    this.count++
    if (kind === 2) for (const each of fleet.hosts) if (random.chance(0.5)) this.#kill(each)
    if (kind === 3) this.#restartController()
    if (kind === 4) this.#cut(host)
    if (kind === 5) this.#freeze()
    if (kind === 6) this.#factors.set(host, random.pick([100, 0.8, 1.1]) as number)
  }

  /** For a moment, or for longer than the ring waits. */
  #later(run: () => void): void {
    const { queue, random } = this.#parts
    queue.schedule(random.chance(0.6) ? random.int(30_000, longMs) : random.int(500, 15_000), run)
  }

  #kill(host: AggregateHost): void {
    const { fleet } = this.#parts
    fleet.killHost(host)
    this.#later(() => fleet.startHost(host))
  }

  #silence(host: AggregateHost): void {
    this.#silent.add(host)
    this.#later(() => this.#silent.delete(host))
  }

  #skew(host: AggregateHost): void {
    host.skewMs = twoDaysMs
    this.#later(() => {
      host.skewMs = 0
    })
  }

  #restartController(): void {
    const { fleet } = this.#parts
    fleet.stopController()
    this.#later(() => fleet.startController())
  }

  /** A host, or all of its cloud, does not get through to the controller. */
  #cut(host: AggregateHost): void {
    const { fleet, network, random } = this.#parts
    const isCloud = random.chance(0.5)
    for (const each of isCloud ? fleet.peers(host) : [host]) network.cut(each.host, 'controller')
    for (const peer of fleet.peers(host)) if (!isCloud && peer !== host) network.cut(host.host, peer.host)
    this.#later(() => network.healAll())
  }

  /** The broker is down. */
  #freeze(): void {
    const { network, queue } = this.#parts
    network.weather = { ...weather, loss: 1 }
    this.#later(() => {
      network.weather = queue.nowMs < this.#untilMs ? weather : calm
    })
  }

  #calm(): void {
    const { network, fleet } = this.#parts
    network.weather = calm
    network.healAll()
    fleet.restore()
    this.#silent.clear()
    this.#factors.clear()
  }
}
