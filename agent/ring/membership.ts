/**
 * Who is a member. Births and deaths are heard of all, heartbeats of ring neighbours only; a neighbour that notices silence tells
 * everybody, and tables passed from one to the next make up for what a lossy bus swallows.
 *
 * Per session of a member there are two facts, each the newest wins: when it was heard, and when it was found silent. It is suspect
 * while the second is the newer. Only what was heard by oneself is passed on as heard, and any message of a member counts, so a
 * rumour never outlives a sign of life. Suspects stay members; after the grace time of silence a member is dead and its data is
 * rebuilt elsewhere. A death is a hint: it makes suspect at once, and the grace time still runs.
 */
import { sessionMax } from '#protocol/presence/session.ts'
import type { GossipRow } from './ring-message.ts'

/** alive; suspect = silent, still a member; dead = silent beyond the grace time; left = said that it leaves for good. */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

export interface MembershipOptions {
  readonly host: string
  readonly zone: string
  /** A watched member silent for longer is suspect, ms. Default 30,000: three heartbeats. */
  readonly silentAfterMs: number
  /** A suspect member silent for longer is dead, ms. Default 900,000. */
  readonly graceMs: number
  /** Between two tables passed on, ms. Default 10,000. */
  readonly gossipMs: number
  /** Heartbeats of everybody are heard for this long after each return of the bus, ms. Default 30,000. */
  readonly listenMs: number
  /** The dead and the left are told of for so long, and then forgotten, ms. Default one day. */
  readonly forgetMs: number
  /** Members known at most, the dead included; others are refused and counted. Default 2,000. */
  readonly membersMax: number
}

export const membershipDefaults: Omit<MembershipOptions, 'host' | 'zone'> = {
  silentAfterMs: 30_000,
  graceMs: 900_000,
  gossipMs: 10_000,
  listenMs: 30_000,
  forgetMs: 86_400_000,
  membersMax: 2000,
}

export interface Member {
  readonly host: string
  readonly session: number
  readonly zone: string
  readonly state: MemberState
  /** Monotonic ms since when it has been silent; undefined while it is alive. */
  readonly silentSinceMs: number | undefined
}

export type MembershipEvent =
  | { readonly kind: 'birth'; readonly host: string; readonly session: number; readonly zone: string }
  | { readonly kind: 'heartbeat'; readonly host: string; readonly session: number }
  /** `leaves`: it said that it leaves for good. */
  | { readonly kind: 'death'; readonly host: string; readonly session: number; readonly leaves: boolean }
  /** Any other message of this host. */
  | { readonly kind: 'heard'; readonly host: string }
  | { readonly kind: 'gossip'; readonly from: string; readonly asks: boolean; readonly rows: readonly GossipRow[] }
  | { readonly kind: 'tick' }
  | { readonly kind: 'busLost' }
  | { readonly kind: 'busBack' }
  /** A new session of our own. */
  | { readonly kind: 'session'; readonly session: number }
  /** We leave for good. */
  | { readonly kind: 'leave' }

export type MembershipAction =
  | {
      readonly kind: 'member'
      readonly host: string
      readonly from: MemberState | undefined
      readonly to: MemberState
      /** A session not known before: what was agreed with the one before is void. */
      readonly isNewSession: boolean
    }
  | { readonly kind: 'gossip'; readonly to: string; readonly asks: boolean; readonly rows: readonly GossipRow[] }
  /** Somebody else speaks with our identity, in this session. */
  | { readonly kind: 'clone'; readonly session: number }
  /** Others remember a higher session of this host: its disk forgot it. */
  | { readonly kind: 'renewSession'; readonly above: number }

interface Known {
  host: string
  session: number
  zone: string
  /** Heard by ourselves, in this session; −Infinity = never. */
  heardAtMs: number
  /** Heard to be in this very session; −Infinity = never. */
  inSessionAtMs: number
  /** Heard by us or by one that told us. */
  toldAtMs: number
  silentAtMs: number
  silentSinceMs: number | undefined
  hasLeft: boolean
  state: MemberState
}

const never = Number.NEGATIVE_INFINITY

export class Membership {
  readonly #options: MembershipOptions
  readonly #known = new Map<string, Known>()
  readonly #watched = new Map<string, number>()
  readonly #startedAtMs: number
  /** Births that no heartbeat has confirmed yet. */
  readonly #births = new Map<string, { readonly session: number; readonly zone: string }>()
  #ownSession: number
  #isCutOff = false
  #isLeaving = false
  #listensToMs = never
  #gossipAtMs = never
  #gossipTurn = 0
  #refused = 0

