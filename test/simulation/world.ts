/**
 * A fleet from one seed: hosts in two clouds, a bad network, faults, and then a calm in which everything must come right again.
 * Invariants are checked as things happen, convergence at the end.
 */
import type { Lane } from '#agent/ring/lane.ts'
import { decodeMessage } from '#agent/ring/message-decoder.ts'
import { encodeMessage } from '#agent/ring/message-encoder.ts'
import type { RingMutant } from '#agent/ring/mutant.ts'
import type { RingAction, RingReport } from '#agent/ring/node.ts'
import type { RingMessage } from '#agent/ring/ring-message.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { findUnsettled } from './convergence.ts'
import { EventQueue } from './event-queue.ts'
import { FaultPlan } from './fault-plan.ts'
import { Ledger, Violation } from './ledger.ts'
import { Random } from './random.ts'
import { SimDisk } from './sim-disk.ts'
import { SimHost, type SimWorld } from './sim-host.ts'
import { calm, SimNetwork } from './sim-network.ts'
import { Watchdog } from './watchdog.ts'

export interface SeedOptions {
  readonly seed: number
  readonly mutant?: RingMutant | undefined
  /** Numbers of faults to leave out. */
  readonly skips?: ReadonlySet<number> | undefined
  /** Faults from this number on are left out too. */
  readonly faultsMax?: number | undefined
}

/** What a seed did, when it broke no promise. */
export interface SeedSummary {
  readonly seed: number
  readonly hosts: number
  readonly events: number
  readonly faults: number
  readonly simulatedMs: number
  /** From the end of the faults to everything in its place, ms. */
  readonly settledMs: number
}

/** At least this much happens in each seed. */
export const eventsMin = 5000
export const faultsMin = 10
/** Everything must be in its place so long after the last fault. */
const settleMsMax = 240_000
/** Lines of a trace kept, and shown. */
const traceMax = 400
const traceShown = 60

export class World implements SimWorld {
  readonly seed: number
  readonly queue: EventQueue = new EventQueue()
  readonly random: Random
  readonly network: SimNetwork
  readonly ledger: Ledger = new Ledger()
  readonly watchdog: Watchdog
  readonly mutant: RingMutant | undefined
  readonly copies: number
  readonly quotaBytes: number
  /** All machines that ever were; a clone is a machine of its own. */
  readonly hosts: SimHost[] = []
  readonly trace: string[] = []
  readonly plan: FaultPlan
  readonly #goesAsBytes: boolean
  #nextContent = 1
  #names = 0
  events = 0
  isCalm = false

  constructor({ seed, mutant, skips = new Set(), faultsMax = Number.POSITIVE_INFINITY }: SeedOptions) {
    this.seed = seed
    this.mutant = mutant
    this.random = new Random(seed)
    this.network = new SimNetwork(this.queue, this.random)
    this.watchdog = new Watchdog(this.ledger)
    this.copies = this.random.pick([2, 3, 3, 3, 4]) ?? 3
    this.quotaBytes = this.random.chance(0.2) ? this.random.int(700, 2500) : 10_000_000
    this.#goesAsBytes = this.random.chance(0.2)
    this.plan = new FaultPlan(this, (fault) => skips.has(fault) || fault >= faultsMax)
  }

  run(): SeedSummary {
    const { random, plan } = this
    const sizes = random.chance(0.01) ? [random.int(20, 45), 5] : [random.int(4, 7), random.int(1, 3)]
    for (const [cloud, size] of sizes.entries()) for (let i = 0; i < size; i++) this.addHost(`cloud-${cloud}`)
    plan.begin()
    const faultMs = random.int(45_000, 75_000)
    this.#runWhile(() => this.queue.nowMs < faultMs || plan.count < faultsMin)
    plan.end()
    this.note('calm')
    this.isCalm = true
    this.network.weather = calm
    const calmFromMs = this.queue.nowMs
    const settledAtMs = this.#settle(calmFromMs)
    this.#runWhile(() => this.events < eventsMin)
    this.ledgerCheck()
    return {
      seed: this.seed,
      hosts: this.hosts.length,
      events: this.events,
      faults: plan.count,
      simulatedMs: Math.round(this.queue.nowMs),
      settledMs: Math.round(settledAtMs - calmFromMs),
    }
  }

