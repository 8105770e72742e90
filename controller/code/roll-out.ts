/**
 * Another version of a component's code on all of its instances, a few at a time: each must run and stay well for a time before the next are
 * changed, and the first that does not takes all back to the version before. Pure. What an instance is told to run stands in its record; so little
 * else is kept that a controller that was killed goes on where it was, with every watch begun anew.
 */

/** What is kept of a component's code. Versions are digests. */
export interface CodeState {
  /** What all run but for a roll-out; undefined = none was enabled yet. */
  readonly current?: string | undefined
  readonly rollOut?: RollOut | undefined
  /** How the last one ended. */
  readonly last?: PastRollOut | undefined
}

export interface RollOut {
  readonly to: string
  /** `back` = to `current`, because of `reason`. */
  readonly phase: 'forward' | 'back'
  /** How long an instance must stay well, ms. */
  readonly gateMs: number
  readonly beganAtMs: number
  readonly reason?: string | undefined
}

export interface PastRollOut {
  readonly to: string
  readonly outcome: 'enabled' | 'rolledBack'
  readonly reason?: string | undefined
  readonly beganAtMs: number
}

/** One instance. */
export interface Member {
  readonly id: string
  /** What it is told to run. */
  readonly version: string | undefined
  /** Of what it is told: `busy` on its way, `resting` as it was wanted by hand, `bad` with a reason, `unknown` where nobody says. */
  readonly health: 'well' | 'busy' | 'resting' | 'bad' | 'unknown'
  readonly restarts: number
  readonly reason?: string | undefined
}

/** An instance with the new version, as it has been seen so far. Times are monotonic, ms. */
export interface Watch {
  /** Since when it has been on its way. */
  readonly sinceMs: number
  /** Since when it has been well; undefined = it is not. */
  readonly wellSinceMs?: number | undefined
  readonly restarts: number
  readonly isPassed: boolean
}

export interface RollOutLimits {
  /** Instances that may be down at once. */
  readonly atOnce: number
  /** Instances of the component that are wanted at least; more than `atOnce` says never go below it together. */
  readonly min: number
  /** How long an instance may take to be well, ms. */
  readonly healthyWithinMs: number
}

export interface RollOutStep {
  readonly state: CodeState
  readonly watches: ReadonlyMap<string, Watch>
  /** Who may be told the new version now. */
  readonly admitted: ReadonlySet<string>
  /** What it waits for, in words. */
  readonly waits?: string | undefined
}

/** One look at the members. The state is the same object where nothing has changed. */
export function stepRollOut(
  state: CodeState,
  watches: ReadonlyMap<string, Watch>,
  members: readonly Member[],
  limits: RollOutLimits,
  nowMs: number,
): RollOutStep {
  const { rollOut } = state
  if (!rollOut) return { state, watches: none, admitted: nobody }
  if (rollOut.phase === 'back') return goBack(state, rollOut, members)
  const look = watch(rollOut, watches, members, limits, nowMs)
  if (look.reason !== undefined) {
    const back: CodeState = { ...state, rollOut: { ...rollOut, phase: 'back', reason: look.reason } }
    return goBack(back, { ...rollOut, phase: 'back', reason: look.reason }, members)
  }
  const known = members.filter(({ health }) => health !== 'unknown')
  const changed = known.filter(({ version }) => version === rollOut.to)
  const left = known.filter(({ version }) => version !== rollOut.to)
  const watched = changed.filter(({ id }) => !look.watches.get(id)?.isPassed)
  const base = { state, watches: look.watches, admitted: nobody }
  if (watched.length > 0) return { ...base, waits: `${namesOf(watched)} to stay well for ${rollOut.gateMs / 1000} s` }
  if (left.length > 0) return admit(base, left, members, rollOut, limits)
  if (changed.length === 0 && members.length > 0) return { ...base, waits: `the hosts of ${namesOf(members)}` }
  const last: PastRollOut = { to: rollOut.to, outcome: 'enabled', beganAtMs: rollOut.beganAtMs }
  return { state: { current: rollOut.to, last }, watches: none, admitted: nobody }
}

