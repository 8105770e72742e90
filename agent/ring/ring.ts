/**
 * The ring's shell: the node core on a real bus, disk and clock. Everything that happens becomes an event, one at a time; everything
 * the node wants is done here, and its outcome is an event again.
 */
import type { Bus, BusMessage, BusSubscription } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import type { OwnerSamples } from '#protocol/messages/leave.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { RingStatus } from '#protocol/query/ring-status.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { type Address, parseSubject, prefixOf, replySubject } from '#protocol/subjects/subject.ts'
import { CopiesHistory, type HistorySource } from './copies-history.ts'
import type { Opening } from './lane.ts'
import { decodeMessage } from './message-decoder.ts'
import { type RingAction, type RingEvent, RingNode, type RingReport } from './node.ts'
import { openLaneAbove, openNewLane } from './openings-fact.ts'
import { OwnJournal } from './own-journal.ts'
import { type OwnStore, readOwnRows } from './own-log.ts'
import type { ReplicaStore, RowDamage } from './replica-store.ts'
import { countersOf, type RingCounters } from './ring-counters.ts'
import { type FetchAnswer, RingCourier } from './ring-courier.ts'
import { RingDisk } from './ring-disk.ts'
import type { Fetch, Refusal } from './ring-message.ts'
import { nodeOptions, type RingSettings } from './ring-options.ts'
import { RingPresence } from './ring-presence.ts'
import { RingReports } from './ring-reports.ts'
import { LagWatch, statusOf } from './ring-status.ts'
import { foreignVerbs, type RingView } from './ring-view.ts'

export interface RingOptions {
  readonly address: Address
  readonly settings: RingSettings
}

export interface RingDeps {
  readonly bus: Pick<Bus, 'publish' | 'subscribe' | 'states' | 'state'>
  readonly store: OwnStore
  /** Closed with the ring. */
  readonly replicas: ReplicaStore
  readonly clock: Clock
  readonly logger: Logger
  /** The session of this agent now. */
  readonly session: () => number
  /** Takes a session above this one, and is born again. */
  readonly renewSession: (above: number) => void
}

const tickMs = 1000
/** Things to be done on disk at which messages are not taken any more. */
const diskWaitingMax = 2000

export class Ring implements AsyncDisposable {
  readonly #options: RingOptions
  readonly #deps: RingDeps
  readonly #node: RingNode
  readonly #disk: RingDisk
  readonly #courier: RingCourier
  readonly #presence: RingPresence
  readonly #subscriptions: readonly BusSubscription[]
  readonly #storeId: string
  readonly #lag = new LagWatch()
  readonly #reports: RingReports
  readonly #journal: OwnJournal
  readonly #events: RingEvent[] = []
  readonly #open = new Set<Promise<void>>()
  readonly #stopListening: () => void
  #openings: readonly Opening[]
  #cancelTick: (() => void) | undefined
  #session: number
  #isStepping = false
  readonly #stop = new AbortController()
  readonly #following: Promise<void>
  #closing: Promise<void> | undefined
  #damaged = 0
  #bytesIn = 0
  #changes = 0
  #onHandedOver: (() => void) | undefined

