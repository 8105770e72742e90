/**
 * One agent's part in the ring, all of it but the I/O: membership says who is there, the ring of members says who holds what, and
 * shipper, keeper and mender make it so. Start reading here. Both the shell (`ring.ts`) and the simulation run exactly this.
 */
import type { OwnerSamples } from '#protocol/messages/leave.ts'
import type { ArrivalRange } from '#protocol/samples/arrival.ts'
import { Holdings } from './holdings.ts'
import { Keeper, type KeeperOptions } from './keeper.ts'
import type { KeeperAction, OwnerCopies } from './keeper-actions.ts'
import { type LaneHolding, type Opening, Openings } from './lane.ts'
import { Membership, type MembershipAction, type MembershipEvent, type MembershipOptions } from './membership.ts'
import { type Keepers, Mender, type MenderAction, type MenderOptions } from './mender.ts'
import type { RingMutant } from './mutant.ts'
import { aggregatorOf, assignedHolders, hostsOf, type LiveHolders, liveHolders, Ring } from './placement.ts'
import type { Fetch, Offer, Refusal, RingMessage, Rows } from './ring-message.ts'
import { Shipper, type ShipperOptions } from './shipper.ts'
import type { OwnRead, ShipperAction } from './shipper-actions.ts'
import { WireShare } from './wire-share.ts'

export interface RingNodeOptions {
  readonly host: string
  readonly zone: string
  /** Copies of each sample, the owner's own included: R. 1 = no ring. Default 3. */
  readonly copies: number
  readonly membership: MembershipOptions
  readonly shipper: ShipperOptions
  readonly keeper: KeeperOptions
  readonly mender: MenderOptions
  /** For tests of the tests alone. */
  readonly mutant?: RingMutant | undefined
}

/** What the agent finds on its disk when it starts. */
export interface RingNodeInit {
  readonly session: number
  readonly storeId: string
  /** Those of all starts of this store, the present one last, which is on disk already. */
  readonly openings: readonly Opening[]
  readonly copies: readonly OwnerCopies[]
}

export type RingEvent =
  | {
      readonly kind: 'membership'
      readonly event: Exclude<MembershipEvent, { readonly kind: 'tick' | 'gossip' | 'heard' }>
    }
  | { readonly kind: 'message'; readonly from: string; readonly message: RingMessage }
  /** Own samples up to `to` are on disk, those up to `floor` past their retention. */
  | { readonly kind: 'synced'; readonly to: number; readonly floor: number }
  | ({ readonly kind: 'ownRead' } & OwnRead)
  /** `opening` undefined = it could not be written. */
  | { readonly kind: 'opened'; readonly opening: Opening | undefined }
  | { readonly kind: 'kept'; readonly id: number; readonly isSynced: boolean }
  | {
      readonly kind: 'oldest'
      readonly owner: string
      readonly found: { readonly storeId: string; readonly start: number; readonly to: number } | undefined
    }
  | {
      readonly kind: 'evicted'
      readonly owner: string
      readonly storeId: string
      readonly start: number
      readonly to: number
      readonly bytes: number
    }
  | { readonly kind: 'damaged'; readonly owner: string; readonly lane: LaneHolding; readonly bytes: number }
  /** Names of a lane's series, from this id on, could not be written. */
  | {
      readonly kind: 'namesLost'
      readonly owner: string
      readonly storeId: string
      readonly start: number
      readonly firstId: number
    }
  /** A fetch of another was answered with this many bytes; `void` = own positions asked for that do not exist. */
  | { readonly kind: 'answered'; readonly bytes: number; readonly void?: ArrivalRange | undefined }
  | { readonly kind: 'tick' }

