/**
 * The ring's shell: the node core on a real bus, disk and clock. Everything that happens becomes an event, one at a time; everything
 * the node wants is done here, and its outcome is an event again.
 */
import type { Bus, BusMessage, BusSubscription } from '#broker/bus.ts'
import { isLanistaError, messageOf } from '#protocol/errors.ts'
import { encodeJson } from '#protocol/messages/json.ts'
import type { OwnerSamples } from '#protocol/messages/leave.ts'
import { encodeJsonAnswer } from '#protocol/query/answer.ts'
import type { RingStatus } from '#protocol/query/ring-status.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { OnceAMinute } from '#protocol/runtime/once-a-minute.ts'
import { unlessAborted } from '#protocol/runtime/unless-aborted.ts'
import { type Address, buildSubject, parseSubject, prefixOf, replySubject } from '#protocol/subjects/subject.ts'
import { CopiesHistory, type HistorySource } from './copies-history.ts'
import { type Opening, openLane, reopenLane } from './lane.ts'
import { decodeMessage } from './message-decoder.ts'
import { type RingAction, type RingEvent, RingNode, type RingReport } from './node.ts'
import { type OwnStore, readOwnRows } from './own-log.ts'
import type { ReplicaStore, RowDamage } from './replica-store.ts'
import { type FetchAnswer, RingCourier } from './ring-courier.ts'
import { RingDisk } from './ring-disk.ts'
import type { Fetch, Refusal } from './ring-message.ts'
import { nodeOptions, type RingSettings } from './ring-options.ts'
import { RingPresence } from './ring-presence.ts'
import { LagWatch, statusOf } from './ring-status.ts'

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

/** What the ring has done since the start, for metrics. */
export interface RingCounters {
  readonly members: number
  readonly suspects: number
  readonly degree: number
  /** Samples that the holder furthest behind lacks, and for how long it has lacked some, s. */
  readonly lagSamples: number
  readonly lagSeconds: number
  readonly heldBytes: number
  readonly heldOwners: number
  /** Bytes of rows. */
  readonly bytesOut: number
  readonly bytesIn: number
  readonly repairedBytes: number
  /** Messages that could not be handed to the bus; the next tick makes up for them. */
  readonly unsent: number
  /** Messages not taken, by reason: ours of others, not others' of ours. */
  readonly refused: Readonly<Partial<Record<Refusal, number>>>
  /** Rows put aside because they could not be read. */
  readonly damaged: number
}

