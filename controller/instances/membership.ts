/**
 * Who belongs to a component whose instances know each other, and who of them is the master (seed-systems §7.6). Pure. The first instance is the
 * master, and stays it while it is there; when it goes, or its host has been silent for too long, another is chosen, always the same of the same.
 * The outcome is kept, so that of one term there is one master, whatever restarts.
 */
import { type Member, type Members, membersMax } from '#protocol/instances/members.ts'

/** Where a member is reached. */
export interface MemberPlace {
  readonly id: string
  readonly cloud: string
  readonly cloudIp: string
  readonly publicIp: string
}

/** What is kept of a component, for ever. */
export interface Membership {
  /** Higher for each other master. */
  readonly term: number
  readonly master: MemberPlace
  /** Those that have come up once and count still, in order of their numbers. */
  readonly joined: readonly MemberPlace[]
}

/** An instance that is there and does not leave. */
export interface Candidate {
  readonly number: number
  readonly id: string
  /** `lost` = its host has been silent for too long; `silent` = not known, for now. */
  readonly standing: 'running' | 'heard' | 'silent' | 'lost'
  /** Undefined where its host has not said. */
  readonly place: MemberPlace | undefined
}

/** The same object when nothing has changed; undefined while there is nobody to begin with. */
export function nextMembership(
  before: Membership | undefined,
  candidates: readonly Candidate[],
): Membership | undefined {
  const ordered = candidates.toSorted((a, b) => a.number - b.number)
  const known = new Map((before ? [...before.joined, before.master] : []).map((place) => [place.id, place]))
  const placeOf = ({ id, place }: Candidate): MemberPlace | undefined => place ?? known.get(id)
  const wasJoined = new Set(before?.joined.map(({ id }) => id))
  const isJoined = ({ id, standing }: Candidate): boolean =>
    standing === 'running' || (standing !== 'lost' && wasJoined.has(id))
  const joined = ordered.filter(isJoined).flatMap((one) => placeOf(one) ?? [])
  const master = masterOf(before, ordered, isJoined)
  const place = master && placeOf(master)
  if (!place) return before && keptOr(before, { ...before, joined })
  const term = before?.master.id === place.id ? before.term : (before?.term ?? 0) + 1
  return keptOr(before, { term, master: place, joined })
}

/** Who it is stays it; else one that runs, one that has run, or any that is heard: of those the oldest. Undefined = nobody can be. */
function masterOf(
  before: Membership | undefined,
  ordered: readonly Candidate[],
  isJoined: (one: Candidate) => boolean,
): Candidate | undefined {
  const stays = ordered.find(({ id, standing }) => id === before?.master.id && standing !== 'lost')
  if (stays) return stays
  const heard = ordered.filter(({ standing }) => standing === 'running' || standing === 'heard')
  return heard.find(({ standing }) => standing === 'running') ?? heard.find(isJoined) ?? heard[0]
}

function keptOr(before: Membership | undefined, next: Membership): Membership {
  return JSON.stringify(before) === JSON.stringify(next) && before ? before : next
}

/** What one instance is told: those that have joined, and itself. */
export function membersFor({ term, master, joined }: Membership, self: MemberPlace): Members {
  const ipOf = (place: MemberPlace): string => (place.cloud === self.cloud ? place.cloudIp : place.publicIp)
  const others = joined.filter(({ id }) => id !== self.id)
  const all = [...others, self].toSorted((a, b) => numberOf(a) - numberOf(b))
  const told = all.length <= membersMax ? all : firstOf(all, [self.id, master.id])
  const list = told.map((place): Member => {
    return { id: place.id, ip: ipOf(place), role: place.id === master.id ? 'master' : 'node' }
  })
  return { term, masterIp: ipOf(master), list }
}

/** The last part of an id grows: the oldest has the lowest. */
function numberOf({ id }: MemberPlace): number {
  return Number(id.slice(id.lastIndexOf('-') + 1))
}

/** The first ones, and those that must be among them. */
function firstOf(all: readonly MemberPlace[], must: readonly string[]): MemberPlace[] {
  const needed = all.filter(({ id }) => must.includes(id)).length
  let room = membersMax - needed
  return all.filter(({ id }) => must.includes(id) || room-- > 0)
}