export type RingAction =
  | Exclude<ShipperAction, { readonly kind: 'quarantined' }>
  | Exclude<KeeperAction, { readonly kind: 'refused' }>
  | MenderAction
  /** Read what the fetch asks for, own samples or copies, and send the `rows`; then `answered`, with 0 where it failed. */
  | { readonly kind: 'answerFetch'; readonly to: string; readonly fetch: Fetch; readonly isOwn: boolean }
  /** Take a higher session and be born again: a session of this host's forgotten past outranks the present one. */
  | { readonly kind: 'renewSession'; readonly above: number }
  /** Hear the heartbeats of these hosts; of all where `hosts` is undefined. */
  | { readonly kind: 'hear'; readonly hosts: readonly string[] | undefined }
  | { readonly kind: 'report'; readonly report: RingReport }

/** What people should know. */
export type RingReport =
  | { readonly kind: 'member'; readonly host: string; readonly from: string | undefined; readonly to: string }
  /** Somebody else lives with our identity. This agent copies nothing any more. */
  | { readonly kind: 'clone'; readonly session?: number | undefined; readonly knownStart?: number | undefined }
  | { readonly kind: 'refused'; readonly from: string; readonly reason: Refusal }
  | { readonly kind: 'dropped'; readonly owner: string }
  /** Leaving: everything this host had is where it belongs. */
  | { readonly kind: 'handedOver' }

/** Fetches answered at once. */
const answersMax = 4

export class RingNode {
  readonly #options: RingNodeOptions
  readonly #openings: Openings
  readonly #membership: Membership
  readonly #shipper: Shipper
  readonly #keeper: Keeper
  readonly #mender: Mender
  readonly #adopting = new Map<number, number>()
  readonly #repairShare: WireShare
  #ring: Ring
  #actions: RingAction[] = []
  #ringChanged = true
  #answering = 0
  #heard = ''
  #hasHandedOver = false

  constructor(options: RingNodeOptions, init: RingNodeInit, nowMs: number) {
    this.#options = options
    this.#openings = new Openings(init.storeId, init.openings)
    this.#membership = new Membership(options.membership, init.session, nowMs)
    this.#shipper = new Shipper(options.shipper, this.#openings, nowMs)
    this.#keeper = new Keeper({ ...options.keeper, mutant: options.mutant }, this.#openings.current.start, init.copies)
    this.#repairShare = new WireShare(options.mender.bytesPerSecondMax, options.mender.bytesPerSecondMax, nowMs)
    this.#ring = new Ring([options])
    this.#mender = new Mender(options.mender, this.#menderDeps(), nowMs)
  }

  get membership(): Membership {
    return this.#membership
  }

  get shipper(): Shipper {
    return this.#shipper
  }

  get keeper(): Keeper {
    return this.#keeper
  }

  get mender(): Mender {
    return this.#mender
  }

  get ring(): Ring {
    return this.#ring
  }

