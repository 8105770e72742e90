/**
 * Who is there: the controller's presence core. Pure: events and monotonic time in, actions out; the shell owns bus and timers.
 *
 * The session number decides. Of two messages about a host the one with the newer session is right, however they arrive; a session
 * that has died stays dead (a retained birth may outlive its host), so an agent that was declared dead and is not takes a new session
 * when it hears so. Silence makes a host suspect, then offline; while the controller itself is cut off it knows nothing, and says so,
 * and after it stood still itself it listens afresh before it judges.
 *
 * | state | meaning |
 * |---|---|
 * | online | heard within 2 heartbeat intervals |
 * | suspect | silent for more than 2 |
 * | offline | it died: said so itself, by its last will, or was silent for more than 4 |
 * | left | it said that it leaves for good, and has handed over |
 * | unknown | known from before, and nothing heard since the controller's start or its own return |
 */
import { leftReason } from '#protocol/messages/presence.ts'

/** See the table above. */
export const hostStates = ['online', 'suspect', 'offline', 'left', 'unknown'] as const
export type HostState = (typeof hostStates)[number]

/** Nobody is there: there is no use in asking. */
export function isGone(state: HostState): boolean {
  return state === 'offline' || state === 'left'
}

export interface PresenceOptions {
  /** How often agents beat, ms. */
  readonly heartbeatIntervalMs: number
  /** Hosts known at most; messages of further hosts are refused and counted. Default 10,000. */
  readonly hostsMax?: number | undefined
}

/** What is known of one host. */
export interface HostPresence {
  readonly state: HostState
  /** The newest session heard of. */
  readonly session: number
  /** The newest session has died. Nothing but a newer session brings the host back. */
  readonly isDead: boolean
  /** The birth of the newest session is known. */
  readonly isBorn: boolean
  /** Monotonic ms of the last message of the newest session, or of when listening for it began. */
  readonly heardAtMs: number
  /** Monotonic ms of the last askBirth or publishDeath for a message of this host. */
  readonly answeredAtMs: number
}

export interface PresenceState {
  readonly options: { readonly heartbeatIntervalMs: number; readonly hostsMax: number }
  /** By host id `T.C.H`. */
  readonly hosts: ReadonlyMap<string, HostPresence>
  /** The controller cannot hear anybody. */
  readonly isCutOff: boolean
  /** Monotonic ms of the last tick. */
  readonly tickedAtMs?: number | undefined
  /** Messages of hosts beyond `hostsMax`. */
  readonly refused: number
}

/** `host` is the host id `T.C.H`. */
export type PresenceEvent =
  | { readonly kind: 'birth'; readonly host: string; readonly session: number }
  | { readonly kind: 'heartbeat'; readonly host: string; readonly session: number }
  | { readonly kind: 'death'; readonly host: string; readonly session: number; readonly reason: string }
  /** Time passes: send one at least every half interval. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'brokerLost' }
  | { readonly kind: 'brokerBack' }
  /** A host that the registry knows from before the controller's start. Silent; ignored when the host was heard already. */
  | {
      readonly kind: 'restored'
      readonly host: string
      readonly session: number
      readonly isDead: boolean
      readonly hasLeft?: boolean | undefined
    }
  /** An operator removed the host. */
  | { readonly kind: 'forgotten'; readonly host: string }

export type PresenceAction =
  | {
      readonly kind: 'changed'
      readonly host: string
      readonly session: number
      readonly from: HostState
      readonly to: HostState
      /** For people. */
      readonly reason: string
    }
  /** Ask the agent to publish its birth. At most once an interval and host. */
  | { readonly kind: 'askBirth'; readonly host: string }
  /** Tell everybody, the agent included, that this session is dead. */
  | { readonly kind: 'publishDeath'; readonly host: string; readonly session: number; readonly reason: string }

export interface PresenceStep {
  readonly state: PresenceState
  readonly actions: readonly PresenceAction[]
}

/** Intervals of silence after which a host is suspect, and offline. */
const suspectAfterIntervals = 2
const offlineAfterIntervals = 4

/** Nobody known, listening. */
export function initialPresence(options: PresenceOptions): PresenceState {
  return {
    options: { heartbeatIntervalMs: options.heartbeatIntervalMs, hostsMax: options.hostsMax ?? 10_000 },
    hosts: new Map(),
    isCutOff: false,
    refused: 0,
  }
}

/**
 * The state after an event, and what to do. The state given is used up (its map is changed in place: copying 10,000 hosts for
 * each heartbeat would cost half a core): go on with the one returned. Actions are in order.
 * @param nowMs monotonic; never less than in the call before
 */
export function step(state: PresenceState, event: PresenceEvent, nowMs: number): PresenceStep {
  const hosts = state.hosts as Map<string, HostPresence>
  const actions: PresenceAction[] = []
  const turn: Turn = { heartbeatIntervalMs: state.options.heartbeatIntervalMs, hosts, nowMs, actions }
  switch (event.kind) {
    case 'tick':
      if (hasSlept(state, nowMs)) listenAfresh(turn)
      if (!state.isCutOff) for (const [host, known] of hosts) stepSilence(turn, host, known)
      return { state: { ...state, tickedAtMs: nowMs }, actions }
    case 'brokerLost':
      for (const [host, known] of hosts) {
        if (!isGone(known.state)) change(turn, host, known, 'unknown', 'the controller is cut off')
      }
      return { state: { ...state, isCutOff: true }, actions }
    case 'brokerBack':
      listenAfresh(turn)
      return { state: { ...state, isCutOff: false }, actions }
    case 'forgotten':
      hosts.delete(event.host)
      return { state, actions }
    case 'restored':
    case 'birth':
    case 'heartbeat':
    case 'death':
      if (!hosts.has(event.host) && hosts.size >= state.options.hostsMax) {
        return { state: { ...state, refused: state.refused + 1 }, actions }
      }
      stepHost(turn, event)
      return { state, actions }
  }
}