  #runWhile(goesOn: () => boolean): void {
    while (goesOn() && this.queue.step()) this.events++
  }

  /** Runs until nothing is unsettled; when that was. */
  #settle(fromMs: number): number {
    for (let atMs = fromMs + 3000; ; atMs += 3000) {
      this.#runWhile(() => this.queue.nowMs < atMs)
      const unsettled = findUnsettled(this)
      if (unsettled === undefined) return this.queue.nowMs
      if (atMs - fromMs > settleMsMax) throw new Violation('everything comes right again', unsettled)
    }
  }

  /** Every acknowledged sample is still on some disk, under the name that its owner gave it. */
  ledgerCheck(): void {
    this.watchdog.checkReadable(this.hosts, this.copies - 1)
    this.watchdog.checkNames(this.hosts)
  }

  note(text: string): void {
    this.trace.push(`${(this.queue.nowMs / 1000).toFixed(3)} ${text}`)
    if (this.trace.length > traceMax) this.trace.splice(0, traceMax / 2)
  }

  /** A new machine, which starts at once. */
  addHost(cloud: string): SimHost {
    const { random, copies, quotaBytes, mutant } = this
    const host = `h${this.#names++}`
    const zone = random.pick(['a', 'a', 'b', '']) ?? ''
    const options = { host, cloud, zone, copies, quotaBytes, mutant }
    const machine = new SimHost(options, this.newDisk(host), this)
    this.hosts.push(machine)
    this.note(`${host} starts in ${cloud}, zone ${zone || 'none'}`)
    machine.start()
    this.#feed(machine)
    return machine
  }

  newDisk(host: string): SimDisk {
    return new SimDisk(`store-${host}-${this.random.int(0, 1_000_000_000)}`)
  }

  /** Another machine with the same identity and the same disk. */
  clone(of: SimHost): SimHost {
    const machine = new SimHost(of.options, SimDisk.ofImage(of.disk.image()), this)
    this.hosts.push(machine)
    machine.start()
    this.#feed(machine)
    return machine
  }

  #feed(machine: SimHost): void {
    this.queue.schedule(this.random.int(500, 4000), () => {
      if (!this.hosts.includes(machine) || this.isCalm) return
      if (machine.isRunning) machine.append(this.random.int(1, 6))
      this.#feed(machine)
    })
  }

  /** Machines of a cloud that answer to this name: one, or a clone too. */
  #named(cloud: string, host: string): SimHost[] {
    return this.hosts.filter((machine) => machine.host === host && machine.options.cloud === cloud)
  }

  send(from: SimHost, to: string, message: RingMessage): void {
    const { cloud } = from.options
    this.watchdog.sent(from, to, message)
    if (!this.hosts.some((machine) => machine.host === to && machine.options.cloud === cloud)) {
      if (this.hosts.some((machine) => machine.host === to)) {
        throw new Violation('nothing is copied to another cloud', `${from.host} of ${cloud} to ${to}`)
      }
      return
    }
    if (!from.isOnline) return
    const body = this.#goesAsBytes ? this.#encoded(message) : undefined
    for (const machine of this.#named(cloud, to)) {
      this.network.send(from.host, to, () => {
        if (machine.isRunning && machine.isOnline) this.#deliver(from, machine, message, body)
      })
    }
  }

  #encoded(message: RingMessage): Uint8Array {
    const body = encodeMessage(message)
    if (!this.random.chance(this.network.weather.flip)) return body
    const at = this.random.int(0, body.length - 1)
    body[at] = (body[at] as number) ^ (1 << this.random.int(0, 7))
    return body
  }

  #deliver(from: SimHost, to: SimHost, sent: RingMessage, body: Uint8Array | undefined): void {
    let message = sent
    try {
      if (body) message = decodeMessage(body)
    } catch (error) {
      if (isLanistaError(error, 'RING_MESSAGE_INVALID')) return
      throw error
    }
    this.watchdog.delivered(from, to, message)
    to.event({ kind: 'message', from: from.host, message })
  }

  announce(from: SimHost, kind: 'birth' | 'heartbeat'): void {
    if (!from.isOnline) return
    const { host, options, disk } = from
    for (const machine of this.hosts) {
      if (machine.options.cloud !== options.cloud || (kind === 'heartbeat' && !machine.hears(host))) continue
      const { session } = disk
      const event =
        kind === 'birth' ? ({ kind, host, session, zone: options.zone } as const) : ({ kind, host, session } as const)
      this.network.send(host, machine.host, () => {
        if (machine.isOnline) machine.event({ kind: 'membership', event })
      })
    }
  }

  /** The broker, or the agent itself, says that a session is over. */
  announceDeath(of: SimHost, leaves: boolean): void {
    const { host, options, disk } = of
    const event = { kind: 'death', host, session: disk.session, leaves } as const
    for (const machine of this.hosts) {
      if (machine === of || machine.options.cloud !== options.cloud) continue
      this.network.send(host, machine.host, () => {
        if (machine.isOnline) machine.event({ kind: 'membership', event })
      })
    }
  }

  accepted(host: SimHost, lane: Lane, position: number): number {
    const content = this.#nextContent++
    this.ledger.accept(host.host, lane, position, content)
    return content
  }

  reopened(host: SimHost, lane: Lane, first: number): void {
    const run = host.disk.read({ from: first, to: host.disk.nextPosition - 1 })
    for (const [i, content] of run?.contents.entries() ?? []) {
      this.ledger.accept(host.host, lane, (run?.from ?? first) + i, content)
    }
    this.named(host, lane)
  }

  named(host: SimHost, lane: Lane): void {
    this.ledger.name(host.host, lane, host.disk.names)
  }

  acting(host: SimHost, action: RingAction): void {
    this.watchdog.acting(host, action)
  }

  reported(host: SimHost, report: RingReport): void {
    if (report.kind !== 'refused') this.note(`${host.host} reports ${JSON.stringify(report)}`)
    if (report.kind === 'handedOver') this.queue.schedule(1, () => this.#depart(host))
  }

  #depart(host: SimHost): void {
    if (!this.hosts.includes(host) || !host.isRunning) return
    this.note(`${host.host} is gone, with its disk`)
    this.announceDeath(host, true)
    this.remove(host)
  }

  /** The machine and its disk are no more. */
  remove(host: SimHost): void {
    host.kill(true)
    this.hosts.splice(this.hosts.indexOf(host), 1)
  }
}