const tickMs = 1000
/** The journal's beginning is looked up this often, ms. */
const floorMs = 30_000
/** Too few copies for this long is an alarm, ms. */
const alarmAfterMs = 60_000
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
  readonly #quiet: OnceAMinute
  readonly #refused: Partial<Record<Refusal, number>> = {}
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
  #floor = 0
  #floorAtMs = Number.NEGATIVE_INFINITY
  #damaged = 0
  #bytesIn = 0
  #underSinceMs: number | undefined
  #hasAlarm = false
  #onHandedOver: (() => void) | undefined

  private constructor(options: RingOptions, deps: RingDeps, openings: readonly Opening[], node: RingNode) {
    const { address } = options
    this.#options = options
    this.#deps = deps
    this.#openings = openings
    this.#node = node
    this.#storeId = deps.store.storeId
    this.#session = deps.session()
    this.#quiet = new OnceAMinute(deps.clock)
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
    // the journal is let go of only as far as every holder has it: see #letGo
    deps.store.consumer(consumerName)
    this.#following = this.#follow()
    this.#tick()
  }

  /** Opens a lane for this start, on disk before anything is shipped, and joins the ring. */
  static async open(options: RingOptions, deps: RingDeps): Promise<Ring> {
    const { store, replicas, clock } = deps
    const known = parseOpenings(await replicas.fact(openingsName(store)))
    const openings = openLane(known, store.nextPosition, clock.now(), Math.random())
    await replicas.keepFact(openingsName(store), openings)
    const init = { session: deps.session(), storeId: store.storeId, openings, copies: await replicas.copies() }
    const node = new RingNode(nodeOptions(options.address.host, options.settings), init, clock.monotonic())
    return new Ring(options, deps, openings, node)
  }

  get counters(): RingCounters {
    const status = this.status()
    const lag = Math.max(0, ...status.holders.map(({ lagSamples }) => lagSamples))
    return {
      members: 1 + status.members.filter(({ state }) => state === 'alive').length,
      suspects: status.members.filter(({ state }) => state === 'suspect').length,
      degree: status.degree,
      lagSamples: lag,
      lagSeconds: Math.max(0, ...status.holders.map(({ lagSeconds }) => lagSeconds)),
      heldBytes: status.heldBytes,
      heldOwners: status.held.length,
      bytesOut: status.bytesOut,
      bytesIn: this.#bytesIn,
      repairedBytes: this.#node.mender.bytesFetched,
      unsent: this.#courier.unsent,
      refused: { ...this.#refused },
      damaged: this.#damaged,
    }
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
    const storeIds = new Set(lanes.toSorted((a, b) => a.start - b.start).map(({ storeId }) => storeId))
    return CopiesHistory.open(this.#deps.replicas, owner, [...storeIds])
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
    this.#lookUpFloor()
    this.#take({ kind: 'tick' })
    const nowMs = this.#deps.clock.monotonic()
    this.#lag.tick(this.#node, nowMs)
    this.#letGo()
    this.#warnWhenUnderReplicated(nowMs)
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
    this.#take({ kind: 'synced', to: this.#deps.store.syncedTo, floor: this.#floor })
  }

  #lookUpFloor(): void {
    const nowMs = this.#deps.clock.monotonic()
    if (nowMs - this.#floorAtMs < floorMs) return
    this.#floorAtMs = nowMs
    this.#later('floor', async () => {
      this.#floor = (await this.#deps.store.arrivalsFrom()) - 1
      this.#synced()
    })
  }

  /** The journal need not keep what every holder has, but for some history for a holder that comes new. */
  #letGo(): void {
    const { store } = this.#deps
    const { copies, historySamples } = this.#options.settings
    const keepFrom = store.nextPosition - (copies > 1 ? historySamples : 0)
    const to = Math.min(this.#node.shipper.settledTo, keepFrom - 1)
    if (to >= 1) store.consumer(consumerName).acknowledge([{ from: 1, to }])
  }

  /** Once it has lasted: a member that comes or goes is not at once an alarm. */
  #warnWhenUnderReplicated(nowMs: number): void {
    const { degree, copies, isUnderReplicated, members } = this.status()
    if (!isUnderReplicated) this.#underSinceMs = undefined
    else this.#underSinceMs ??= nowMs
    const isAlarm = this.#underSinceMs !== undefined && nowMs - this.#underSinceMs >= alarmAfterMs
    if (isAlarm === this.#hasAlarm) return
    this.#hasAlarm = isAlarm
    const facts = { degree, copies, members: members.length + 1 }
    this.#deps.logger.info(facts, isAlarm ? 'ring_under_replicated' : 'ring_replicated')
    this.#publishEvent({ alarm: 'under_replicated', isOn: isAlarm, ...facts })
  }

  #hear({ subject, body }: BusMessage): void {
    const [from] = parseSubject(subject).rest
    if (from === undefined || from === this.#options.address.host) return
    if (this.#disk.waiting >= diskWaitingMax) {
      this.#countRefused('busy')
      return
    }
    try {
      const message = decodeMessage(body)
      if (message.verb === 'append' || message.verb === 'rows') this.#bytesIn += message.rows.length
      this.#take({ kind: 'message', from, message })
    } catch (error) {
      if (!isLanistaError(error, 'RING_MESSAGE_INVALID')) throw error
      this.#countRefused(error.data['reason'] as Refusal)
      this.#quiet.pass(`${from} invalid`, (suppressed) =>
        this.#deps.logger.warn({ from, error: error.message, suppressed }, 'ring_message_refused'),
      )
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
      case 'keep':
      case 'keepNames':
      case 'findOldest':
      case 'evict':
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
    const { store, replicas, clock } = this.#deps
    const first = isInPlace ? undefined : store.nextPosition
    const openings = reopenLane(this.#openings, above, first, clock.now(), Math.random())
    try {
      await replicas.keepFact(openingsName(store), openings)
    } catch (error) {
      this.#take({ kind: 'opened', opening: undefined })
      throw error
    }
    this.#openings = openings
    this.#take({ kind: 'opened', opening: openings.at(-1) })
  }

  #report(report: RingReport): void {
    const { logger } = this.#deps
    switch (report.kind) {
      case 'refused':
        this.#countRefused(report.reason)
        this.#quiet.pass(`${report.from} ${report.reason}`, (suppressed) =>
          logger.warn({ ...report, suppressed }, 'ring_refused'),
        )
        return
      case 'clone':
        this.#quiet.pass('clone', (suppressed) => {
          logger.error({ ...report, suppressed }, 'ring_clone')
          this.#publishEvent({ alarm: 'clone', isOn: true, ...report })
        })
        return
      case 'handedOver':
        logger.info({}, 'ring_handed_over')
        this.#onHandedOver?.()
        return
      case 'member':
      case 'dropped':
        logger.info(report, `ring_${report.kind}`)
    }
  }

  #publishEvent(event: object): void {
    const { bus, clock, logger } = this.#deps
    if (bus.state !== 'up') return
    try {
      bus.publish(buildSubject(this.#options.address, 'event', 'ring'), encodeJson({ t: clock.now(), ...event }))
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'ring_event_unsent')
    }
  }

  #countRefused(reason: Refusal): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1
  }

  /** Work that waits for the disk; its failure is logged, and the node asks again. */
  #later(what: string, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) =>
        this.#quiet.pass(what, (suppressed) =>
          this.#deps.logger.warn({ what, error: messageOf(error), suppressed }, 'ring_work_failed'),
        ),
      )
      .finally(() => this.#open.delete(done))
    this.#open.add(done)
  }
}

/** The ring's place among the readers of the arrival order. */
const consumerName = 'ring'

function openingsName({ storeId }: OwnStore): string {
  return `openings ${storeId}`
}

/** What cannot be read counts as none: everything is then shipped once more, in a lane of its own. */
function parseOpenings(value: unknown): readonly Opening[] {
  if (!Array.isArray(value)) return []
  const isOpening = ({ start, first }: Opening): boolean => Number.isSafeInteger(start) && Number.isSafeInteger(first)
  return value.every((entry: unknown) => typeof entry === 'object' && entry !== null && isOpening(entry as Opening))
    ? (value as readonly Opening[])
    : []
}
