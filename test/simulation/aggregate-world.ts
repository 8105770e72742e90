/** A seed of the aggregation from beginning to end: hosts of two clouds, their aggregators, and the controller. */
import { Ring } from '#agent/ring/placement.ts'
import type { MonitorPartial } from '#protocol/monitors/host-evaluation.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { decodePartialMessage } from '#protocol/monitors/partial-message-decoder.ts'
import { encodePartialMessage } from '#protocol/monitors/partial-message-encoder.ts'
import type { PartialMessage } from '#protocol/monitors/partial-message-format.ts'
import { type ContextPlan, planContext } from '#protocol/monitors/plan.ts'
import { type WideAction, WideCore, type WideEvent } from '#protocol/monitors/wide-core.ts'
import { AggregateHost } from './aggregate-host.ts'
import { AggregateJudge } from './aggregate-judge.ts'
import { EventQueue } from './event-queue.ts'
import { Random } from './random.ts'
import { calm, SimNetwork } from './sim-network.ts'

const startMs = 1_764_000_000_000
const tickMs = 1_000
const everyMs = 10_000
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
  readonly #hosts: AggregateHost[] = []
  readonly #rings = new Map<string, Ring>()
  readonly #diedAtMs = new Map<AggregateHost, number>()
  readonly #isQuiet: boolean
  #controller: WideCore | undefined
  #controllerSession = 0
  #faults = 0
  #events = 0

  constructor({ seed, isQuiet = false }: AggregateSeed) {
    this.#random = new Random(seed)
    this.#network = new SimNetwork(this.#queue, this.#random)
    this.#isQuiet = isQuiet
    const parsed = parseAxe({ monitors }, { application: 'shop', components: ['web'] })
    if (parsed.issues.length > 0) throw new Error(JSON.stringify(parsed.issues))
    this.#plan = planContext({ application: 'shop', monitors: parsed.monitors })
    for (const cloud of ['east', 'west']) {
      const hosts = Array.from(
        { length: this.#random.int(2, 3) },
        (_, i) => new AggregateHost(cloud, `${cloud}-${i}`, this.#plan),
      )
      this.#rings.set(cloud, new Ring(hosts.map(({ host }) => ({ host, zone: '' }))))
      this.#hosts.push(...hosts)
    }
  }

  get #nowMs(): number {
    return startMs + this.#queue.nowMs
  }

  run(): AggregateSummary {
    for (const host of this.#hosts) host.start(this.#nowMs)
    this.#startController()
    this.#every(1_000, () => this.#measure())
    this.#every(tickMs, () => this.#tick())
    if (!this.#isQuiet) this.#network.weather = { loss: 0.08, repeat: 0.1, delayMsMax: 300, late: 0.1, flip: 0 }
    this.#every(3_000, () => this.#breakSomething())
    this.#queue.schedule(faultsUntilMs, () => this.#calm())
    while (this.#queue.nowMs < endMs && this.#queue.step()) this.#events++
    const range = { fromMs: startMs + (this.#isQuiet ? 60_000 : judgedFromMs), untilMs: startMs + judgedUntilMs }
    const whole = { fromMs: startMs + 4 * everyMs, untilMs: startMs + judgedUntilMs }
    this.#judge.judge(this.#plan, this.#hosts, range, whole, (monitor) => !lookingBack.has(monitor))
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
    for (const host of this.#hosts) {
      const instances = host.host.endsWith('1') ? ['a', 'b'] : ['a']
      for (const name of instances) {
        const isMeasured = host.isRunning && !this.#random.chance(0.1)
        if (!isMeasured) continue
        host.measure('load', `${host.host}-${name}`, this.#nowMs + host.skewMs, this.#random.int(0, 1_000) / 10)
      }
    }
  }

  #tick(): void {
    for (const host of this.#hosts) {
      if (host.core === undefined) continue
      const ring = this.#rings.get(host.cloud) as Ring
      host.see(ring, (other) => this.#looksLive(host, other), this.#nowMs)
      for (const partial of host.evaluateDue(this.#nowMs + host.skewMs)) this.#tell(host, partial)
      this.#perform(host, host.core.step({ kind: 'tick' }, this.#nowMs + host.skewMs))
    }
    if (this.#controller !== undefined) this.#control(this.#controller.step({ kind: 'tick' }, this.#nowMs))
  }

  /** Silence is noticed after three seconds; who is cut off seems silent. */
  #looksLive(from: AggregateHost, host: string): boolean {
    const other = this.#hosts.find((each) => each.host === host) as AggregateHost
    if (this.#network.isCut(host, from.host)) return false
    return other.isRunning || this.#nowMs - (this.#diedAtMs.get(other) ?? 0) < 3_000
  }

  #tell(host: AggregateHost, partial: MonitorPartial): void {
    const message = this.#ownMessage(host, partial)
    this.#send(host, this.#peers(host), partial.monitor, message)
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
      this.#network.send(from.host, each.host, () => {
        if (each.core?.computes('shop', monitor) !== true) return
        const event = {
          kind: 'partial',
          from: of,
          application: 'shop',
          monitor,
          message: decodePartialMessage(body),
        } as const
        each.core.step(event, this.#nowMs + each.skewMs)
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
        this.#recall(host.cloud, action, (event) => host.core?.step(event, this.#nowMs + host.skewMs))
      else {
        const { body } = encodePartialMessage(action.message)
        this.#network.send(host.host, 'controller', () => {
          const { application, monitor } = action
          this.#controller?.step(
            { kind: 'partial', from: host.cloud, application, monitor, message: decodePartialMessage(body) },
            this.#nowMs,
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
    if (windowEndMs <= this.#nowMs + 1_000)
      this.#judge.published(host.cloud, by, monitor, windowEndMs, results, revision)
    for (const other of this.#peers(host)) {
      this.#network.send(host.host, other.host, () => {
        const event = { kind: 'published', by, application, monitor, windowEndMs, results, revision } as const
        if (other.core !== undefined) this.#perform(other, other.core.step(event, this.#nowMs + other.skewMs))
      })
    }
  }

  /** The ring has copies of what aggregators recorded. */
  #recall(
    place: string,
    { application, monitor, fromMs }: Extract<WideAction, { kind: 'recall' }>,
    tell: (event: Extract<WideEvent, { kind: 'history' }>) => void,
  ): void {
    this.#queue.schedule(this.#random.int(1, 400), () => {
      const results = this.#judge.recorded(place, monitor, fromMs, this.#nowMs, everyMs)
      tell({ kind: 'history', application, monitor, fromMs, results })
    })
  }

  /** A silent member's samples are held by another, who answers in its place. */
  #ask(
    asker: AggregateHost,
    member: string,
    window: { application: string; monitor: string; windowEndMs: number },
  ): void {
    const asked = this.#hosts.find(({ host }) => host === member) as AggregateHost
    const holder = this.#peers(asked).find((peer) => peer.isRunning && !this.#network.isCut(asker.host, peer.host))
    const answerer = asked.isRunning ? asked : holder
    if (answerer === undefined) return
    this.#network.send(asker.host, answerer.host, () => {
      const partial = answerer.isRunning ? asked.answer(window) : undefined
      if (partial !== undefined) this.#send(answerer, [asker], window.monitor, this.#ownMessage(asked, partial), member)
    })
  }

  /** All of the cloud, itself included. */
  #peers(host: AggregateHost): AggregateHost[] {
    return this.#hosts.filter(({ cloud }) => cloud === host.cloud)
  }

  #startController(): void {
    this.#controllerSession++
    const self = { host: '_controller', session: this.#controllerSession }
    this.#controller = new WideCore({ scope: 'cross-cloud', self })
    this.#controller.step({ kind: 'plans', plans: [this.#plan] }, this.#nowMs)
    this.#controller.step({ kind: 'members', members: ['east', 'west'] }, this.#nowMs)
  }

  /** The controller asks whoever aggregates; the merged partials it lacks come again from the aggregator's next revision only. */
  #control(actions: readonly WideAction[]): void {
    const by = { host: '_controller', session: this.#controllerSession }
    for (const action of actions) {
      if (action.kind === 'recall') this.#recall('', action, (event) => this.#controller?.step(event, this.#nowMs))
      if (action.kind !== 'publish') continue
      this.#judge.published('', by, action.monitor, action.windowEndMs, action.results, action.revision)
    }
  }

  #breakSomething(): void {
    if (this.#queue.nowMs > faultsUntilMs - 15_000) return
    const host = this.#random.pick(this.#hosts) as AggregateHost
    this.#faults++
    const kind = this.#isQuiet ? 0 : this.#random.int(0, 5)
    if (kind <= 1) this.#kill(host)
    else if (kind === 2) this.#partition(host)
    else if (kind === 3) this.#skew(host)
    else if (kind === 4) this.#restartController()
    else this.#freezeNetwork()
  }

  #kill(host: AggregateHost): void {
    if (!host.isRunning || this.#peers(host).filter((peer) => peer.isRunning).length < 2) return
    host.kill()
    this.#diedAtMs.set(host, this.#nowMs)
    this.#queue.schedule(this.#random.int(500, 25_000), () => {
      if (!host.isRunning) host.start(this.#nowMs + host.skewMs)
    })
  }

  #partition(host: AggregateHost): void {
    const others = [
      ...this.#peers(host)
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
    this.#controller = undefined
    this.#queue.schedule(this.#random.int(500, 8_000), () => {
      if (this.#controller === undefined) this.#startController()
    })
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
    for (const host of this.#hosts) {
      host.skewMs = 0
      if (!host.isRunning) host.start(this.#nowMs)
    }
    if (this.#controller === undefined) this.#startController()
  }
}