/** Runs one seed; throws what broke, with the seed and the trace of as few faults as still break it. */
export function runSeed(options: SeedOptions): SeedSummary {
  const world = new World(options)
  try {
    return world.run()
  } catch (error) {
    const failure = minimize(options, { found: error, faults: world.plan.drawn, trace: world.trace })
    throw new Error(textOf(options.seed, failure), { cause: error })
  }
}

interface Failure {
  readonly found: unknown
  readonly faults: number
  readonly trace: readonly string[]
}

function textOf(seed: number, { found, faults, trace }: Failure): string {
  const head = `seed ${seed}: ${found instanceof Error ? found.message : String(found)} (${faults} faults)`
  return [head, ...trace.slice(-traceShown)].join('\n')
}

/** Leaves out one fault after the other as long as the same promise breaks. */
function minimize(options: SeedOptions, first: Failure): Failure {
  let failure = first
  const skips = new Set<number>()
  for (let number = first.faults - 1; number >= 0; number--) {
    const world = new World({ ...options, skips: new Set([...skips, number]), faultsMax: first.faults })
    try {
      world.run()
    } catch (error) {
      if (promiseOf(error) !== promiseOf(first.found)) continue
      skips.add(number)
      failure = { found: error, faults: first.faults - skips.size, trace: world.trace }
    }
  }
  return failure
}

function promiseOf(error: unknown): string {
  return error instanceof Violation ? error.promise : String(error)
}