const none: ReadonlyMap<string, Watch> = new Map()
const nobody: ReadonlySet<string> = new Set()

/** Over once nobody who can be heard is told anything but the version before. */
function goBack(state: CodeState, rollOut: RollOut, members: readonly Member[]): RollOutStep {
  const others = members.filter(({ version, health }) => version !== state.current && health !== 'unknown')
  const base = { watches: none, admitted: nobody }
  if (others.length > 0) return { ...base, state, waits: `${namesOf(others)} to go back: ${rollOut.reason}` }
  const { to, reason, beganAtMs } = rollOut
  return { ...base, state: { current: state.current, last: { to, outcome: 'rolledBack', reason, beganAtMs } } }
}

/** Those who have the new version; `reason` = why it is not to stay. */
function watch(
  { to, gateMs }: RollOut,
  watches: ReadonlyMap<string, Watch>,
  members: readonly Member[],
  { healthyWithinMs }: RollOutLimits,
  nowMs: number,
): { readonly watches: ReadonlyMap<string, Watch>; readonly reason?: string } {
  const next = new Map<string, Watch>()
  for (const member of members) {
    if (member.version !== to) continue
    const { id, health, restarts, reason } = member
    const before = watches.get(id) ?? { sinceMs: nowMs, restarts, isPassed: false }
    if (health === 'bad') return { watches: next, reason: `${id}: ${reason ?? 'it does not run'}` }
    if (health === 'well' && before.wellSinceMs !== undefined && restarts > before.restarts) {
      return { watches: next, reason: `${id}: it was started again while it was watched` }
    }
    if (health === 'busy' && nowMs - sinceOf(before, nowMs) > healthyWithinMs) {
      return { watches: next, reason: `${id}: not well within ${healthyWithinMs / 1000} s` }
    }
    next.set(id, watchOf(member, before, gateMs, nowMs))
  }
  return { watches: next }
}

function watchOf({ health, restarts }: Member, before: Watch, gateMs: number, nowMs: number): Watch {
  if (health === 'unknown') return { sinceMs: nowMs, restarts, isPassed: false }
  if (health === 'resting') return { sinceMs: nowMs, restarts, isPassed: true }
  if (health !== 'well') return { sinceMs: sinceOf(before, nowMs), restarts, isPassed: false }
  const wellSinceMs = before.wellSinceMs ?? nowMs
  return { sinceMs: before.sinceMs, wellSinceMs, restarts, isPassed: nowMs - wellSinceMs >= gateMs }
}

/** One that was well, and is on its way again (told of other peers, perhaps), has its time from now on. */
function sinceOf(before: Watch, nowMs: number): number {
  return before.wellSinceMs === undefined ? before.sinceMs : nowMs
}

/** Those who do not run well first: they have nothing to lose. */
function admit(
  base: RollOutStep,
  left: readonly Member[],
  members: readonly Member[],
  { to }: RollOut,
  { atOnce, min }: RollOutLimits,
): RollOutStep {
  const isUp = ({ health }: Member): boolean => health === 'well' || health === 'resting'
  const down = members.filter((member) => !isUp(member) && (member.version === to || member.health === 'unknown'))
  const ill = left.filter((member) => !isUp(member))
  const slots = Math.max(0, atOnce - down.length)
  const batch = ill.slice(0, slots)
  const up = members.filter(isUp).length
  const spare = Math.max(up - min, down.length + ill.length === 0 ? 1 : 0)
  const healthy = left.filter(isUp).slice(0, Math.max(0, Math.min(slots - batch.length, spare)))
  const admitted = new Set([...batch, ...healthy].map(({ id }) => id))
  if (admitted.size > 0) return { ...base, admitted, waits: `${[...admitted].join(', ')} to be changed` }
  return { ...base, waits: `others to be well first: ${namesOf([...down, ...ill])}` }
}

function namesOf(members: readonly Member[]): string {
  return members.map(({ id }) => id).join(', ')
}
