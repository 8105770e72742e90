import { Random } from './random.ts'
import { type SimHost, simTimes } from './sim-host.ts'
import { calm, type Weather } from './sim-network.ts'
import type { World } from './world.ts'

const storm: Weather = { loss: 0.25, repeat: 0.15, delayMsMax: 400, late: 0.05, flip: 0.05 }
const drizzle: Weather = { loss: 0.02, repeat: 0.02, delayMsMax: 40, late: 0.01, flip: 0.01 }

/** Breaks things at random, and never more for good than the ring promises to bear. */
export class FaultPlan {
  readonly #world: World
  /** Copies that may still be destroyed, by cloud: a sample has R of them. */
  readonly #spare = new Map<string, number>()
  readonly #faults: readonly ((host: SimHost) => boolean)[]
  readonly #skips: (fault: number) => boolean
  /** Of the fault at hand: each has chance of its own, so that leaving one out changes the others little. */
  #random: Random
  #drawn = 0
  #isOver = false
  count = 0

  /** @param skips is this fault, by its number, left out? */
  constructor(world: World, skips: (fault: number) => boolean) {
    this.#world = world
    this.#skips = skips
    this.#random = new Random(world.seed)
    this.#faults = [
      (host) => this.#crash(host),
      (host) => this.#crash(host),
      (host) => this.#crash(host),
      (host) => this.#isolate(host),
      (host) => this.#isolate(host),
      (host) => this.#cutOne(host),
      (host) => this.#partition(host.options.cloud),
      () => this.#storm(),
      () => this.#brokerRestart(),
      (host) => this.#stepClock(host),
      (host) => this.#destroy(host),
      (host) => this.#wipe(host),
      (host) => this.#loseTail(host),
      (host) => this.#damage(host),
      (host) => this.#failWrites(host),
      (host) => this.#clone(host),
      (host) => this.#join(host.options.cloud),
      (host) => this.#leave(host),
      (host) => this.#retire(host),
    ]
  }

  /** Faults drawn so far, those that could not be and those left out included. */
  get drawn(): number {
    return this.#drawn
  }

  begin(): void {
    this.#world.network.weather = drizzle
    for (const { options } of this.#world.hosts) this.#spare.set(options.cloud, this.#world.copies - 1)
    this.#next()
  }

  /** Everything that still exists is repaired. */
  end(): void {
    this.#isOver = true
    this.#world.network.healAll()
    for (const host of this.#world.hosts) {
      host.setOnline(true)
      host.setWritable(true)
      if (host.node?.shipper.isQuarantined) host.kill(false)
      if (!host.isRunning) host.start()
    }
  }

  #next(): void {
    const number = this.#drawn++
    const random = new Random(this.#world.seed * 7919 + number)
    this.#world.queue.schedule(random.int(1000, 6000), () => {
      if (this.#isOver) return
      this.#random = random
      const host = random.pick(this.#world.hosts)
      const fault = random.pick(this.#faults)
      if (this.#skips(number) || (host && fault?.(host))) this.count++
      this.#next()
    })
  }

  /** Later, but not once everything is being repaired. */
  #later(msMin: number, msMax: number, run: () => void): void {
    this.#world.queue.schedule(this.#random.int(msMin, msMax), () => {
      if (!this.#isOver) run()
    })
  }

  #spend(host: SimHost): boolean {
    const left = this.#spare.get(host.options.cloud) ?? 0
    if (left < 1) return false
    this.#spare.set(host.options.cloud, left - 1)
    return true
  }

  #restartLater(host: SimHost): void {
    const isLong = this.#random.chance(0.3)
    this.#later(500, isLong ? 2 * simTimes.graceMs : 8000, () => {
      if (!this.#world.hosts.includes(host) || host.isRunning) return
      this.#world.note(`${host.host} starts again`)
      host.start()
    })
  }

  #crash(host: SimHost): boolean {
    if (!host.isRunning) return false
    const losesPower = this.#random.chance(0.5)
    this.#world.note(`${host.host} ${losesPower ? 'loses power' : 'is killed'}`)
    host.kill(losesPower)
    if (this.#random.chance(0.5)) this.#later(10, 4000, () => this.#world.announceDeath(host, false))
    this.#restartLater(host)
    return true
  }

  #isolate(host: SimHost): boolean {
    if (!host.isRunning || !host.isOnline) return false
    this.#world.note(`${host.host} is cut off`)
    host.setOnline(false)
    this.#later(1000, this.#random.chance(0.3) ? 2 * simTimes.graceMs : 15_000, () => {
      this.#world.note(`${host.host} is back`)
      host.setOnline(true)
    })
    return true
  }

  /** One does not hear one other. */
  #cutOne(host: SimHost): boolean {
    const { hosts, network } = this.#world
    const other = this.#random.pick(hosts)
    if (!other || other === host) return false
    this.#world.note(`${other.host} does not hear ${host.host}`)
    network.cut(host.host, other.host)
    this.#later(5000, 30_000, () => network.healAll())
    return true
  }

  #partition(cloud: string): boolean {
    const { hosts, network } = this.#world
    const sides = hosts
      .filter(({ options }) => options.cloud === cloud)
      .map(({ host }) => [host, this.#random.chance(0.5)] as const)
    this.#world.note(`partition: ${sides.map(([host, side]) => `${host}${side ? '+' : '-'}`).join(' ')}`)
    for (const [a, sideA] of sides) for (const [b, sideB] of sides) if (sideA !== sideB) network.cut(a, b)
    this.#later(5000, 20_000, () => network.healAll())
    return true
  }

  #storm(): boolean {
    const { network } = this.#world
    if (network.weather === storm) return false
    this.#world.note('storm')
    network.weather = storm
    this.#later(3000, 15_000, () => {
      network.weather = this.#random.chance(0.3) ? calm : drizzle
    })
    return true
  }

  #brokerRestart(): boolean {
    this.#world.note('the broker restarts')
    const cut = this.#world.hosts.filter(({ isOnline }) => isOnline)
    for (const host of cut) host.setOnline(false)
    for (const host of cut) this.#later(500, 6000, () => host.setOnline(true))
    return true
  }

  #stepClock(host: SimHost): boolean {
    host.wallSkewMs = this.#random.int(-2 * 86_400_000, 2 * 86_400_000)
    this.#world.note(`${host.host} has its clock ${Math.round(host.wallSkewMs / 1000)} s off`)
    return true
  }

  #destroy(host: SimHost): boolean {
    if (!this.#isPlenty(host) || !this.#spend(host)) return false
    this.#world.note(`${host.host} is destroyed`)
    this.#world.remove(host)
    this.#world.watchdog.forget(host)
    return true
  }

  #isPlenty(host: SimHost): boolean {
    const { hosts, copies } = this.#world
    return hosts.filter(({ options }) => options.cloud === host.options.cloud).length > copies
  }

  /** The machine comes back with an empty disk. */
  #wipe(host: SimHost): boolean {
    if (!this.#spend(host)) return false
    this.#world.note(`${host.host} loses its disk`)
    host.kill(true)
    host.disk = this.#world.newDisk(host.host)
    this.#world.watchdog.forget(host)
    this.#restartLater(host)
    return true
  }

  #loseTail(host: SimHost): boolean {
    if (!this.#spend(host)) return false
    const count = this.#random.int(1, 30)
    this.#world.note(`${host.host} loses its last ${count} samples`)
    host.kill(true)
    host.disk.loseTail(count)
    this.#restartLater(host)
    return true
  }

  #damage(host: SimHost): boolean {
    const owner = this.#random.pick(host.disk.copies.owners(true))
    if (owner === undefined || !host.isRunning || !this.#spend(host)) return false
    this.#world.note(`${host.host} finds a copy of ${owner} unreadable`)
    return host.damage(owner)
  }

  /** The disk is full, or refuses to write: what is there can still be read. */
  #failWrites(host: SimHost): boolean {
    if (!host.canWrite) return false
    this.#world.note(`${host.host} cannot write`)
    host.setWritable(false)
    this.#later(500, this.#random.chance(0.3) ? 2 * simTimes.graceMs : 10_000, () => {
      if (!this.#world.hosts.includes(host)) return
      this.#world.note(`${host.host} can write again`)
      host.setWritable(true)
      if (!host.isRunning) host.start()
    })
    return true
  }

  /** A second machine with the same identity and disk, for a while; afterwards an operator restarts the first. */
  #clone(host: SimHost): boolean {
    if (!host.isRunning || this.#world.hosts.some((other) => other !== host && other.host === host.host)) return false
    if (this.#world.quotaBytes < 1_000_000 || !this.#spend(host)) return false
    this.#world.note(`${host.host} is cloned`)
    const clone = this.#world.clone(host)
    this.#world.queue.schedule(this.#random.int(3000, 15_000), () => {
      if (!this.#world.hosts.includes(clone)) return
      this.#world.note(`the clone of ${host.host} is removed`)
      this.#world.remove(clone)
      if (host.isRunning && this.#world.hosts.includes(host)) host.kill(false)
      if (this.#world.hosts.includes(host)) host.start()
    })
    return true
  }

  #join(cloud: string): boolean {
    if (this.#world.hosts.length > 50) return false
    this.#world.addHost(cloud)
    return true
  }

  #leave(host: SimHost): boolean {
    const { hosts, copies } = this.#world
    const live = hosts.filter(({ options, isRunning }) => options.cloud === host.options.cloud && isRunning)
    if (!host.isRunning || live.length < copies + 2) return false
    this.#world.note(`${host.host} leaves`)
    host.event({ kind: 'membership', event: { kind: 'leave' } })
    return true
  }

  #retire(host: SimHost): boolean {
    if (!host.isRunning || host.disk.syncedTo < 20) return false
    host.retire(host.disk.syncedTo - 10)
    this.#world.ledger.retired(host.host, host.disk.storeId, host.floor)
    this.#world.note(`${host.host} keeps its own samples from ${host.floor + 1} on`)
    return true
  }
}
