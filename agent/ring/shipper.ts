/**
 * The owner's side of replication: ships what is synced here to each holder that lacks it, and believes only acknowledgements.
 *
 * A start greets its holders first: their answers say what they have of it, so nothing need be remembered across a crash, and
 * whether a newer start is known. One from before means that the disk lost its past, and a higher number is taken; one that was heard
 * since means that somebody else lives with our identity, and this start falls silent for good.
 */
import { type ArrivalRange, RangeSet } from '#protocol/samples/arrival.ts'
import { intersection, type Lane, type LaneHolding, type Opening, type Openings, subtract } from './lane.ts'
import { lastGap } from './last-gap.ts'
import type { LiveHolders } from './placement.ts'
import type { Ack, Refuse, RingMessage, Welcome, Withdraw } from './ring-message.ts'
import { acknowledge, bytesInFlight, dropOverdue, newTarget, type Target } from './ship-target.ts'
import type { OwnRead, ShipperAction } from './shipper-actions.ts'
import { WireShare } from './wire-share.ts'

export interface ShipperOptions {
  readonly host: string
  readonly zone: string
  /** Samples in one message at most: a second of many at once, since each message costs its holder a sync. Default 16,384. */
  readonly batchSamplesMax: number
  /** Messages on their way to one holder, unacknowledged. Default 4. */
  readonly batchesInFlightMax: number
  /** Bytes of rows on their way to one holder. Default 524,288. */
  readonly bytesInFlightMax: number
  /** Share of the wire, all holders together. Default 1 MiB/s. */
  readonly bytesPerSecondMax: number
  /** An unacknowledged message is sent again after this long, ms. Default 10,000. */
  readonly ackTimeoutMs: number
  /** Fewer samples than `waitSamplesMin` wait for more, this long, ms. Default 1,000. */
  readonly waitMs: number
  readonly waitSamplesMin: number
  /** Holders are asked what they really have this often, ms. Default 600,000. */
  readonly resyncMs: number
  /** Pause after a holder refused for want of room, ms. Default 30,000. */
  readonly refusedPauseMs: number
}

export const shipperDefaults: Omit<ShipperOptions, 'host' | 'zone'> = {
  batchSamplesMax: 16_384,
  batchesInFlightMax: 4,
  bytesInFlightMax: 524_288,
  bytesPerSecondMax: 1_048_576,
  ackTimeoutMs: 10_000,
  waitMs: 1000,
  waitSamplesMin: 2048,
  resyncMs: 600_000,
  refusedPauseMs: 30_000,
}

interface Reading extends ArrivalRange {
  readonly targets: readonly string[]
}

const helloRetryMs = 3000
/** Reads of the own store at once. */
const readsMax = 2
/** Pause after the own store did not answer, ms. */
const readPauseMs = 1000
/** What a name costs on the wire, roughly. */
const nameBytes = 40
/** Names in one message. */
const namesPerMessageMax = 2048

/** How far one holder is behind. */
export interface HolderLag {
  readonly host: string
  readonly standsInFor: string | undefined
  readonly lagSamples: number
  /** The oldest position that it has not acknowledged; undefined = none. */
  readonly firstMissing: number | undefined
  /** Answered the greeting of this start. */
  readonly isGreeted: boolean
}

export class Shipper {
  readonly #options: ShipperOptions
  readonly #openings: Openings
  readonly #targets = new Map<string, Target>()
  /** Acknowledged by assigned holders that are silent now; their stand-ins need not hold it too. */
  readonly #silent = new Map<string, RangeSet>()
  readonly #readings = new Map<number, Reading>()
  readonly #voids = new RangeSet()
  readonly #share: WireShare
  readonly #beganAtMs: number
  #syncedTo = 0
  #floor = 0
  #readsPausedToMs = Number.NEGATIVE_INFINITY
  #nextId = 1
  #turn = 0
  #hasShipped = false
  #isOpening = false
  #isQuarantined = false
  #bytesSent = 0

  constructor(options: ShipperOptions, openings: Openings, nowMs: number) {
    this.#options = options
    this.#openings = openings
    this.#beganAtMs = nowMs
    this.#share = new WireShare(options.bytesPerSecondMax, options.bytesPerSecondMax, nowMs)
  }

  get start(): number {
    return this.#openings.current.start
  }

  get isQuarantined(): boolean {
    return this.#isQuarantined
  }

  get bytesSent(): number {
    return this.#bytesSent
  }

