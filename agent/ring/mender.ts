/**
 * Keeps every owner's data at its places when members come and go. Each agent that has something of an owner tells those who are
 * to keep it what it has; they answer with what they have, and fetch what they lack. So a lost copy is rebuilt, an owner gets back
 * what its disk lost, a leaving host hands over, and a copy that is not needed here any more is dropped as soon as all who are to
 * keep it have said that they do and have it all. All of it is the union of ranges of immutable samples: doing it twice, in any
 * order, or half, does no harm.
 */
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { Holdings } from './holdings.ts'
import { type Lane, type LaneHolding, laneKey, subtract } from './lane.ts'
import type { Fetch, Offer, RingMessage, Rows } from './ring-message.ts'
import { WireShare } from './wire-share.ts'

export interface MenderOptions {
  readonly host: string
  /** What is held is told this often, ms. Default 60,000. */
  readonly offerMs: number
  /** After the ring changed, ms: births and deaths come in bursts. Default 2,000. */
  readonly settleMs: number
  /** Fetches under way. Default 2. */
  readonly fetchesMax: number
  readonly fetchSamplesMax: number
  /** An unanswered fetch is given up after, ms. Default 10,000. */
  readonly fetchTimeoutMs: number
  /** Pause when the shared area has no room, ms. Default 30,000. */
  readonly noRoomPauseMs: number
  /** What repair may take of the wire. Default 1 MiB/s. */
  readonly bytesPerSecondMax: number
}

export const menderDefaults: Omit<MenderOptions, 'host'> = {
  offerMs: 60_000,
  settleMs: 2000,
  fetchesMax: 2,
  fetchSamplesMax: 8192,
  fetchTimeoutMs: 10_000,
  noRoomPauseMs: 30_000,
  bytesPerSecondMax: 1_048_576,
}

/** Who is to keep an owner's data by this agent's view of the ring. */
export interface Keepers {
  /** The owner where it lives, and its holders; this agent among them or not. */
  readonly hosts: readonly string[]
  /** False while the owner is silent: then nothing already copied moves. */
  readonly isSettled: boolean
}

export interface MenderDeps {
  /** Owners of which something is here. */
  owners(): Iterable<string>
  /** What is here of an owner: copies, and own samples. */
  holdings(owner: string): readonly LaneHolding[]
  /** The parts of what another has that are missing here, and may be taken. */
  missing(owner: string, lanes: readonly LaneHolding[]): LaneHolding[]
  keepers(owner: string): Keepers
  facts(owner: string): { readonly zone: string; readonly start: number }
  /** Names known here of the series of a lane. */
  names(owner: string, lane: Lane): number
  canAsk(host: string): boolean
  /** May the copies of this owner be deleted now? */
  isDroppable(owner: string): boolean
}

export type MenderAction =
  | { readonly kind: 'send'; readonly to: string; readonly message: RingMessage }
  | { readonly kind: 'drop'; readonly owner: string }

/** Owners looked after, and hosts listened to about one; what is said beyond that is not heard. */
const mendingsMax = 2000
const peersMax = 16

interface Peer {
  readonly lanes: readonly LaneHolding[]
  readonly keeps: boolean
  readonly atMs: number
}

interface Mending {
  readonly peers: Map<string, Peer>
  offeredAtMs: number
  isBehind: boolean
  hasFetched: boolean
}

interface Fetching {
  readonly from: string
  readonly message: Fetch
  readonly sinceMs: number
}

export class Mender {
  readonly #options: MenderOptions
  readonly #deps: MenderDeps
  readonly #mendings = new Map<string, Mending>()
  readonly #fetches = new Map<number, Fetching>()
  readonly #share: WireShare
  #changedAtMs = Number.NEGATIVE_INFINITY
  #offersAllAtMs = Number.POSITIVE_INFINITY
  #pausedToMs = Number.NEGATIVE_INFINITY
  #nextId = 1
  #bytesFetched = 0

  constructor(options: MenderOptions, deps: MenderDeps, nowMs: number) {
    this.#options = options
    this.#deps = deps
    this.#share = new WireShare(options.bytesPerSecondMax, options.bytesPerSecondMax, nowMs)
  }

  get bytesFetched(): number {
    return this.#bytesFetched
  }

  get fetching(): number {
    return this.#fetches.size
  }