  /** Takes an event in and returns what to do, in order; `nowMs` is monotonic. Copies are written, evicted and dropped in just this order. */
  step(event: RingEvent, nowMs: number): RingAction[] {
    this.#actions = []
    this.#take(event, nowMs)
    if (this.#ringChanged) this.#rebuild(nowMs)
    for (const action of this.#shipper.plan(nowMs)) this.#doShipper(action)
    return this.#actions
  }

  /** Does this agent aggregate the monitor of its cloud now, by its own view? */
  isAggregator(monitor: string): boolean {
    const isLive = (host: string): boolean => this.#membership.isAlive(host)
    if (this.#options.mutant === 'two_aggregators') {
      return this.#ring.from(`monitor ${monitor}`).filter(isLive).slice(0, 2).includes(this.#options.host)
    }
    return aggregatorOf(this.#ring, monitor, isLive) === this.#options.host
  }

  /** Who is to keep an owner's data, by this agent's view. */
  keepersOf(owner: string, zoneTold = ''): Keepers {
    const { host, copies } = this.#options
    const isLive = (other: string): boolean => this.#membership.isAlive(other)
    const zone = owner === host ? this.#options.zone : this.#zoneOf(owner, zoneTold)
    // while the silent leave too few to keep it, a copy more than is wanted stays where it is
    const isEnough = (hosts: readonly string[]): boolean => hosts.length >= Math.min(copies, this.#ring.size)
    if (!this.#ring.has(owner)) {
      const hosts = hostsOf(liveHolders(this.#ring, owner, copies, isLive, zone))
      return { hosts, isSettled: isEnough(hosts) }
    }
    const holders = hostsOf(liveHolders(this.#ring, owner, copies - 1, isLive))
    const isHere = owner === host || isLive(owner)
    const hosts = isHere ? [owner, ...holders] : holders
    return { hosts, isSettled: isHere && isEnough(hosts) }
  }

  /** The zone of an owner that is no member, as well as it is known. */
  #zoneOf(owner: string, zoneTold: string): string {
    return this.#membership.get(owner)?.zone || this.#keeper.factsOf(owner).zone || zoneTold
  }

  /** Own samples and copies of this host's own that are readable here. */
  holdingsOf(owner: string): readonly LaneHolding[] {
    const copies = this.#keeper.holdingsOf(owner)?.summary() ?? []
    return owner === this.#options.host ? [...copies, ...this.#shipper.holdings()] : copies
  }

  /** What is here and not yet with all who are to keep it when this host is gone. */
  get toHandOver(): readonly OwnerSamples[] {
    const owners = new Set([...this.#keeper.owners, this.#options.host])
    return [...owners]
      .map((owner) => ({ owner, samples: this.#mender.toHandOver(owner) }))
      .filter(({ samples }) => samples > 0)
  }

  #take(event: RingEvent, nowMs: number): void {
    switch (event.kind) {
      case 'membership':
        this.#doMembership(this.#membership.step(event.event, nowMs))
        if (event.event.kind === 'leave') this.#ringChanged = true
        return
      case 'message':
        this.#doMembership(this.#membership.step({ kind: 'heard', host: event.from }, nowMs))
        this.#onMessage(event.from, event.message, nowMs)
        return
      case 'synced':
        this.#shipper.synced(event.to, event.floor)
        return
      case 'ownRead':
        for (const action of this.#shipper.ownRead(event, nowMs)) this.#doShipper(action)
        return
      case 'opened':
        this.#shipper.opened(event.opening)
        return
      case 'kept':
        this.#doKeeper(this.#keeper.kept(event.id, event.isSynced, nowMs))
        this.#afterAdoption(event.id, nowMs)
        return
      case 'oldest':
        this.#doKeeper(this.#keeper.oldest(event.owner, event.found, nowMs))
        return
      case 'evicted':
        this.#doKeeper(this.#keeper.evicted(event.owner, event, event.bytes))
        return
      case 'damaged':
        this.#doKeeper(this.#keeper.damaged(event.owner, event.lane, event.lane.ranges, event.bytes, nowMs))
        return
      case 'namesLost':
        this.#keeper.namesLost(event.owner, event, event.firstId)
        return
      case 'answered':
        this.#answering--
        this.#repairShare.spend(event.bytes)
        if (event.void) this.#shipper.markVoid(event.void)
        return
      case 'tick':
        this.#onTick(nowMs)
    }
  }

  #onTick(nowMs: number): void {
    this.#doMembership(this.#membership.step({ kind: 'tick' }, nowMs))
    this.#doKeeper(this.#keeper.tick(nowMs, (host) => this.#membership.isAlive(host)))
    this.#doMender(this.#mender.tick(nowMs))
    if (this.#membership.isLeaving) this.#checkHandOver()
    this.#hear(nowMs)
  }

  #onMessage(from: string, message: RingMessage, nowMs: number): void {
    switch (message.verb) {
      case 'gossip':
        this.#doMembership(
          this.#membership.step({ kind: 'gossip', from, asks: message.asks, rows: message.rows }, nowMs),
        )
        return
      case 'hello':
        this.#doKeeper(this.#keeper.hello(from, message, nowMs))
        return
      case 'names':
        this.#doKeeper(this.#keeper.names(from, message))
        return
      case 'append':
        this.#doKeeper(this.#keeper.append(from, message, nowMs))
        return
      case 'withdrawn':
        this.#doKeeper(this.#keeper.withdrawn(from, message.id))
        return
      case 'welcome':
        for (const action of this.#shipper.welcome(from, message, nowMs)) this.#doShipper(action)
        return
      case 'ack':
        this.#shipper.ack(from, message)
        return
      case 'refuse':
        for (const action of this.#shipper.refuse(from, message, nowMs)) this.#doShipper(action)
        return
      case 'withdraw':
        for (const action of this.#shipper.withdraw(from, message)) this.#doShipper(action)
        return
      case 'offer':
        this.#learn(message)
        this.#doMender(this.#mender.offer(from, message, nowMs))
        return
      case 'fetch':
        this.#onFetch(from, message, nowMs)
        return
      case 'rows':
        this.#onRows(from, message, nowMs)
    }
  }

  /** What concerns an owner whose data is to be kept here. */
  #learn({ owner, zone, ownerStart }: Offer): void {
    const isKeeper = this.keepersOf(owner, zone).hosts.includes(this.#options.host)
    if (isKeeper || this.#keeper.holdingsOf(owner)) this.#keeper.learn({ owner, zone, start: ownerStart })
  }

  #onFetch(from: string, fetch: Fetch, nowMs: number): void {
    // unanswered on purpose: the asker asks again, or another
    if (this.#answering >= answersMax || !this.#repairShare.isOpen(nowMs)) return
    const own = fetch.owner === this.#options.host ? this.#shipper.readable(fetch) : undefined
    if (!own && !this.#keeper.holdingsOf(fetch.owner)) return
    this.#answering++
    this.#actions.push({ kind: 'answerFetch', to: from, fetch: { ...fetch, ...own }, isOwn: own !== undefined })
  }

  #onRows(from: string, message: Rows, nowMs: number): void {
    if (!this.#mender.takeRows(from, message)) {
      this.#report({ kind: 'refused', from, reason: 'unasked' })
      return
    }
    const { owner, storeId, start, from: first, to, idsTo, rows, firstId, count, entries, id } = message
    this.#doKeeper(this.#keeper.adoptNames(owner, message, { firstId, count, entries }))
    const isNamed = this.#keeper.namesOf(owner, message) >= idsTo
    const lacksRoom = this.#keeper.reasonForNoRoom(rows.length) !== undefined
    if (to < first || !isNamed || lacksRoom) {
      if (lacksRoom) this.#mender.pause(nowMs)
      else if (!isNamed && count === 0) this.#mender.passOver(from, owner)
      if (lacksRoom) this.#doKeeper(this.#keeper.makeRoom(rows.length))
      this.#doMender(this.#mender.fetchEnded(id, nowMs))
      return
    }
    const kept = this.#keeper.adopt(this.#keeper.factsOf(owner), { storeId, start, from: first, to, idsTo, rows })
    for (const action of kept) if (action.kind === 'keep') this.#adopting.set(action.id, id)
    this.#doKeeper(kept)
    if (kept.length === 0) this.#doMender(this.#mender.fetchEnded(id, nowMs))
  }

  #afterAdoption(keepId: number, nowMs: number): void {
    const fetchId = this.#adopting.get(keepId)
    if (fetchId === undefined) return
    this.#adopting.delete(keepId)
    this.#doMender(this.#mender.fetchEnded(fetchId, nowMs))
  }

  #checkHandOver(): void {
    if (this.#hasHandedOver) return
    if (this.toHandOver.length > 0) return
    this.#hasHandedOver = true
    this.#report({ kind: 'handedOver' })
  }

  #doMembership(actions: readonly MembershipAction[]): void {
    for (const action of actions) {
      if (action.kind === 'gossip') {
        const message: RingMessage = { verb: 'gossip', asks: action.asks, rows: action.rows }
        this.#actions.push({ kind: 'send', to: action.to, message })
      } else if (action.kind === 'clone') {
        this.#report({ kind: 'clone', session: action.session })
      } else if (action.kind === 'renewSession') {
        this.#actions.push(action)
      } else {
        this.#ringChanged = true
        if (action.isNewSession) this.#shipper.forget(action.host)
        if (action.from !== action.to)
          this.#report({ kind: 'member', host: action.host, from: action.from, to: action.to })
      }
    }
  }

  #doShipper(action: ShipperAction): void {
    if (action.kind === 'quarantined') this.#report({ kind: 'clone', knownStart: action.knownStart })
    else this.#actions.push(action)
  }

  #doKeeper(actions: readonly KeeperAction[]): void {
    for (const action of actions) {
      if (action.kind === 'refused') this.#report({ kind: 'refused', from: action.from, reason: action.reason })
      else this.#actions.push(action)
    }
  }

  #doMender(actions: readonly MenderAction[]): void {
    for (const action of actions) {
      if (action.kind === 'drop') {
        this.#keeper.drop(action.owner)
        this.#report({ kind: 'dropped', owner: action.owner })
      }
      this.#actions.push(action)
    }
  }

  #report(report: RingReport): void {
    this.#actions.push({ kind: 'report', report })
  }

  /** Members came, went, fell silent or spoke again: who holds what, and whom to hear. */
  #rebuild(nowMs: number): void {
    this.#ringChanged = false
    const { host, zone, copies } = this.#options
    const members = [...this.#membership.members].filter(({ state }) => state === 'alive' || state === 'suspect')
    this.#ring = new Ring(this.#membership.isLeaving ? members : [{ host, zone }, ...members], this.#ring)
    this.#shipper.setHolders(this.#ownHolders(), nowMs)
    this.#mender.ringChanged(nowMs)
    const isLive = (other: string): boolean => this.#membership.isAlive(other)
    const neighbours = new Set(this.#ring.adjacent(host, isLive))
    for (const holder of assignedHolders(this.#ring, host, copies - 1)) neighbours.add(holder)
    for (const other of this.#ring.hosts) {
      if (other !== host && assignedHolders(this.#ring, other, copies - 1).includes(host)) neighbours.add(other)
    }
    this.#membership.watch(neighbours, nowMs)
    this.#hear(nowMs)
  }

  #ownHolders(): LiveHolders {
    const { host, copies } = this.#options
    if (this.#membership.isLeaving) return { assigned: [], standIns: [] }
    return liveHolders(this.#ring, host, copies - 1, (other) => this.#membership.isAlive(other))
  }

  #hear(nowMs: number): void {
    const hosts = this.#membership.hearsAll(nowMs) ? undefined : [...this.#membership.watched].sort()
    const heard = hosts ? hosts.join(' ') : '*'
    if (heard === this.#heard) return
    this.#heard = heard
    this.#actions.push({ kind: 'hear', hosts })
  }

  #menderDeps(): ConstructorParameters<typeof Mender>[1] {
    const { host } = this.#options
    return {
      owners: () => {
        const owners = new Set(this.#keeper.owners)
        if (this.#membership.isLeaving) owners.add(host)
        return owners
      },
      holdings: (owner) => this.holdingsOf(owner),
      missing: (owner, lanes) => new Holdings(this.holdingsOf(owner)).missingOf(lanes),
      keepers: (owner) => this.keepersOf(owner),
      facts: (owner) =>
        owner === host ? { zone: this.#options.zone, start: this.#shipper.start } : this.#keeper.factsOf(owner),
      names: (owner, lane) => this.#keeper.namesOf(owner, lane),
      // one that leaves answers to the last
      canAsk: (other) => ['alive', 'left'].includes(this.#membership.get(other)?.state ?? ''),
      isDroppable: (owner) => owner !== host && !this.#keeper.isBusyWith(owner),
    }
  }
}
