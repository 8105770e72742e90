/**
 * One machine of the simulation: the real node core, and around it what the shell does, on a simulated disk, clock and network.
 */
import { type Lane, laneKey, type Opening, openLane, reopenLane } from '#agent/ring/lane.ts'
import type { RingMutant } from '#agent/ring/mutant.ts'
import { type RingAction, type RingEvent, RingNode, type RingNodeOptions, type RingReport } from '#agent/ring/node.ts'
import type { DiskAction } from '#agent/ring/ring-disk.ts'
import type { Fetch, RingMessage, Rows } from '#agent/ring/ring-message.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'
import { bytesOf, namesAt, namesOf, rowsOf, type SimDisk } from './sim-disk.ts'

export interface SimHostOptions {
  readonly host: string
  readonly cloud: string
  readonly zone: string
  readonly copies: number
  readonly quotaBytes: number
  readonly mutant: RingMutant | undefined
}

/** What a host needs of the world around it. */
export interface SimWorld {
  readonly queue: EventQueue
  readonly random: Random
  send(from: SimHost, to: string, message: RingMessage): void
  /** To all agents of the cloud that hear it. */
  announce(from: SimHost, kind: 'birth' | 'heartbeat'): void
  accepted(host: SimHost, lane: Lane, position: number): number
  /** What its series are called that samples of this lane use. */
  named(host: SimHost, lane: Lane): void
  /** What this start has accepted counts to another lane from now on. */
  reopened(host: SimHost, lane: Lane, first: number): void
  acting(host: SimHost, action: RingAction): void
  reported(host: SimHost, report: RingReport): void
}

/** Real intervals are ten times as long and more; what matters is how they compare. */
export const simTimes = {
  tickMs: 1000,
  heartbeatMs: 2000,
  silentAfterMs: 6000,
  graceMs: 20_000,
  offerMs: 15_000,
  resyncMs: 40_000,
} as const

/** One sync of the disk takes this long, ms. */
const syncMsMax = 20

export class SimHost {
  readonly options: SimHostOptions
  readonly #world: SimWorld
  readonly #nodeOptions: RingNodeOptions
  disk: SimDisk
  node: RingNode | undefined
  /** Ahead of the true time, ms. */
  wallSkewMs = 0
  /** Whose heartbeats are heard; undefined = all. */
  #hears: ReadonlySet<string> | undefined
  #life = 0
  #monotonicFromMs = 0
  #floor = 0
  isOnline = true
  /** Nothing can be written: the disk is full, or refuses. */
  #cannotWrite = false

  constructor(options: SimHostOptions, disk: SimDisk, world: SimWorld) {
    this.options = options
    this.disk = disk
    this.#world = world
    this.#nodeOptions = nodeOptions(options)
  }

  get host(): string {
    return this.options.host
  }

  get isRunning(): boolean {
    return this.node !== undefined
  }

  hears(host: string): boolean {
    return this.#hears === undefined || this.#hears.has(host)
  }