  constructor(options: MembershipOptions, ownSession: number, nowMs: number) {
    this.#options = options
    this.#ownSession = ownSession
    this.#startedAtMs = nowMs
  }

  /** Everybody known but ourselves, the dead and the left included. */
  get members(): Iterable<Member> {
    return this.#known.values()
  }

  /** What was not taken in: members beyond the bound, sessions that no clock leads to. */
  get refused(): number {
    return this.#refused
  }

  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** What is left of the grace time of a suspect, ms; undefined for others. */
  graceLeftMs(host: string, nowMs: number): number | undefined {
    const known = this.#known.get(host)
    if (known?.state !== 'suspect' || known.silentSinceMs === undefined) return undefined
    return Math.max(0, this.#options.graceMs - (nowMs - known.silentSinceMs))
  }

  /** Should heartbeats of everybody be heard? So while nobody is known and for a while after each return of the bus. */
  hearsAll(nowMs: number): boolean {
    return this.#known.size === 0 || nowMs < this.#listensToMs
  }

  get(host: string): Member | undefined {
    return this.#known.get(host)
  }

  isAlive(host: string): boolean {
    return host === this.#options.host ? !this.#isLeaving : this.#known.get(host)?.state === 'alive'
  }

  /** Whose silence we judge from now on. */
  watch(hosts: Iterable<string>, nowMs: number): void {
    const wanted = new Set(hosts)
    for (const host of this.#watched.keys()) if (!wanted.has(host)) this.#watched.delete(host)
    for (const host of wanted) if (!this.#watched.has(host)) this.#watched.set(host, nowMs)
  }

  get watched(): Iterable<string> {
    return this.#watched.keys()
  }

  /** Takes an event in; `nowMs` is monotonic. Actions are in order. */
  step(event: MembershipEvent, nowMs: number): MembershipAction[] {
    const actions: MembershipAction[] = []
    if ('session' in event && event.session > sessionMax) {
      this.#refused++
      return actions
    }
    switch (event.kind) {
      case 'birth':
        this.#onBirth(event.host, event.session, event.zone, nowMs, actions)
        break
      case 'heartbeat':
        this.#onHeartbeat(event.host, event.session, nowMs, actions)
        break
      case 'heard':
        this.#onHeard(event.host, nowMs, actions)
        break
      case 'death':
        this.#onDeath(event.host, event.session, event.leaves, nowMs, actions)
        break
      case 'gossip':
        this.#onGossip(event.from, event.asks, event.rows, nowMs, actions)
        break
      case 'tick':
        if (!this.#isCutOff) this.#onTick(nowMs, actions)
        break
      case 'busLost':
        this.#isCutOff = true
        break
      case 'busBack':
        this.#onBusBack(nowMs)
        break
      case 'session':
        this.#ownSession = event.session
        break
      case 'leave':
        this.#isLeaving = true
        this.#tellAll(this.#live(), nowMs, actions)
        break
    }
    return actions
  }

  /**
   * While we have just come back a birth may be one that the broker kept of a host that is long gone: it says who was there, and
   * the first heartbeat, which follows every birth at once, says that it is.
   */
  #onBirth(host: string, session: number, zone: string, nowMs: number, actions: MembershipAction[]): void {
    if (nowMs >= this.#listensToMs || host === this.#options.host) {
      this.#onSign(host, session, zone, nowMs, actions)
    } else if (this.#births.has(host) || this.#births.size < this.#options.membersMax) {
      this.#births.set(host, { session, zone })
    }
  }

  #onHeartbeat(host: string, session: number, nowMs: number, actions: MembershipAction[]): void {
    const birth = this.#births.get(host)
    this.#births.delete(host)
    this.#onSign(host, session, birth?.session === session ? birth.zone : undefined, nowMs, actions)
  }

  #onSign(host: string, session: number, zone: string | undefined, nowMs: number, actions: MembershipAction[]): void {
    if (host === this.#options.host) {
      if (session > this.#ownSession) actions.push({ kind: 'clone', session })
      return
    }
    const before = this.#known.get(host)
    if (before && session < before.session) {
      // late, or of a host that forgot its past: it should hear of it
      this.#tell(host, false, nowMs, actions)
      return
    }
    const known = this.#admit(host, session, zone, actions)
    if (!known) return
    if (zone !== undefined) this.#setZone(known, zone, actions)
    known.heardAtMs = nowMs
    known.inSessionAtMs = nowMs
    known.toldAtMs = nowMs
    this.#judge(known, nowMs, actions)
    // a newborn, and a host whose birth was missed, should learn of everybody, and tell of itself
    if (!before || (zone !== undefined && this.#watched.has(host))) this.#tell(host, true, nowMs, actions)
  }

  #onHeard(host: string, nowMs: number, actions: MembershipAction[]): void {
    const known = this.#known.get(host)
    if (!known) return
    known.heardAtMs = nowMs
    known.toldAtMs = nowMs
    this.#judge(known, nowMs, actions)
  }

  #onDeath(host: string, session: number, leaves: boolean, nowMs: number, actions: MembershipAction[]): void {
    const before = this.#known.get(host)
    if (!before || session < before.session) return
    const known = this.#admit(host, session, undefined, actions)
    if (!known) return
    known.hasLeft ||= leaves
    known.silentAtMs = nowMs
    known.heardAtMs = Math.min(known.heardAtMs, nowMs - 1)
    known.toldAtMs = Math.min(known.toldAtMs, nowMs - 1)
    this.#judge(known, nowMs, actions)
  }

  #onGossip(from: string, asks: boolean, rows: readonly GossipRow[], nowMs: number, actions: MembershipAction[]): void {
    for (const row of rows) {
      if (row.session > sessionMax) this.#refused++
      else if (row.host !== this.#options.host) this.#onRow(from, row, nowMs, actions)
      else if (row.session > this.#ownSession) this.#onNewerSelf(row, nowMs, actions)
      else if (row.session === this.#ownSession && row.hasLeft && !this.#isLeaving) {
        actions.push({ kind: 'renewSession', above: row.session })
      }
    }
    if (asks) this.#tell(from, false, nowMs, actions)
  }

  /** A session of ours that we do not know: a clone when it was heard since we began, else our own forgotten past. */
  #onNewerSelf(row: GossipRow, nowMs: number, actions: MembershipAction[]): void {
    const wasHeardSince = row.heardAgoMs >= 0 && nowMs - row.heardAgoMs > this.#startedAtMs
    if (wasHeardSince) actions.push({ kind: 'clone', session: row.session })
    else actions.push({ kind: 'renewSession', above: row.session })
  }

  #onRow(from: string, row: GossipRow, nowMs: number, actions: MembershipAction[]): void {
    const before = this.#known.get(row.host)
    if (before && row.session < before.session) return
    if (!before && (row.hasLeft || row.silentAgoMs >= 0)) return
    const known = this.#admit(row.host, row.session, row.zone, actions)
    if (!known) return
    if (row.host === from || known.zone === '') this.#setZone(known, row.zone, actions)
    known.hasLeft ||= row.hasLeft
    if (row.host === from) known.heardAtMs = known.inSessionAtMs = nowMs
    if (row.heardAgoMs >= 0) known.toldAtMs = Math.max(known.toldAtMs, nowMs - row.heardAgoMs)
    if (row.silentAgoMs >= 0) known.silentAtMs = Math.max(known.silentAtMs, nowMs - row.silentAgoMs)
    this.#judge(known, nowMs, actions)
  }

  /** The record of a host in this session or a newer one; undefined when there is no room. */
  #admit(host: string, session: number, zone: string | undefined, actions: MembershipAction[]): Known | undefined {
    const before = this.#known.get(host)
    if (before?.session === session) return before
    if (!before && this.#known.size >= this.#options.membersMax && !this.#forgetOne()) {
      this.#refused++
      return undefined
    }
    const known: Known = {
      host,
      session,
      zone: zone ?? before?.zone ?? '',
      heardAtMs: never,
      inSessionAtMs: never,
      toldAtMs: never,
      silentAtMs: never,
      silentSinceMs: undefined,
      hasLeft: false,
      state: 'alive',
    }
    this.#known.set(host, known)
    actions.push({ kind: 'member', host, from: before?.state, to: 'alive', isNewSession: true })
    return known
  }

