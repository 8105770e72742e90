/** A seed of the rules from beginning to end: whatever fails, a count is lowered only when all instances really were idle. */
import type { RuleContext } from '#controller/rules/rule-book.ts'
import type { MonitorResult } from '#protocol/monitors/model.ts'
import { parseAxe } from '#protocol/monitors/parse.ts'
import { type ContextPlan, planContext } from '#protocol/monitors/plan.ts'
import { AggregateFleet, everyMs } from './aggregate-fleet.ts'
import type { AggregateHost } from './aggregate-host.ts'
import { AggregateJudge } from './aggregate-judge.ts'
import { EventQueue } from './event-queue.ts'
import { Random } from './random.ts'
import { type CountChange, type RuleDisk, RulesController } from './rules-controller.ts'
import { RulesFaults } from './rules-faults.ts'
import { RulesTruth } from './rules-truth.ts'
import { SimNetwork } from './sim-network.ts'

const startMs = 1_764_000_000_000
const sampleEveryMs = 2_000
const windowMs = 30_000
const faultsUntilMs = 160_000
/** All instances idle from the end of the faults to here, then busy. */
const idleUntilMs = 260_000
const endMs = 320_000
const countMin = 2
const countMax = 7

/**
 * A rule lowers below this mean. Less than `every` of a window may go unmeasured without anybody noticing, so the true mean is at most
 * two thirds of it and one third of the highest load.
 */
const idleBelow = 14
const truthBelow = (idleBelow * 2) / 3 + 100 / 3

const load = { of: 'load', function: 'mean', window: '30s', every: '10s', lateness: '2s' }

/** @param filter with a component, as many inputs are expected as it should have instances */
function monitorsOf(filter: object): Record<string, object> {
  return {
    each: { ...load, ...filter },
    cloud: { ...load, ...filter, scope: 'cloud', coverage: '50%' },
    peak: { from: 'cloud', function: 'max', window: '30s' },
  }
}

/** What a lowering looks at, and how far back. */
const idleConditions = [
  { when: { every: 'each', below: idleBelow }, isOfCloud: false, windows: 1 },
  { when: { not: { some: 'each', atOrAbove: idleBelow } }, isOfCloud: false, windows: 1 },
  { when: { every: 'cloud', below: idleBelow }, isOfCloud: true, windows: 1 },
  { when: { every: 'peak', below: idleBelow }, isOfCloud: true, windows: 3 },
] as const

/** Faults planted into what is tested, each of which must be found. */
export type RulesMutant = 'unknown_is_false' | 'gaps_ignored'

export interface RulesSeed {
  readonly seed: number
  readonly mutant?: RulesMutant | undefined
}

export interface RulesSummary {
  readonly events: number
  readonly faults: number
  readonly lowered: number
  readonly raised: number
}

/** Runs a seed; throws what was promised and not kept. */
export function runRulesSeed(options: RulesSeed): RulesSummary {
  return new RulesWorld(options).run()
}

class RulesWorld {
  readonly #queue = new EventQueue()
  readonly #random: Random
  readonly #network: SimNetwork
  readonly #judge = new AggregateJudge()
  readonly #truth = new RulesTruth()
  readonly #plan: ContextPlan
  readonly #context: RuleContext
  readonly #condition: (typeof idleConditions)[number]
  readonly #stabilisationMs: number
  readonly #fleet: AggregateFleet
  readonly #faults: RulesFaults
  readonly #disk: RuleDisk
  readonly #mutant: RulesMutant | undefined
  /** Instances that run, in the order they began. */
  readonly #instances: { readonly name: string; readonly host: AggregateHost; load: number }[] = []
  #rules: RulesController | undefined
  #made = 0
  #events = 0
  #lowered = 0
  #raised = 0