  /** An agent that cannot write what must be on disk first does not start. */
  start(): void {
    if (this.#cannotWrite) return
    const { queue, random } = this.#world
    this.#life++
    this.#monotonicFromMs = queue.nowMs - random.int(0, 1_000_000)
    this.#hears = undefined
    this.disk.session = Math.max(this.disk.session + 1, this.#wallSeconds())
    if (random.chance(0.5)) this.disk.skip(random.int(1, 5))
    const { openings, nextPosition } = this.disk
    this.disk.openings = openLane(
      openings,
      nextPosition,
      this.#wallSeconds() * 1000,
      random.next(),
      this.options.mutant,
    )
    this.disk.sync()
    const { session, storeId } = this.disk
    const init = { session, storeId, openings: this.disk.openings, copies: this.disk.copies.copies() }
    this.node = new RingNode(this.#nodeOptions, init, this.#monotonicMs)
    this.event({ kind: 'membership', event: { kind: 'busBack' } })
    this.event({ kind: 'synced', to: this.disk.syncedTo, floor: this.#floor })
    this.#world.announce(this, 'birth')
    this.#every(simTimes.tickMs, () => this.event({ kind: 'tick' }))
    this.#every(simTimes.heartbeatMs, () => this.#world.announce(this, 'heartbeat'))
  }

  /** The process ends at once; with `losesPower` what was not synced is gone too. */
  kill(losesPower: boolean): void {
    this.node = undefined
    this.#life++
    if (losesPower || this.#cannotWrite) this.disk.crash()
    else this.disk.sync()
  }

  get canWrite(): boolean {
    return !this.#cannotWrite
  }

  /** What waits for the disk is written as soon as it can be. */
  setWritable(isWritable: boolean): void {
    if (isWritable !== this.#cannotWrite) return
    this.#cannotWrite = !isWritable
    if (isWritable && this.isRunning) this.#sync()
  }

  /** The application sends samples; they reach the disk a little later. */
  append(count: number): void {
    const lane = { storeId: this.disk.storeId, start: this.disk.openings.at(-1)?.start ?? 0 }
    for (let i = 0; i < count; i++) this.disk.append(this.#world.accepted(this, lane, this.disk.nextPosition))
    this.#world.named(this, lane)
    this.#later(this.#world.random.int(1, 3 * syncMsMax), () => {
      if (this.canWrite) this.#sync()
    })
  }

  #sync(): void {
    this.disk.sync()
    this.event({ kind: 'synced', to: this.disk.syncedTo, floor: this.#floor })
  }

  /** Old own samples are past their retention. */
  retire(floor: number): void {
    this.#floor = Math.max(this.#floor, Math.min(floor, this.disk.syncedTo))
    this.event({ kind: 'synced', to: this.disk.syncedTo, floor: this.#floor })
  }

  get floor(): number {
    return this.#floor
  }

  setOnline(isOnline: boolean): void {
    if (this.isOnline === isOnline) return
    this.isOnline = isOnline
    this.event({ kind: 'membership', event: { kind: isOnline ? 'busBack' : 'busLost' } })
    if (isOnline && this.isRunning) this.#world.announce(this, 'birth')
  }

  event(event: RingEvent): void {
    if (!this.node) return
    for (const action of this.node.step(event, this.#monotonicMs)) this.#do(action)
  }

  get #monotonicMs(): number {
    return this.#world.queue.nowMs - this.#monotonicFromMs
  }

  #wallSeconds(): number {
    return Math.max(1, Math.floor((1_700_000_000_000 + this.#world.queue.nowMs + this.wallSkewMs) / 1000))
  }

  /** Runs later, unless the process has ended by then. */
  #later(afterMs: number, run: () => void): void {
    const life = this.#life
    this.#world.queue.schedule(afterMs, () => {
      if (this.#life === life && this.node) run()
    })
  }

  #every(intervalMs: number, run: () => void): void {
    this.#later(this.#world.random.next() * intervalMs, () => {
      run()
      const again = (): void => {
        run()
        this.#later(intervalMs, again)
      }
      this.#later(intervalMs, again)
    })
  }

  #do(action: RingAction): void {
    this.#world.acting(this, action)
    const { random } = this.#world
    switch (action.kind) {
      case 'send':
        this.#world.send(this, action.to, action.message)
        return
      case 'sendNames':
        this.#world.send(this, action.to, this.#names(action.firstId, action.count))
        return
      case 'readOwn':
        this.#later(random.int(0, 3), () => this.event({ kind: 'ownRead', id: action.id, ...this.#readOwn(action) }))
        return
      case 'open':
        this.#open(action.startAbove, action.isInPlace)
        return
      case 'keep':
      case 'keepNames':
      case 'copyNames':
      case 'findOldest':
      case 'evict':
      case 'drop':
        if (this.canWrite || action.kind === 'findOldest') this.#write(action)
        else this.#failToWrite(action)
        return
      case 'answerFetch':
        this.#later(random.int(0, 3), () => this.#answer(action.to, action.fetch, action.isOwn))
        return
      case 'renewSession':
        this.disk.session = action.above + 1
        this.event({ kind: 'membership', event: { kind: 'session', session: this.disk.session } })
        this.#world.announce(this, 'birth')
        return
      case 'hear':
        this.#hears = action.hosts && new Set(action.hosts)
        return
      case 'report':
        this.#world.reported(this, action.report)
    }
  }

  #write(action: DiskAction): void {
    const { copies } = this.disk
    switch (action.kind) {
      case 'keep':
        copies.keep(action.facts, action.rows)
        this.#later(this.#world.random.int(0, syncMsMax), () => {
          const isSynced = this.canWrite
          if (isSynced) copies.sync()
          this.event({ kind: 'kept', id: action.id, isSynced })
        })
        return
      case 'keepNames': {
        const { owner, firstId, entries } = action
        copies.keepNames(owner, action, firstId, namesOf(entries))
        return
      }
      case 'copyNames': {
        const { owner, storeId, ofStart, firstId, count } = action
        const names = copies.readNames(owner, { storeId, start: ofStart }, firstId, count)
        copies.keepNames(owner, action, firstId, names)
        if (names.length < count) this.#failToWrite({ ...action, firstId: firstId + names.length })
        return
      }
      case 'findOldest': {
        const { owner, bytes } = action
        this.#later(1, () => this.event({ kind: 'oldest', owner, found: copies.oldest(owner, bytes) }))
        return
      }
      case 'evict': {
        const bytes = copies.evict(action.owner, action)
        this.#later(1, () => this.event({ ...action, kind: 'evicted', bytes }))
        return
      }
      case 'drop':
        copies.drop(action.owner)
    }
  }

  /** As `RingDisk` tells of a failure. */
  #failToWrite(action: DiskAction): void {
    const afterMs = this.#world.random.int(0, syncMsMax)
    if (action.kind === 'keepNames' || action.kind === 'copyNames')
      this.#later(0, () => this.event({ ...action, kind: 'namesLost' }))
    if (action.kind === 'keep') this.#later(afterMs, () => this.event({ kind: 'kept', id: action.id, isSynced: false }))
    if (action.kind === 'evict') this.#later(afterMs, () => this.event({ ...action, kind: 'evicted', bytes: 0 }))
  }

  #open(startAbove: number, isInPlace: boolean): void {
    this.#later(this.#world.random.int(1, syncMsMax), () => {
      if (!this.canWrite) {
        this.event({ kind: 'opened', opening: undefined })
        return
      }
      const wallMs = this.#wallSeconds() * 1000
      const first = isInPlace ? undefined : this.disk.nextPosition
      this.disk.openings = reopenLane(this.disk.openings, startAbove, first, wallMs, this.#world.random.next())
      const opening = this.disk.openings.at(-1) as Opening
      this.#world.reopened(this, { storeId: this.disk.storeId, start: opening.start }, opening.first)
      this.event({ kind: 'opened', opening })
    })
  }