  private constructor(options: RingOptions, deps: RingDeps, openings: readonly Opening[], node: RingNode) {
    const { address } = options
    this.#options = options
    this.#deps = deps
    this.#openings = openings
    this.#node = node
    this.#storeId = deps.store.storeId
    this.#session = deps.session()
    this.#reports = new RingReports(address, deps)
    this.#journal = new OwnJournal(options.settings, deps)
    this.#disk = new RingDisk(address.host, { ...deps, answer: (event) => this.#take(event) })
    this.#courier = new RingCourier(address, deps)
    this.#presence = new RingPresence(address, deps.bus, (event) => {
      this.#followSession()
      this.#take({ kind: 'membership', event })
    })
    this.#subscriptions = [
      deps.bus.subscribe(`${prefixOf(address)}.ring.>`, (message) => this.#hear(message)),
      deps.bus.subscribe(`${prefixOf(address)}.control.ring.>`, (message) => this.#answerStatus(message)),
    ]
    this.#stopListening = deps.store.onCommit(() => this.#synced())
    this.#following = this.#follow()
    this.#tick()
  }

  /** Opens a lane for this start, on disk before anything is shipped, and joins the ring. */
  static async open(options: RingOptions, deps: RingDeps): Promise<Ring> {
    const { store, replicas, clock } = deps
    const openings = await openNewLane(deps)
    const init = { session: deps.session(), storeId: store.storeId, openings, copies: await replicas.copies() }
    const node = new RingNode(nodeOptions(options.address.host, options.settings), init, clock.monotonic())
    return new Ring(options, deps, openings, node)
  }

  get counters(): RingCounters {
    return countersOf(this.status(), {
      repairedBytes: this.#node.mender.bytesFetched,
      unsent: this.#courier.unsent,
      refused: this.#reports.refused,
      damaged: this.#damaged,
    })
  }

  /** As this agent sees it. */
  status(): RingStatus {
    const { settings, address } = this.#options
    const own = { host: address.host, zone: settings.zone, copies: settings.copies, bytesIn: this.#bytesIn }
    return statusOf(this.#node, own, this.#lag, this.#deps.clock.monotonic())
  }

  /** Own samples up to this position are with every holder there is now. */
  get settledTo(): number {
    return this.#node.shipper.settledTo
  }

  /** Does this agent aggregate the monitor of its cloud now, by its own view of the ring? */
  isAggregator(monitor: string): boolean {
    return this.#node.isAggregator(monitor)
  }

  /** Who is there, and who keeps what. */
  get view(): RingView {
    const { host } = this.#options.address
    const { ring, membership } = this.#node
    return {
      ring,
      changes: this.#changes,
      isLive: (other) => membership.isAlive(other),
      states: () => {
        const own = [host, membership.isLeaving ? 'left' : 'alive'] as const
        return new Map([own, ...[...membership.members].map((member) => [member.host, member.state] as const)])
      },
      keepersOf: (owner) => this.#node.keepersOf(owner).hosts,
    }
  }

  /** Samples of all owners that are held here. */
  get heldSamples(): number {
    return this.#node.keeper.owners.reduce((sum, owner) => sum + (this.#node.keeper.holdingsOf(owner)?.size ?? 0), 0)
  }

  /** False when it has to be opened anew: the own store is another now, or the shared area is nowhere. Rejects when the disk does not answer. */
  async isInPlace(): Promise<boolean> {
    const { store, replicas } = this.#deps
    return store.storeId === this.#storeId && !this.#stop.signal.aborted && (await replicas.isInPlace())
  }

  /** Is something of this owner held here? */
  holds(owner: string): boolean {
    return (this.#node.keeper.holdingsOf(owner)?.size ?? 0) > 0
  }

  /**
   * What is held of another host of this cloud, to be asked like its own store; undefined when nothing is. What is copied afterwards is
   * read too, but for series that are new.
   */
  async historyOf(owner: string): Promise<HistorySource | undefined> {
    const lanes = this.#node.keeper.holdingsOf(owner)?.summary() ?? []
    if (!this.holds(owner) || owner === this.#options.address.host) return undefined
    const inOrder = lanes.toSorted((a, b) => a.start - b.start)
    return CopiesHistory.open(this.#deps.replicas, owner, inOrder)
  }

  /** Is there anybody who could take over what is here? */
  get hasHeirs(): boolean {
    return this.status().members.some(({ state }) => state === 'alive')
  }

  /** Samples that are here and not yet with all who are to keep them when this host is gone. */
  get toHandOver(): readonly OwnerSamples[] {
    return this.#node.toHandOver
  }

  /**
   * Leaves for good: tells everybody, and resolves when everything that was here is where it belongs. Stop the intake first.
   * Rejects with the signal's reason; the agent is then a member that leaves until it is started anew.
   */
  async leave(signal: AbortSignal): Promise<void> {
    const { store } = this.#deps
    await unlessAborted(store.commit(), signal)
    await unlessAborted(this.#syncedTo(store.nextPosition - 1), signal)
    const handedOver = new Promise<void>((resolve) => {
      this.#onHandedOver = resolve
    })
    this.#take({ kind: 'membership', event: { kind: 'leave' } })
    await unlessAborted(handedOver, signal)
  }

  /** What is not synced is nobody's to take over. */
  #syncedTo(position: number): Promise<void> {
    const { store } = this.#deps
    return new Promise((resolve) => {
      const look = (): void => {
        if (store.syncedTo < position) return
        stop()
        resolve()
      }
      const stop = store.onCommit(look)
      look()
    })
  }

  /** A row of the shared area was put aside: the caller of `LevelReplicaStore` passes it on. */
  damaged({ owner, storeId, start, from, to, bytes }: RowDamage): void {
    this.#damaged++
    this.#take({ kind: 'damaged', owner, lane: { storeId, start, ranges: [{ from, to }], floor: 0 }, bytes })
  }

  /** Now. What is on its way to the disk is done first. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#cancelTick?.()
    this.#stopListening()
    this.#presence.close()
    for (const subscription of this.#subscriptions) subscription.close()
    await Promise.all([this.#following, ...this.#open])
    await this.#disk.done()
    await this.#deps.replicas.close()
  }

  /** One event after the other: what an action brings about waits until the present step is done. */
  #take(event: RingEvent): void {
    if (this.#stop.signal.aborted) return
    this.#events.push(event)
    if (this.#isStepping) return
    this.#isStepping = true
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        for (const action of this.#node.step(next, this.#deps.clock.monotonic())) this.#do(action)
      }
    } finally {
      this.#isStepping = false
    }
  }

  #tick(): void {
    if (this.#stop.signal.aborted) return
    this.#followSession()
    if (this.#journal.isLookDue) this.#later('floor', () => this.#lookUpFloor())
    this.#take({ kind: 'tick' })
    const nowMs = this.#deps.clock.monotonic()
    this.#lag.tick(this.#node, nowMs)
    this.#journal.letGo(this.#node.shipper.settledTo)
    this.#reports.watch(this.status(), nowMs)
    this.#cancelTick = this.#deps.clock.after(tickMs, () => this.#tick())
  }

  async #follow(): Promise<void> {
    let isUp = false
    for await (const { state } of this.#deps.bus.states(this.#stop.signal)) {
      if ((state === 'up') === isUp) continue
      isUp = state === 'up'
      this.#take({ kind: 'membership', event: { kind: isUp ? 'busBack' : 'busLost' } })
    }
  }

  /** The agent takes a new session when it hears of its own death. */
  #followSession(): void {
    const session = this.#deps.session()
    if (session === this.#session) return
    this.#session = session
    this.#take({ kind: 'membership', event: { kind: 'session', session } })
  }

  #synced(): void {
    this.#take({ kind: 'synced', to: this.#deps.store.syncedTo, floor: this.#journal.floor })
  }

  async #lookUpFloor(): Promise<void> {
    await this.#journal.look()
    this.#synced()
  }

  #hear({ subject, body }: BusMessage): void {
    const [from, verb = ''] = parseSubject(subject).rest
    if (from === undefined || from === this.#options.address.host || foreignVerbs.includes(verb)) return
    if (this.#disk.waiting >= diskWaitingMax) {
      this.#reports.countRefused('busy')
      return
    }
    try {
      const message = decodeMessage(body)
      if (message.verb === 'append' || message.verb === 'rows') this.#bytesIn += message.rows.length
      this.#take({ kind: 'message', from, message })
    } catch (error) {
      if (!isLanistaError(error, 'RING_MESSAGE_INVALID')) throw error
      this.#reports.unreadable(from, error.data['reason'] as Refusal, error.message)
    }
  }

  #answerStatus({ subject }: BusMessage): void {
    try {
      this.#deps.bus.publish(replySubject(subject), encodeJsonAnswer(this.status()))
    } catch (error) {
      this.#deps.logger.debug({ subject, error: messageOf(error) }, 'answer_unsent')
    }
  }

  #do(action: RingAction): void {
    switch (action.kind) {
      case 'send':
        this.#courier.send(action.to, action.message)
        return
      case 'sendNames':
        this.#courier.sendNames(action.to, this.#node.shipper.start, action.firstId, action.count)
        return
      case 'readOwn':
        this.#readOwn(action)
        return
      case 'answerFetch':
        this.#later('fetch', () => this.#answerFetch(action.to, action.fetch, action.isOwn))
        return
      case 'open':
        this.#later('opening', () => this.#reopen(action.startAbove, action.isInPlace))
        return
      case 'renewSession':
        this.#deps.renewSession(action.above)
        this.#followSession()
        return
      case 'hear':
        this.#presence.hear(action.hosts)
        return
      case 'report':
        this.#report(action.report)
        return
      case 'evict':
        this.#reports.evicting(action.owner)
        this.#disk.do(action)
        return
      case 'keep':
      case 'keepNames':
      case 'copyNames':
      case 'findOldest':
      case 'drop':
        this.#disk.do(action)
    }
  }

  #readOwn({ id, from, to }: { readonly id: number; readonly from: number; readonly to: number }): void {
    this.#later('read', async () => {
      try {
        this.#take({ kind: 'ownRead', id, ...(await readOwnRows(this.#deps.store, { from, to }, to - from + 1)) })
      } catch (error) {
        this.#take({ kind: 'ownRead', id, isFailed: true })
        throw error
      }
    })
  }

  async #answerFetch(to: string, fetch: Fetch, isOwn: boolean): Promise<void> {
    let answer: FetchAnswer = { bytes: 0, void: undefined }
    try {
      answer = await this.#courier.answer(to, fetch, isOwn)
    } finally {
      this.#take({ kind: 'answered', ...answer })
    }
  }

  async #reopen(above: number, isInPlace: boolean): Promise<void> {
    try {
      this.#openings = await openLaneAbove(above, isInPlace, this.#openings, this.#deps)
    } catch (error) {
      this.#take({ kind: 'opened', opening: undefined })
      throw error
    }
    this.#take({ kind: 'opened', opening: this.#openings.at(-1) })
  }

  #report(report: RingReport): void {
    if (report.kind === 'member') this.#changes++
    this.#reports.tell(report)
    if (report.kind === 'handedOver') this.#onHandedOver?.()
  }

  /** Work that waits for the disk; its failure is logged, and the node asks again. */
  #later(what: string, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => this.#reports.failed(what, error))
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }
}
