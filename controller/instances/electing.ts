/** Members of a component as one round of the reconciler sees them: who is there, who the master is, what each is told. */
import type { Members } from '#protocol/instances/members.ts'
import { type FleetHost, statusOf, type WantedComponent } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { type Candidate, type MemberPlace, type Membership, membersFor, nextMembership } from './membership.ts'
import type { Round } from './round.ts'

/** An instance, there already or still to be. */
type Standing = Pick<InstanceRecord, 'id' | 'number' | 'host'>

/** Decides on the members again. @param joining one that is about to be made: the first of all is the master from its beginning */
export function electMembers(round: Round, wish: WantedComponent, joining?: Standing): Membership | undefined {
  const policy = wish.component.members
  if (!policy) return undefined
  const { application, component } = wish
  const live = round.recordsOf(application, component.name).filter(({ isLeaving }) => !isLeaving)
  const candidates = live.map((record) => candidateOf(round, record, policy.silenceMs))
  if (joining) candidates.push({ ...joining, standing: 'heard', place: placeOn(round, joining) })
  const before = round.membershipOf(application, component.name)
  const next = nextMembership(before, candidates)
  if (!joining) tellSilent(round, wish, candidates)
  if (next && next !== before) round.keepMembership(application, component.name, next)
  return next
}

/** Those that count still, and will not for ever. */
function tellSilent(round: Round, { application, component }: WantedComponent, candidates: readonly Candidate[]): void {
  const silent = candidates.filter(({ standing }) => standing === 'silent').map(({ id }) => id)
  if (silent.length === 0) return
  round.wait(`${application}/${component.name}`, `${silent.join(', ')} to be heard again: their hosts are silent`)
}

/** What an instance on a host that is known is told of all; undefined where the component does not ask. */
export function membersOf(
  round: Round,
  { application, component }: WantedComponent,
  self: Standing,
): Members | undefined {
  const place = placeOn(round, self)
  const membership = component.members && round.membershipOf(application, component.name)
  return membership && place && membersFor(membership, place)
}

function candidateOf(round: Round, record: InstanceRecord, silenceMs: number): Candidate {
  const { id, number } = record
  return { id, number, standing: standingOf(round, record, silenceMs), place: placeOn(round, record) }
}

function standingOf({ fleet }: Round, record: InstanceRecord, silenceMs: number): Candidate['standing'] {
  const status = statusOf(record, fleet)
  if (status !== 'unknown') return status !== 'absent' && status.state === 'running' ? 'running' : 'heard'
  return (fleet.hosts.get(record.host)?.silentMs ?? 0) >= silenceMs ? 'lost' : 'silent'
}

function placeOn({ fleet }: Round, { id, host }: Standing): MemberPlace | undefined {
  const found: FleetHost | undefined = fleet.hosts.get(host)
  if (!found?.report) return undefined
  const { cloudIp = '', publicIp = cloudIp } = found.report
  return { id, cloud: found.cloud, cloudIp, publicIp }
}