  constructor({ seed, mutant }: RulesSeed) {
    const random = new Random(seed)
    this.#random = random
    this.#mutant = mutant
    this.#network = new SimNetwork(this.#queue, random)
    this.#condition = idleConditions[seed % idleConditions.length] as (typeof idleConditions)[number]
    this.#stabilisationMs = everyMs * random.int(0, 3)
    const rules = {
      grow: {
        when: { some: this.#condition.isOfCloud ? 'cloud' : 'each', above: 70 },
        then: { scale: 'web', by: 1 },
        cooldown: '20s',
      },
      shrink: {
        when: this.#condition.when,
        then: { scale: 'web', by: -1 },
        cooldown: '20s',
        stabilisation: { up: '0s', down: `${this.#stabilisationMs / 1_000}s` },
        onMissing: random.pick(['hold', 'true', 'false']),
      },
    }
    const monitors = monitorsOf(seed % 8 < idleConditions.length ? { component: 'web' } : {})
    const parsed = parseAxe({ monitors, rules }, { application: 'shop', components: ['web'] })
    if (parsed.issues.length > 0) throw new Error(JSON.stringify(parsed.issues))
    this.#plan = planContext({ application: 'shop', monitors: parsed.monitors })
    const components = new Map([['web', { min: countMin, max: countMax }]])
    this.#context = { application: 'shop', rules: parsed.rules, monitors: parsed.monitors, components }
    this.#fleet = new AggregateFleet({
      queue: this.#queue,
      random,
      network: this.#network,
      judge: this.#judge,
      plan: this.#plan,
      startMs,
      graceMs: 25_000,
      wantedOf: (_, __, atMs) => this.#wantedAt(atMs),
      onResults: ({ monitor, windowEndMs, results }) => {
        this.#rules?.tell(
          monitor,
          windowEndMs,
          results.map((result) => this.#told(result)),
        )
      },
    })
    const wanted = this.#fleet.hosts.length
    this.#disk = { wanted, counts: [[0, wanted]], scaling: {}, memories: new Map(), decisions: new Set() }
    this.#faults = new RulesFaults({ queue: this.#queue, random, network: this.#network, fleet: this.#fleet })
  }

  run(): RulesSummary {
    this.#fleet.restore()
    for (const host of this.#fleet.hosts) this.#begin(host)
    this.#every(10_000, () => this.#changeLoads())
    this.#every(sampleEveryMs, () => this.#measure())
    this.#every(1_000, () => this.#tick())
    this.#faults.start(faultsUntilMs)
    while (this.#queue.nowMs < endMs && this.#queue.step()) this.#events++
    this.#checkEnd()
    return { events: this.#events, faults: this.#faults.count, lowered: this.#lowered, raised: this.#raised }
  }

  get #nowMs(): number {
    return this.#fleet.nowMs
  }

  #every(ms: number, run: () => void): void {
    this.#queue.schedule(ms, () => {
      run()
      if (this.#queue.nowMs < endMs) this.#every(ms, run)
    })
  }

  #tick(): void {
    this.#fleet.tick()
    if (!this.#fleet.hasController) this.#rules = undefined
    else {
      this.#rules ??= new RulesController(this.#context, this.#disk, this.#nowMs, (change) => this.#changed(change))
      this.#rules.tick(this.#nowMs)
    }
  }

  /** As the rules are told, with the faults that are planted. */
  #told(result: MonitorResult): MonitorResult {
    const { value, expected, gaps } = result
    if (this.#mutant === 'unknown_is_false' && value === null) return { ...result, value: 0, known: expected, gaps: 0 }
    if (this.#mutant === 'gaps_ignored' && gaps !== undefined) return { ...result, gaps: 0 }
    return result
  }

  /** All idle, or all but one host, or all busy, for a while; who is busy alone is likely to fail next. */
  #changeLoads(): void {
    const { nowMs } = this.#queue
    const isCalm = nowMs >= faultsUntilMs
    if (!isCalm && this.#random.chance(0.8)) return
    const kind = isCalm ? (nowMs < idleUntilMs ? 'idle' : 'busy') : this.#random.pick(['idle', 'one', 'one', 'busy'])
    const one = kind === 'one' ? this.#random.pick(this.#instances)?.host : undefined
    for (const instance of this.#instances) instance.load = instance.host === one ? 98 : kind === 'busy' ? 85 : 8
    if (one !== undefined && this.#random.chance(0.9)) this.#faults.breakHost(one)
  }

  #measure(): void {
    for (const { name, host, load: base } of this.#instances) {
      const value =
        (base + this.#random.int(-5, 5)) * (this.#queue.nowMs < faultsUntilMs ? this.#faults.factorOf(host) : 1)
      this.#truth.sample(name, this.#nowMs, value)
      if (!host.isRunning || this.#faults.isSilent(host)) continue
      if (this.#queue.nowMs < faultsUntilMs && this.#random.chance(0.03)) continue
      host.measure('load', name, this.#nowMs + host.skewMs, value)
    }
  }

  #begin(host: AggregateHost): void {
    const name = `${host.host}-${this.#made++}`
    this.#instances.push({ name, host, load: 50 })
    this.#truth.began(name, host.cloud, this.#nowMs)
  }

  #end(): void {
    const gone = this.#instances.pop()
    if (gone === undefined) return
    this.#truth.ended(gone.name, this.#nowMs)
    gone.host.instanceGone(gone.name, this.#nowMs)
  }

  #wantedAt(atMs: number): number {
    return this.#disk.counts.findLast(([sinceMs]) => sinceMs <= atMs)?.[1] ?? 0
  }

  #changed({ decision, from, to }: CountChange): void {
    if (to < countMin || to > countMax) {
      throw new Error(`${decision.id} made the count ${to}, ${countMin} to ${countMax} are allowed`)
    }
    if (to > from) this.#raised++
    else this.#lowered++
    if (to < from) this.#checkLowered(decision.id, decision.windowEndMs)
    for (let count = from; count < to; count++) this.#begin(this.#random.pick(this.#fleet.hosts) as AggregateHost)
    for (let count = from; count > to; count--) this.#end()
  }

  #checkLowered(id: string, windowEndMs: number): void {
    const { isOfCloud, windows } = this.#condition
    const sinceMs = windowEndMs - this.#stabilisationMs - (windows - 1) * everyMs
    for (let end = sinceMs; end <= windowEndMs; end += everyMs) {
      const highest = isOfCloud ? this.#truth.highestCloudMean(end, windowMs) : this.#truth.highestMean(end, windowMs)
      if (highest < truthBelow) continue
      throw new Error(`${id} lowered though a mean up to ${end} was ${highest}, below ${truthBelow} was asked`)
    }
  }

  /** Behind the faults: what is published is what the samples say, idle instances were taken away, busy ones brought more. */
  #checkEnd(): void {
    const range = { fromMs: startMs + idleUntilMs, untilMs: startMs + endMs - 3 * everyMs }
    const wantedOf = (_: string, __: string, atMs: number): number => this.#wantedAt(atMs)
    this.#judge.judge(this.#plan, this.#fleet.hosts, range, range, () => false, wantedOf)
    const idle = this.#wantedAt(startMs + idleUntilMs)
    const isLowered = this.#disk.counts.some(([atMs, count], i) => {
      const isCalm = atMs > startMs + faultsUntilMs && atMs <= startMs + idleUntilMs
      return isCalm && count < (this.#disk.counts[i - 1]?.[1] ?? 0)
    })
    if (idle > countMin && !isLowered) throw new Error(`nothing was lowered of ${idle} though all were idle`)
    if (this.#disk.wanted <= idle) throw new Error(`nothing was added to ${idle} though all were busy`)
  }
}