  get lags(): HolderLag[] {
    const owed = this.#owed()
    return [...this.#targets.values()].map(({ host, standsInFor, isGreeted, acked }) => {
      const missing = owed.flatMap((range) => acked.missing(range))
      return { host, standsInFor, isGreeted, lagSamples: lengthOfAll(missing), firstMissing: missing[0]?.from }
    })
  }

  /** Own samples up to here are on disk. */
  get syncedTo(): number {
    return this.#syncedTo
  }

  /** Own samples up to here are with every holder there is now. */
  get settledTo(): number {
    let settledTo = this.#syncedTo
    for (const { isGreeted, acked } of this.#targets.values()) {
      const first = isGreeted ? acked.missing({ from: this.#floor + 1, to: settledTo })[0]?.from : 1
      if (first !== undefined) settledTo = Math.min(settledTo, first - 1)
    }
    return settledTo
  }

  /** What of the own lanes is readable here. */
  holdings(): LaneHolding[] {
    return this.#openings.split(this.#owed(), this.#floor)
  }

  /** The first part of a range of a lane that is in the own store; the rest of it, if any, is among the copies of oneself. */
  readable(range: Lane & ArrivalRange): ArrivalRange | undefined {
    const span = this.#openings.rangeOf(range)
    const part = span && intersection(range, span)
    const stored = part && intersection(part, { from: this.#floor + 1, to: this.#syncedTo })
    return stored && this.#voids.missing(stored)[0]
  }

  /** Does this holder have everything that is synced? */
  isCovered(host: string): boolean {
    const target = this.#targets.get(host)
    return !!target?.isGreeted && this.#owed().every((range) => target.acked.missing(range).length === 0)
  }

  #owed(): ArrivalRange[] {
    return this.#floor < this.#syncedTo ? subtract([{ from: this.#floor + 1, to: this.#syncedTo }], this.#voids) : []
  }

  /** Samples up to `to` are on disk; those up to `floor` are past their retention. */
  synced(to: number, floor: number): void {
    this.#syncedTo = Math.max(this.#syncedTo, to)
    if (floor <= this.#floor) return
    this.#floor = floor
    this.#voids.forgetBelow(floor + 1)
    for (const target of this.#targets.values()) target.acked.forgetBelow(floor + 1)
  }

  /** These positions hold no samples: they were skipped, or what they held is gone. */
  markVoid(range: ArrivalRange): void {
    this.#voids.add(range)
  }

  /** Who takes new data now. What a silent one has acknowledged is remembered for the one that stands in for it. */
  setHolders(holders: LiveHolders, nowMs: number): void {
    const wanted = new Map<string, string | undefined>(holders.assigned.map((host) => [host, undefined]))
    for (const { host, standsInFor } of holders.standIns) wanted.set(host, standsInFor)
    const covered = new Set(holders.standIns.map(({ standsInFor }) => standsInFor))
    for (const [host, target] of this.#targets) {
      if (wanted.has(host)) continue
      if (covered.has(host)) this.#silent.set(host, target.acked)
      this.#targets.delete(host)
    }
    for (const host of this.#silent.keys()) if (!covered.has(host)) this.#silent.delete(host)
    for (const [host, standsInFor] of wanted) {
      const known = this.#targets.get(host)
      if (known) known.standsInFor = standsInFor
      else this.#targets.set(host, newTarget(host, standsInFor, nowMs))
    }
  }

  /** A holder began a new session: what it acknowledged before may be gone. */
  forget(host: string): void {
    const target = this.#targets.get(host)
    if (target) target.isGreeted = false
    if (target) target.helloAtMs = Number.NEGATIVE_INFINITY
  }

  /** The lane asked for by `open` is on disk; undefined = it could not be written, and the next answer asks for it again. */
  opened(opening: Opening | undefined): void {
    if (opening) this.#openings.add(opening)
    this.#isOpening = false
    for (const target of this.#targets.values()) {
      target.isGreeted = false
      target.helloAtMs = Number.NEGATIVE_INFINITY
    }
  }

  /** What to send now. Call after every event and every tick. */
  plan(nowMs: number): ShipperAction[] {
    const actions: ShipperAction[] = []
    if (this.#isQuarantined || this.#isOpening) return actions
    for (const target of this.#targets.values()) {
      if (!target.isGreeted || nowMs - target.helloAtMs >= this.#options.resyncMs) this.#greet(target, nowMs, actions)
      if (target.isGreeted) dropOverdue(target, this.#options.ackTimeoutMs, nowMs)
    }
    if (nowMs < this.#readsPausedToMs) return actions
    // each holder is first in turn, so that the backlog of one never keeps the news from another
    const targets = [...this.#targets.values()]
    const first = this.#turn++ % Math.max(1, targets.length)
    for (const target of [...targets.slice(first), ...targets.slice(0, first)]) this.#read(target, nowMs, actions)
    return actions
  }

  #greet(target: Target, nowMs: number, actions: ShipperAction[]): void {
    if (nowMs - target.helloAtMs < helloRetryMs) return
    target.helloAtMs = nowMs
    target.helloId = this.#nextId++
    const { storeId } = this.#openings
    const hello: RingMessage = {
      verb: 'hello',
      id: target.helloId,
      storeId,
      start: this.start,
      zone: this.#options.zone,
    }
    actions.push({ kind: 'send', to: target.host, message: hello })
  }

  /** Reads the newest batch that this holder lacks, for every other holder too that lacks all of it. */
  #read(target: Target, nowMs: number, actions: ShipperAction[]): void {
    while (this.#readings.size < readsMax && this.#hasRoom(target, nowMs) && this.#share.isOpen(nowMs)) {
      const gap = this.#gapOf(target)
      if (!gap || this.#mayWait(target, gap, nowMs)) return
      target.waitsSinceMs = Number.NaN
      const targets = [target.host]
      for (const other of this.#targets.values()) {
        if (other === target || !this.#hasRoom(other, nowMs)) continue
        const same = this.#gapOf(other, gap.to)
        if (same && same.from === gap.from && same.to === gap.to) targets.push(other.host)
      }
      const id = this.#nextId++
      this.#readings.set(id, { ...gap, targets })
      actions.push({ kind: 'readOwn', id, from: gap.from, to: gap.to })
    }
  }

  #hasRoom(target: Target, nowMs: number): boolean {
    const { batchesInFlightMax, bytesInFlightMax } = this.#options
    if (!target.isGreeted || nowMs < target.pausedToMs) return false
    let batches = target.flights.length
    for (const { targets } of this.#readings.values()) if (targets.includes(target.host)) batches++
    if (batches >= batchesInFlightMax) return false
    return bytesInFlight(target) < bytesInFlightMax
  }

  #gapOf(target: Target, top: number = this.#syncedTo): ArrivalRange | undefined {
    const newest = target.acked.ranges.at(-1)
    if (newest && newest.from <= this.#floor + 1 && newest.to >= top) return undefined
    const reading = [...this.#readings.values()].filter(({ targets }) => targets.includes(target.host))
    const sets: (readonly ArrivalRange[])[] = [this.#voids.ranges, target.acked.ranges]
    const busy = [...target.flights, ...reading].map((range) => [range])
    const silent = target.standsInFor === undefined ? undefined : this.#silent.get(target.standsInFor)
    if (silent) sets.push(silent.ranges)
    const gap = lastGap([...sets, ...busy], this.#floor + 1, top, this.#options.batchSamplesMax)
    if (!gap) return undefined
    const lane = this.#openings.laneOf(gap.to)
    const span = lane && this.#openings.rangeOf(lane)
    return span ? intersection(gap, span) : undefined
  }

  #mayWait(target: Target, gap: ArrivalRange, nowMs: number): boolean {
    if (gap.to < this.#syncedTo || gap.to - gap.from + 1 >= this.#options.waitSamplesMin) return false
    if (Number.isNaN(target.waitsSinceMs)) target.waitsSinceMs = nowMs
    return nowMs - target.waitsSinceMs < this.#options.waitMs
  }

  /** What the store answered to `readOwn`: goes out to the holders it was read for. */
  ownRead({ id, run, void: empty, isFailed }: OwnRead, nowMs: number): ShipperAction[] {
    const actions: ShipperAction[] = []
    const reading = this.#readings.get(id)
    this.#readings.delete(id)
    if (isFailed) this.#readsPausedToMs = nowMs + readPauseMs
    if (!reading || isFailed || this.#isQuarantined || this.#isOpening) return actions
    this.markVoid(empty ?? { from: reading.from, to: run ? run.from - 1 : reading.to })
    const lane = run && this.#openings.laneOf(run.from)
    if (!run || !lane) return actions
    for (const host of reading.targets) {
      const target = this.#targets.get(host)
      if (target?.isGreeted) this.#ship(target, lane, run, nowMs, actions)
    }
    return actions
  }

  #ship(target: Target, lane: Lane, run: NonNullable<OwnRead['run']>, nowMs: number, actions: ShipperAction[]): void {
    this.#sendNames(target, run.idsTo, actions)
    const message: RingMessage = {
      verb: 'append',
      ...lane,
      owner: this.#options.host,
      zone: this.#options.zone,
      ownerStart: this.start,
      ...run,
    }
    actions.push({ kind: 'send', to: target.host, message })
    target.flights.push({ from: run.from, to: run.to, bytes: run.rows.length, sentAtMs: nowMs })
    this.#hasShipped = true
    this.#share.spend(run.rows.length)
    this.#bytesSent += run.rows.length
  }

  #sendNames(target: Target, idsTo: number, actions: ShipperAction[]): void {
    while (target.names < idsTo) {
      const count = Math.min(namesPerMessageMax, idsTo - target.names)
      actions.push({ kind: 'sendNames', to: target.host, firstId: target.names, count })
      target.names += count
      this.#share.spend(count * nameBytes)
    }
  }

  welcome(from: string, message: Welcome, nowMs: number): ShipperAction[] {
    const target = this.#targets.get(from)
    if (!target || message.id !== target.helloId || message.start !== this.start || this.#isOpening) return []
    if (message.knownStart > this.start) return this.#superseded(message, nowMs)
    if (message.version !== target.version || !target.isGreeted) target.acked = new RangeSet()
    target.version = message.version
    if (!target.isGreeted) target.helloAtMs = nowMs
    target.isGreeted = true
    target.names = message.names
    for (const lane of message.lanes) this.#acknowledge(target, lane)
    return []
  }

  ack(from: string, message: Ack): void {
    const target = this.#targets.get(from)
    if (!target?.isGreeted) return
    if (message.version !== target.version) {
      target.isGreeted = false
      return
    }
    target.names = Math.max(target.names, message.names)
    this.#acknowledge(target, message)
  }

  /** Marks what of the own lanes is acknowledged; what the holder evicted on purpose is not owed either. */
  #acknowledge(target: Target, lane: LaneHolding): void {
    const span = this.#openings.rangeOf(lane)
    if (!span) return
    const evicted = intersection({ from: 1, to: lane.floor }, span)
    for (const range of evicted ? [evicted, ...lane.ranges] : lane.ranges) {
      const part = intersection(range, span)
      if (part) acknowledge(target, part)
    }
  }

  refuse(from: string, message: Refuse, nowMs: number): ShipperAction[] {
    const target = this.#targets.get(from)
    if (!target) return []
    target.flights = target.flights.filter((flight) => flight.from !== message.from || flight.to !== message.to)
    if (message.reason === 'old_start' && message.knownStart > this.start) return this.#superseded(message, nowMs)
    if (message.reason === 'names') target.names = message.names
    else target.pausedToMs = nowMs + this.#options.refusedPauseMs
    return []
  }

  /** A holder does not have this any more. */
  withdraw(from: string, message: Withdraw): ShipperAction[] {
    const target = this.#targets.get(from)
    const span = this.#openings.rangeOf(message)
    if (target) {
      target.version = message.version
      target.helloId = -1
    }
    if (target && span) {
      const gone = message.ranges.map((range) => intersection(range, span)).filter((range) => range !== undefined)
      target.acked = new RangeSet(subtract(target.acked.ranges, gone))
      this.#acknowledge(target, { ...message, ranges: [] })
    }
    return [{ kind: 'send', to: from, message: { verb: 'withdrawn', id: message.id } }]
  }

  /** A newer start that was heard since this one began is somebody else's; any other is our own forgotten past. */
  #superseded({ knownStart, knownAgoMs }: Pick<Welcome, 'knownStart' | 'knownAgoMs'>, nowMs: number): ShipperAction[] {
    const wasHeardSince = knownAgoMs >= 0 && nowMs - knownAgoMs > this.#beganAtMs
    if (this.#hasShipped && wasHeardSince) {
      this.#isQuarantined = true
      return [{ kind: 'quarantined', knownStart }]
    }
    if (this.#isOpening) return []
    this.#isOpening = true
    return [{ kind: 'open', startAbove: knownStart, isInPlace: !this.#hasShipped }]
  }
}

function lengthOfAll(ranges: readonly ArrivalRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}
