/** A seed of the aggregation from beginning to end: hosts of two clouds, their aggregators, and the controller. */
import { parseAxe } from '#protocol/monitors/parse.ts'
import { type ContextPlan, planContext } from '#protocol/monitors/plan.ts'
import { AggregateFleet, everyMs } from './aggregate-fleet.ts'
import type { AggregateHost } from './aggregate-host.ts'
import { AggregateJudge } from './aggregate-judge.ts'
import { EventQueue } from './event-queue.ts'
import { Random } from './random.ts'
import { calm, SimNetwork } from './sim-network.ts'

const startMs = 1_764_000_000_000
const tickMs = 1_000
const faultsUntilMs = 100_000
/** Long enough for windows of the calm to have no look back on the faults. */
const endMs = 212_000
const judgedFromMs = 170_000
const judgedUntilMs = 200_000

const load = { of: 'load', component: 'web', window: '20s', every: '10s', lateness: '2s' }
const monitors = {
  pooled: { ...load, function: 'mean', scope: 'cloud' },
  p90: { ...load, function: 'p90', scope: 'cross-cloud' },
  busiest: { ...load, function: 'mean', reduce: 'top2', scope: 'cloud' },
  byInstance: { ...load, function: 'max', reduce: 'max', scope: 'cross-cloud', by: 'instance' },
  each: { ...load, function: 'mean' },
  hot: { from: 'each', above: 50, quantifier: { atLeast: '50%' }, scope: 'cross-cloud' },
  total: { ...load, function: 'last', reduce: 'sum', scope: 'cloud', coverage: '50%' },
  peak: { from: 'total', function: 'max', window: '40s' },
  share: { from: ['peak', 'total'], combine: 'divide' },
  widest: { from: 'peak', reduce: 'max', scope: 'cross-cloud' },
}

/** Monitors that look back on results, which may have been lost: judged in the calm only. */
const lookingBack = new Set(['peak', 'share', 'widest'])

export interface AggregateSeed {
  readonly seed: number
  /** Deaths of agents alone, on a bus that keeps everything: then no window may be wrong in the end, wherever it was. */
  readonly isQuiet?: boolean
}

export interface AggregateSummary {
  readonly events: number
  readonly faults: number
  readonly publications: number
  readonly revisions: number
}

/** Runs a seed; throws what was promised and not kept. */
export function runAggregateSeed(options: AggregateSeed): AggregateSummary {
  return new AggregateWorld(options).run()
}

class AggregateWorld {
  readonly #queue = new EventQueue()
  readonly #random: Random
  readonly #network: SimNetwork
  readonly #judge = new AggregateJudge()
  readonly #plan: ContextPlan
  readonly #fleet: AggregateFleet
  readonly #isQuiet: boolean
  #faults = 0
  #events = 0

  constructor({ seed, isQuiet = false }: AggregateSeed) {
    this.#random = new Random(seed)
    this.#network = new SimNetwork(this.#queue, this.#random)
    this.#isQuiet = isQuiet
    const parsed = parseAxe({ monitors }, { application: 'shop', components: ['web'] })
    if (parsed.issues.length > 0) throw new Error(JSON.stringify(parsed.issues))
    this.#plan = planContext({ application: 'shop', monitors: parsed.monitors })
    this.#fleet = new AggregateFleet({
      queue: this.#queue,
      random: this.#random,
      network: this.#network,
      judge: this.#judge,
      plan: this.#plan,
      startMs,
    })
  }

  get #nowMs(): number {
    return startMs + this.#queue.nowMs
  }

  run(): AggregateSummary {
    this.#fleet.restore()
    this.#every(1_000, () => this.#measure())
    this.#every(tickMs, () => this.#fleet.tick())
    if (!this.#isQuiet) this.#network.weather = { loss: 0.08, repeat: 0.1, delayMsMax: 300, late: 0.1, flip: 0 }
    this.#every(3_000, () => this.#breakSomething())
    this.#queue.schedule(faultsUntilMs, () => this.#calm())
    while (this.#queue.nowMs < endMs && this.#queue.step()) this.#events++
    const range = { fromMs: startMs + (this.#isQuiet ? 60_000 : judgedFromMs), untilMs: startMs + judgedUntilMs }
    const whole = { fromMs: startMs + 4 * everyMs, untilMs: startMs + judgedUntilMs }
    this.#judge.judge(this.#plan, this.#fleet.hosts, range, whole, (monitor) => !lookingBack.has(monitor))
    const { publications, revisions } = this.#judge
    return { events: this.#events, faults: this.#faults, publications, revisions }
  }

  #every(ms: number, run: () => void): void {
    this.#queue.schedule(ms, () => {
      run()
      if (this.#queue.nowMs < endMs) this.#every(ms, run)
    })
  }

  /** Each host runs an instance or two; a sample now and then is missing. */
  #measure(): void {
    for (const host of this.#fleet.hosts) {
      const instances = host.host.endsWith('1') ? ['a', 'b'] : ['a']
      for (const name of instances) {
        const isMeasured = host.isRunning && !this.#random.chance(0.1)
        if (!isMeasured) continue
        host.measure('load', `${host.host}-${name}`, this.#nowMs + host.skewMs, this.#random.int(0, 1_000) / 10)
      }
    }
  }

  #breakSomething(): void {
    if (this.#queue.nowMs > faultsUntilMs - 15_000) return
    const host = this.#random.pick(this.#fleet.hosts) as AggregateHost
    this.#faults++
    const kind = this.#isQuiet ? 0 : this.#random.int(0, 5)
    if (kind <= 1) this.#kill(host)
    else if (kind === 2) this.#partition(host)
    else if (kind === 3) this.#skew(host)
    else if (kind === 4) this.#restartController()
    else this.#freezeNetwork()
  }

  #kill(host: AggregateHost): void {
    if (!host.isRunning || this.#fleet.peers(host).filter((peer) => peer.isRunning).length < 2) return
    this.#fleet.killHost(host)
    this.#queue.schedule(this.#random.int(500, 25_000), () => this.#fleet.startHost(host))
  }

  #partition(host: AggregateHost): void {
    const others = [
      ...this.#fleet
        .peers(host)
        .filter((peer) => peer !== host)
        .map((peer) => peer.host),
      'controller',
    ]
    for (const other of others) {
      if (this.#random.chance(0.7)) this.#network.cut(host.host, other)
      if (this.#random.chance(0.7)) this.#network.cut(other, host.host)
    }
    this.#queue.schedule(this.#random.int(1_000, 20_000), () => this.#network.healAll())
  }

  /** Two days ahead, or off by less than the lateness that is allowed for. */
  #skew(host: AggregateHost): void {
    host.skewMs = this.#random.chance(0.3) ? 172_800_000 : this.#random.int(-1_000, 1_000)
    this.#queue.schedule(this.#random.int(5_000, 20_000), () => {
      host.skewMs = 0
    })
  }

  #restartController(): void {
    this.#fleet.stopController()
    this.#queue.schedule(this.#random.int(500, 8_000), () => this.#fleet.startController())
  }

  #freezeNetwork(): void {
    const { weather } = this.#network
    this.#network.weather = { ...weather, loss: 1 }
    this.#queue.schedule(this.#random.int(1_000, 12_000), () => {
      this.#network.weather = this.#queue.nowMs < faultsUntilMs ? weather : calm
    })
  }

  #calm(): void {
    this.#network.weather = calm
    this.#network.healAll()
    this.#fleet.restore()
  }
}
