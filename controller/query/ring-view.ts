/** The rings of a fleet as operators see them, a host at a time. Pure. */
import type { HeldOwner, RingHolder, RingStatus } from '#protocol/query/ring-status.ts'
import { type Address, hostIdOf } from '#protocol/subjects/subject.ts'
import type { PossibleHost } from './plan.ts'

/** What one agent said. */
export interface RingAnswer {
  readonly address: Address
  readonly state: PossibleHost['state']
  /**
   * `member`; `absent` = nobody there takes the question, because its agent is gone or knows no ring; `silent` = no answer in
   * time, or none that can be read.
   */
  readonly ring: 'member' | 'absent' | 'silent'
  readonly status: RingStatus | undefined
}

/** Another host of the cloud, as one of its hosts judges it. */
interface MemberView {
  readonly host: string
  readonly zone: string
  readonly state: RingStatus['members'][number]['state']
  readonly dead_in_seconds: number | null
}

/** One host; null = it did not say, and nobody else can. */
export interface RingView {
  readonly host: string
  readonly cloud: string
  readonly tenant: string
  /** As the controller sees it. */
  readonly state: RingAnswer['state']
  readonly ring: RingAnswer['ring']
  readonly zone: string | null
  readonly position: string | null
  /** Copies wanted; of a host that is gone, by what its cloud says. */
  readonly copies: number | null
  /** As many hosts as there are for them, at most what is wanted. */
  readonly copies_possible: number | null
  /** Copies that are complete but for the last minute; of a host that is gone, those with the most samples. */
  readonly degree: number | null
  readonly is_under_replicated: boolean | null
  /**
   * Until the copies that are too few are made anew, s: what is left of the grace time of silent hosts; 0 = under way, null = nothing
   * to do, or nobody says.
   */
  readonly rebuild_in_seconds: number | null
  readonly is_quarantined: boolean | null
  /** Of the holder that is furthest behind. */
  readonly lag_samples: number | null
  readonly lag_seconds: number | null
  readonly bytes_out: number | null
  readonly bytes_in: number | null
  readonly held_bytes: number | null
  /** The others of its cloud, as it judges them. */
  readonly members: readonly MemberView[]
  readonly holders: readonly { host: string; stands_in_for: string | null; lag_samples: number; lag_seconds: number }[]
  /** Whose copies it has. */
  readonly held: readonly HeldOwner[]
  /** Who says to have copies of its samples. */
  readonly held_by: readonly { readonly host: string; readonly samples: number; readonly bytes: number }[]
}

/** One row a host, by cloud, then name. */
export function ringViews(answers: readonly RingAnswer[]): RingView[] {
  const byCloud = new Map<string, RingAnswer[]>()
  for (const answer of answers) {
    const { tenant, cloud } = answer.address
    const key = `${tenant}.${cloud}`
    byCloud.set(key, [...(byCloud.get(key) ?? []), answer])
  }
  return [...byCloud]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, mates]) => {
      const heldBy = holdersByOwner(mates)
      return mates
        .toSorted((a, b) => (hostIdOf(a.address) < hostIdOf(b.address) ? -1 : 1))
        .map((answer) => viewOf(answer, heldBy.get(answer.address.host) ?? [], mates))
    })
}

function holdersByOwner(mates: readonly RingAnswer[]): Map<string, RingView['held_by'][number][]> {
  const heldBy = new Map<string, RingView['held_by'][number][]>()
  for (const { address, status } of mates) {
    for (const { owner, samples, bytes } of status?.held ?? []) {
      if (owner === address.host) continue // its own past, taken back from the others
      const holder = { host: address.host, samples, bytes }
      const others = heldBy.get(owner)
      if (others) others.push(holder)
      else heldBy.set(owner, [holder])
    }
  }
  return heldBy
}

function viewOf(
  { address, state, ring, status }: RingAnswer,
  held_by: RingView['held_by'],
  mates: readonly RingAnswer[],
): RingView {
  const common = { ...place(address), state, ring, held_by }
  if (!status) return { ...common, ...nothingSaid, ...degreeWithout(address.host, held_by, mates) }
  const { zone, position, copies, degree, members, holders, held, isUnderReplicated } = status
  const living = members.filter((member) => member.state === 'alive' || member.state === 'suspect')
  return {
    ...common,
    zone,
    position,
    copies,
    degree,
    copies_possible: Math.min(copies, living.length + 1),
    is_under_replicated: isUnderReplicated,
    rebuild_in_seconds: isUnderReplicated ? rebuildIn(living) : null,
    is_quarantined: status.isQuarantined,
    lag_samples: Math.max(0, ...holders.map(({ lagSamples }) => lagSamples)),
    lag_seconds: Math.max(0, ...holders.map(({ lagSeconds }) => lagSeconds)),
    bytes_out: status.bytesOut,
    bytes_in: status.bytesIn,
    held_bytes: status.heldBytes,
    members: members.map(memberView),
    holders: holders.map(holderView),
    held,
  }
}

function place({ host, cloud, tenant }: RingAnswer['address']): Pick<RingView, 'host' | 'cloud' | 'tenant'> {
  return { host, cloud, tenant }
}

const nothingSaid = {
  zone: null,
  position: null,
  is_quarantined: null,
  lag_samples: null,
  lag_seconds: null,
  bytes_out: null,
  bytes_in: null,
  held_bytes: null,
  members: [],
  holders: [],
  held: [],
} as const

/** What the others say of a host that says nothing: how many copies are as large as the largest, and how many there could be. */
function degreeWithout(
  host: string,
  heldBy: RingView['held_by'],
  mates: readonly RingAnswer[],
): Pick<RingView, 'copies' | 'copies_possible' | 'degree' | 'is_under_replicated' | 'rebuild_in_seconds'> {
  const rings = mates.flatMap(({ status }) => status ?? [])
  if (rings.length === 0 || heldBy.length === 0) return degreeUnknown
  const copies = Math.max(...rings.map((status) => status.copies))
  const largest = Math.max(...heldBy.map(({ samples }) => samples))
  const degree = heldBy.filter(({ samples }) => samples === largest).length
  const copies_possible = Math.min(copies, rings.length)
  const is_under_replicated = degree < copies_possible
  // its mates wait for it as long as they think that it is there
  const itself = rings.flatMap(({ members }) => members.filter((member) => member.host === host))
  return {
    copies,
    copies_possible,
    degree,
    is_under_replicated,
    rebuild_in_seconds:
      is_under_replicated && !itself.some(({ state }) => state === 'alive') ? rebuildIn(itself) : null,
  }
}

const degreeUnknown = {
  copies: null,
  copies_possible: null,
  degree: null,
  is_under_replicated: null,
  rebuild_in_seconds: null,
} as const

/** The first of these to be dead decides; where all speak, it is under way. */
function rebuildIn(members: RingStatus['members']): number {
  const seconds = members.flatMap(({ deadInSeconds }) => deadInSeconds ?? [])
  return seconds.length === 0 ? 0 : Math.min(...seconds)
}

function memberView({ host, zone, state, deadInSeconds }: RingStatus['members'][number]): MemberView {
  return { host, zone, state, dead_in_seconds: deadInSeconds ?? null }
}

function holderView({ host, standsInFor, lagSamples, lagSeconds }: RingHolder): RingView['holders'][number] {
  return { host, stands_in_for: standsInFor ?? null, lag_samples: lagSamples, lag_seconds: lagSeconds }
}