  /** The ring changed: what others said of who keeps what is void, and who could not be asked before may be there now. */
  ringChanged(nowMs: number): void {
    this.#changedAtMs = nowMs
    for (const mending of this.#mendings.values()) mending.isBehind = true
    this.#offersAllAtMs = Math.min(this.#offersAllAtMs, nowMs + this.#options.settleMs)
  }

  tick(nowMs: number): MenderAction[] {
    const actions: MenderAction[] = []
    const isAllDue = nowMs >= this.#offersAllAtMs
    if (isAllDue) this.#offersAllAtMs = Number.POSITIVE_INFINITY
    const owners = new Set(this.#deps.owners())
    for (const owner of this.#mendings.keys())
      if (!owners.has(owner) && !this.#isKeeper(owner)) this.#mendings.delete(owner)
    for (const owner of owners) {
      const mending = this.#mendingOf(owner, nowMs)
      if (!isAllDue && nowMs - mending.offeredAtMs < this.#options.offerMs) continue
      mending.offeredAtMs = nowMs
      for (const to of this.#deps.keepers(owner).hosts)
        if (to !== this.#options.host) actions.push(this.#offer(to, owner, false))
    }
    for (const [id, fetch] of this.#fetches) {
      if (nowMs - fetch.sinceMs < this.#options.fetchTimeoutMs) continue
      this.#fetches.delete(id)
      this.#mendings.get(fetch.message.owner)?.peers.delete(fetch.from)
    }
    return [...actions, ...this.#pump(nowMs)]
  }

  #offer(to: string, owner: string, isReply: boolean): MenderAction {
    const { zone, start } = this.#deps.facts(owner)
    const lanes = this.#deps.holdings(owner)
    const keeps = this.#isKeeper(owner)
    return { kind: 'send', to, message: { verb: 'offer', owner, zone, ownerStart: start, lanes, keeps, isReply } }
  }

  #isKeeper(owner: string): boolean {
    return this.#deps.keepers(owner).hosts.includes(this.#options.host)
  }

  #mendingOf(owner: string, nowMs: number): Mending {
    const known = this.#mendings.get(owner)
    if (known) return known
    // spread over the interval by what is known already, so that offers of many owners do not come at once
    const spreadMs = (this.#mendings.size * 7919) % this.#options.offerMs
    const made = { peers: new Map<string, Peer>(), offeredAtMs: nowMs - spreadMs, isBehind: false, hasFetched: false }
    this.#mendings.set(owner, made)
    return made
  }

  /** What another has of an owner. */
  offer(from: string, message: Offer, nowMs: number): MenderAction[] {
    const { owner, lanes, keeps, isReply } = message
    const isKeeper = this.#isKeeper(owner)
    const actions: MenderAction[] = isReply ? [] : [this.#offer(from, owner, true)]
    if (!isKeeper && !this.#mendings.has(owner)) return actions
    if (!this.#mendings.has(owner) && this.#mendings.size >= mendingsMax) return actions
    const mending = this.#mendingOf(owner, nowMs)
    if (!mending.peers.has(from) && mending.peers.size >= peersMax) dropOldest(mending.peers)
    mending.peers.set(from, { lanes, keeps, atMs: nowMs })
    mending.isBehind = isKeeper
    if (!isKeeper && this.#mayDrop(owner)) {
      this.#mendings.delete(owner)
      actions.push({ kind: 'drop', owner })
    }
    return [...actions, ...this.#pump(nowMs)]
  }

  /** Have all who are to keep this owner's data said so since the ring last changed, and do they have all that is here? */
  isKeptElsewhere(owner: string): boolean {
    const { hosts, isSettled } = this.#deps.keepers(owner)
    if (!isSettled || hosts.length === 0 || hosts.includes(this.#options.host)) return false
    const here = this.#deps.holdings(owner)
    return hosts.every((host) => this.#lackedBy(host, owner, here)?.length === 0)
  }

  /** Samples of this owner that are here and, as far as is known, not with all who are to keep them. */
  toHandOver(owner: string): number {
    const here = this.#deps.holdings(owner)
    const all = new Holdings(here).size
    const { hosts } = this.#deps.keepers(owner)
    const lacked = hosts.map((host) => {
      const lanes = this.#lackedBy(host, owner, here)
      return lanes ? new Holdings(lanes).size : all
    })
    return hosts.length === 0 ? all : Math.max(...lacked)
  }

  /** What a keeper lacks of what is here; undefined while it has not said, since the ring last changed, that it is one. */
  #lackedBy(host: string, owner: string, here: readonly LaneHolding[]): readonly LaneHolding[] | undefined {
    const peer = this.#mendings.get(owner)?.peers.get(host)
    if (!peer?.keeps || peer.atMs < this.#changedAtMs) return undefined
    return new Holdings(peer.lanes).missingOf(here)
  }

  #mayDrop(owner: string): boolean {
    return this.#deps.isDroppable(owner) && this.isKeptElsewhere(owner)
  }

  /** Fetches what is missing, a little at a time. */
  #pump(nowMs: number): MenderAction[] {
    const actions: MenderAction[] = []
    if (nowMs < this.#pausedToMs) return actions
    for (const [owner, mending] of this.#mendings) {
      if (!mending.isBehind) continue
      if (this.#fetches.size >= this.#options.fetchesMax || !this.#share.isOpen(nowMs)) break
      if (!this.#isKeeper(owner)) mending.isBehind = false
      else if (!this.#fetchFor(owner, mending, nowMs, actions) && !this.#isFetching(owner))
        actions.push(...this.#caughtUp(owner, mending))
    }
    return actions
  }

  /** Nothing is missing any more: those that wait for it to be safe here should not wait for the next round. */
  #caughtUp(owner: string, mending: Mending): MenderAction[] {
    mending.isBehind = false
    if (!mending.hasFetched) return []
    mending.hasFetched = false
    return [...mending.peers.keys()].map((to) => this.#offer(to, owner, true))
  }

  #isFetching(owner: string): boolean {
    for (const { message } of this.#fetches.values()) if (message.owner === owner) return true
    return false
  }

  /** Starts fetches for one owner; false when there is nothing to start. */
  #fetchFor(owner: string, mending: Mending, nowMs: number, actions: MenderAction[]): boolean {
    for (const [from, { lanes }] of mending.peers) {
      if (!this.#deps.canAsk(from)) continue
      for (const lane of this.#deps.missing(owner, lanes)) {
        for (const gap of subtract(lane.ranges, this.#fetchedOf(owner, lane))) {
          if (this.#fetches.size >= this.#options.fetchesMax) return true
          actions.push(this.#fetch(from, owner, lane, gap, nowMs))
          mending.hasFetched = true
        }
      }
    }
    return false
  }

  #fetchedOf(owner: string, lane: LaneHolding): ArrivalRange[] {
    return [...this.#fetches.values()]
      .filter(({ message }) => message.owner === owner && laneKey(message) === laneKey(lane))
      .map(({ message: { from, to } }) => ({ from, to }))
  }

  #fetch(from: string, owner: string, lane: LaneHolding, gap: ArrivalRange, nowMs: number): MenderAction {
    const { storeId, start } = lane
    const id = this.#nextId++
    const to = Math.min(gap.to, gap.from + this.#options.fetchSamplesMax - 1)
    const names = this.#deps.names(owner, lane)
    const message: Fetch = { verb: 'fetch', id, owner, storeId, start, from: gap.from, to, names }
    this.#fetches.set(id, { from, message, sinceMs: nowMs })
    return { kind: 'send', to: from, message }
  }

  /** Is this the answer to an open fetch? Then that one is over. */
  takeRows(from: string, rows: Rows): boolean {
    const fetch = this.#fetches.get(rows.id)
    if (!fetch || fetch.from !== from || fetch.message.owner !== rows.owner) return false
    if (laneKey(fetch.message) !== laneKey(rows)) return false
    const hasRows = rows.to >= rows.from
    if (hasRows && (rows.to < fetch.message.from || rows.from > fetch.message.to)) return false
    this.#bytesFetched += rows.rows.length + rows.entries.length
    this.#share.spend(rows.rows.length + rows.entries.length)
    // rows stay under way until they are on disk, so that they are not fetched twice; what brought nothing is not asked again
    if (!hasRows) this.#fetches.delete(rows.id)
    if (!hasRows && rows.count === 0) this.#mendings.get(rows.owner)?.peers.delete(from)
    return true
  }

  /** There is no room for what was fetched: it is fetched again when some was made. */
  pause(nowMs: number): void {
    this.#pausedToMs = nowMs + this.#options.noRoomPauseMs
  }

  /** Its rows came without the names that they use: another may have both, and this one is asked again when it offers again. */
  passOver(host: string, owner: string): void {
    this.#mendings.get(owner)?.peers.delete(host)
  }

  /** The rows of a fetch are on disk, or will not be. */
  fetchEnded(id: number, nowMs: number): MenderAction[] {
    this.#fetches.delete(id)
    return this.#pump(nowMs)
  }
}

function dropOldest(peers: Map<string, Peer>): void {
  const [oldest] = [...peers].sort(([, a], [, b]) => a.atMs - b.atMs)
  if (oldest) peers.delete(oldest[0])
}