/** One step under way: what it may change, and what it has decided so far. */
interface Turn {
  readonly heartbeatIntervalMs: number
  readonly hosts: Map<string, HostPresence>
  readonly nowMs: number
  readonly actions: PresenceAction[]
}

/** The controller itself stood still (a suspended laptop, a frozen process): the silence was its own. */
function hasSlept({ options, tickedAtMs }: PresenceState, nowMs: number): boolean {
  return tickedAtMs !== undefined && nowMs - tickedAtMs > suspectAfterIntervals * options.heartbeatIntervalMs
}

function listenAfresh({ hosts, nowMs }: Turn): void {
  for (const [host, known] of hosts) hosts.set(host, { ...known, heardAtMs: nowMs })
}

type HostEvent = Extract<PresenceEvent, { readonly session: number }>

function stepHost(turn: Turn, event: HostEvent): void {
  const { hosts, nowMs } = turn
  const before = hosts.get(event.host)
  if (before && event.session < before.session) return
  const known = before?.session === event.session ? before : newSession(before, event.session, nowMs)
  switch (event.kind) {
    case 'restored':
      if (before) return
      hosts.set(event.host, { ...known, isDead: event.isDead, state: restoredState(event) })
      return
    case 'death':
      change(turn, event.host, { ...known, isDead: true }, deadState(before, event), event.reason)
      return
    case 'birth':
      if (known.isDead) return tellOfDeath(turn, event.host, known)
      change(turn, event.host, { ...known, isBorn: true, heardAtMs: nowMs }, 'online', 'birth')
      return
    case 'heartbeat':
      stepHeartbeat(turn, event.host, known)
  }
}

function restoredState({ isDead, hasLeft }: Extract<PresenceEvent, { readonly kind: 'restored' }>): HostState {
  if (!isDead) return 'unknown'
  return hasLeft ? 'left' : 'offline'
}

/** Who has left stays so: its last will, or its silence, may be told of the same session afterwards. */
function deadState(before: HostPresence | undefined, death: Extract<PresenceEvent, { kind: 'death' }>): HostState {
  const hadLeft = before?.session === death.session && before.state === 'left'
  return hadLeft || death.reason === leftReason ? 'left' : 'offline'
}

/** The same host with a newer session: all that was known of the older one is void, but for the state that people see. */
function newSession(before: HostPresence | undefined, session: number, nowMs: number): HostPresence {
  return {
    state: before?.state ?? 'unknown',
    session,
    isDead: false,
    isBorn: false,
    heardAtMs: nowMs,
    answeredAtMs: before?.answeredAtMs ?? Number.NEGATIVE_INFINITY,
  }
}

function stepHeartbeat(turn: Turn, host: string, known: HostPresence): void {
  if (known.isDead) return tellOfDeath(turn, host, known)
  const asks = !known.isBorn && mayAnswer(turn, known)
  const answeredAtMs = asks ? turn.nowMs : known.answeredAtMs
  change(turn, host, { ...known, heardAtMs: turn.nowMs, answeredAtMs }, 'online', 'heartbeat')
  if (asks) turn.actions.push({ kind: 'askBirth', host })
}

/** A host speaks under a session that was declared dead (its last will was late, or it was cut off): told so, it takes a new one. */
function tellOfDeath(turn: Turn, host: string, known: HostPresence): void {
  if (!mayAnswer(turn, known)) return
  turn.hosts.set(host, { ...known, answeredAtMs: turn.nowMs })
  turn.actions.push({
    kind: 'publishDeath',
    host,
    session: known.session,
    reason: 'this session was declared dead',
  })
}

/** At most one answer an interval and host. */
function mayAnswer({ heartbeatIntervalMs, nowMs }: Turn, known: HostPresence): boolean {
  return nowMs - known.answeredAtMs >= heartbeatIntervalMs
}

function stepSilence(turn: Turn, host: string, known: HostPresence): void {
  if (isGone(known.state)) return
  const intervals = (turn.nowMs - known.heardAtMs) / turn.heartbeatIntervalMs
  if (intervals > offlineAfterIntervals) {
    const reason = `silent for ${offlineAfterIntervals} heartbeat intervals`
    change(turn, host, { ...known, isDead: true }, 'offline', reason)
    turn.actions.push({ kind: 'publishDeath', host, session: known.session, reason })
  } else if (intervals > suspectAfterIntervals && known.state === 'online') {
    change(turn, host, known, 'suspect', `silent for ${suspectAfterIntervals} heartbeat intervals`)
  }
}

function change({ hosts, actions }: Turn, host: string, known: HostPresence, to: HostState, reason: string): void {
  hosts.set(host, { ...known, state: to })
  if (known.state === to) return
  actions.push({ kind: 'changed', host, session: known.session, from: known.state, to, reason })
}