  /** The ring depends on zones, so a zone learned late is a change of the member. */
  #setZone(known: Known, zone: string, actions: MembershipAction[]): void {
    if (known.zone === zone) return
    known.zone = zone
    actions.push({ kind: 'member', host: known.host, from: known.state, to: known.state, isNewSession: false })
  }

  /** Makes room by forgetting one that is gone. */
  #forgetOne(): boolean {
    for (const { host, state } of this.#known.values()) {
      if (state === 'dead' || state === 'left') return this.#known.delete(host)
    }
    return false
  }

  #judge(known: Known, nowMs: number, actions: MembershipAction[]): void {
    const isSilent = known.silentAtMs > known.toldAtMs
    if (!isSilent) known.silentSinceMs = undefined
    else known.silentSinceMs ??= nowMs
    const isDead = isSilent && nowMs - (known.silentSinceMs ?? nowMs) >= this.#options.graceMs
    const to: MemberState = known.hasLeft ? 'left' : isDead ? 'dead' : isSilent ? 'suspect' : 'alive'
    if (to === known.state) return
    actions.push({ kind: 'member', host: known.host, from: known.state, to, isNewSession: false })
    known.state = to
  }

  #onTick(nowMs: number, actions: MembershipAction[]): void {
    for (const [host, sinceMs] of this.#watched) {
      const known = this.#known.get(host)
      if (!known || known.hasLeft || nowMs - Math.max(sinceMs, known.toldAtMs) <= this.#options.silentAfterMs) continue
      const wasAlive = known.state === 'alive'
      known.silentAtMs = nowMs
      this.#judge(known, nowMs, actions)
      if (wasAlive) for (const to of this.#live()) actions.push(this.#gossip(to, false, [this.#rowOf(known, nowMs)]))
    }
    for (const known of this.#known.values()) {
      if (known.silentSinceMs !== undefined) this.#judge(known, nowMs, actions)
      const isGone = known.state === 'dead' || known.state === 'left'
      const lastAtMs = Math.max(known.toldAtMs, known.silentAtMs)
      if (isGone && nowMs - lastAtMs >= this.#options.forgetMs) this.#known.delete(known.host)
    }
    if (nowMs - this.#gossipAtMs < this.#options.gossipMs) return
    this.#gossipAtMs = nowMs
    const live = this.#live()
    const to = live[this.#gossipTurn++ % Math.max(1, live.length)]
    if (to !== undefined) this.#tell(to, true, nowMs, actions)
  }

  /** Nothing was heard while we were cut off, and that says nothing of the others: every wait begins anew. */
  #onBusBack(nowMs: number): void {
    this.#isCutOff = false
    this.#listensToMs = nowMs + this.#options.listenMs
    for (const host of this.#watched.keys()) this.#watched.set(host, nowMs)
    for (const known of this.#known.values()) if (known.state === 'suspect') known.silentSinceMs = nowMs
  }

  #live(): string[] {
    const live: string[] = []
    for (const { host, state } of this.#known.values()) if (state === 'alive') live.push(host)
    return live
  }

  #tellAll(hosts: readonly string[], nowMs: number, actions: MembershipAction[]): void {
    for (const host of hosts) this.#tell(host, false, nowMs, actions)
  }

  #tell(to: string, asks: boolean, nowMs: number, actions: MembershipAction[]): void {
    const rows: GossipRow[] = []
    for (const known of this.#known.values()) {
      rows.push(this.#rowOf(known, nowMs, known.host === to))
    }
    actions.push(this.#gossip(to, asks, rows))
  }

  /** A message never comes without a word about its sender. */
  #gossip(to: string, asks: boolean, rows: readonly GossipRow[]): MembershipAction {
    const own: GossipRow = {
      host: this.#options.host,
      session: this.#ownSession,
      zone: this.#options.zone,
      heardAgoMs: 0,
      silentAgoMs: -1,
      hasLeft: this.#isLeaving,
    }
    return { kind: 'gossip', to, asks, rows: [own, ...rows] }
  }

  #rowOf(known: Known, nowMs: number, isToItself = false): GossipRow {
    const { host, session, zone, silentAtMs, hasLeft, state } = known
    const heardAtMs = isToItself ? known.inSessionAtMs : known.heardAtMs
    return {
      host,
      session,
      zone,
      heardAgoMs: heardAtMs === never ? -1 : Math.max(0, Math.round(nowMs - heardAtMs)),
      silentAgoMs: state === 'suspect' || state === 'dead' ? Math.max(0, Math.round(nowMs - silentAtMs)) : -1,
      hasLeft,
    }
  }
}