  #names(firstId: number, count: number): RingMessage {
    const { storeId, openings } = this.disk
    return {
      verb: 'names',
      storeId,
      start: openings.at(-1)?.start ?? 0,
      firstId,
      count,
      entries: bytesOf(this.disk.names.slice(firstId, firstId + count)),
    }
  }

  #readOwn(range: {
    readonly from: number
    readonly to: number
  }): Pick<Extract<RingEvent, { kind: 'ownRead' }>, 'run'> {
    const run = this.disk.read(range)
    if (!run) return {}
    const to = run.from + run.contents.length - 1
    return { run: { from: run.from, to, idsTo: namesAt(to), rows: rowsOf(run.contents) } }
  }

  #answer(to: string, fetch: Fetch, isOwn: boolean): void {
    const run = isOwn ? this.#readOwn(fetch).run : this.disk.copies.read(fetch.owner, fetch, fetch)
    const names = isOwn ? this.disk.names.slice(fetch.names, run?.idsTo ?? 0) : this.#namesOf(fetch)
    const message: Rows = {
      verb: 'rows',
      id: fetch.id,
      owner: fetch.owner,
      storeId: fetch.storeId,
      start: fetch.start,
      from: run?.from ?? 1,
      to: run?.to ?? 0,
      idsTo: run?.idsTo ?? 0,
      rows: run?.rows ?? new Uint8Array(0),
      firstId: fetch.names,
      count: names.length,
      entries: bytesOf(names),
    }
    this.#world.send(this, to, message)
    const missing = isOwn ? { from: fetch.from, to: run ? run.from - 1 : fetch.to } : undefined
    this.event({ kind: 'answered', bytes: message.rows.length, void: missing })
  }

  #namesOf(fetch: Fetch): string[] {
    return this.disk.copies.readNames(fetch.owner, fetch, fetch.names, 100_000).map(({ name }) => name)
  }

  /** A copy that was synced turns out unreadable. */
  damage(owner: string): boolean {
    const lost = this.disk.copies.damage(owner, (rows) => this.#world.random.pick(rows))
    if (!lost) return false
    const lane = { storeId: lost.storeId, start: lost.start, ranges: [{ from: lost.from, to: lost.to }], floor: 0 }
    const others = this.disk.copies.rowsOf(owner).filter((rows) => laneKey(rows) === laneKey(lost))
    const isCovered = others.some((rows) => rows.from <= lost.from && rows.to >= lost.to)
    this.event({ kind: 'damaged', owner, lane: isCovered ? { ...lane, ranges: [] } : lane, bytes: lost.rows.length })
    return true
  }
}

function nodeOptions({ host, zone, copies, quotaBytes, mutant }: SimHostOptions): RingNodeOptions {
  return {
    host,
    zone,
    copies,
    mutant,
    membership: {
      host,
      zone,
      silentAfterMs: simTimes.silentAfterMs,
      graceMs: simTimes.graceMs,
      gossipMs: 4000,
      listenMs: 6000,
      forgetMs: 300_000,
      membersMax: 200,
    },
    shipper: {
      host,
      zone,
      batchSamplesMax: 20,
      batchesInFlightMax: 3,
      bytesInFlightMax: 400,
      bytesPerSecondMax: 20_000,
      ackTimeoutMs: 2000,
      waitMs: 300,
      waitSamplesMin: 10,
      resyncMs: simTimes.resyncMs,
      refusedPauseMs: 3000,
    },
    keeper: {
      host,
      bytesMax: quotaBytes,
      writingBytesMax: 2000,
      ownersMax: 100,
      lanesMax: 100,
      withdrawRetryMs: 1000,
      withdrawTimeoutMs: 6000,
    },
    mender: {
      host,
      offerMs: simTimes.offerMs,
      settleMs: 1000,
      fetchesMax: 2,
      fetchSamplesMax: 40,
      fetchTimeoutMs: 2000,
      noRoomPauseMs: 3000,
      bytesPerSecondMax: 20_000,
    },
  }
}
