/** Asks one host to leave for good. */
import { isLanistaError, LanistaError } from '#protocol/errors.ts'
import { encodeLeaveAsk, type LeaveAsk, type LeaveReport, leaveReportSchema } from '#protocol/messages/leave.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { type HolderDeps, newId } from './holder.ts'
import { type HostChoice, type PossibleHost, planHosts } from './plan.ts'

/** How long the agent is waited for beyond what it was asked to wait, ms. */
const wayMs = 5_000

export interface LeaveQueryDeps extends Pick<HolderDeps, 'bus'> {
  /** Every host that is known, present or not. */
  readonly hosts: () => Iterable<PossibleHost>
}

/** What became of the host that was asked. */
export interface HostLeave {
  readonly owner: Address
  readonly report: LeaveReport
}

/**
 * Lets a host leave, or says how far it is; ask again until it says `left` or `stayed`. One that has left before says so again.
 * @throws LanistaError QUERY_INVALID unless the choice is one host; HOST_UNAVAILABLE; LEAVE_REFUSED, BUSY from the host;
 * SELECTOR_INVALID; the signal's reason
 */
export async function askToLeave(
  choice: HostChoice,
  ask: LeaveAsk,
  deps: LeaveQueryDeps,
  signal: AbortSignal,
): Promise<HostLeave> {
  const owner = onlyOne(planHosts(deps.hosts(), choice).map((planned) => planned.owner))
  if (stateOf(owner, deps) === 'left') return { owner, report: gone }
  try {
    const subject = buildSubject(owner, 'control', 'leave', newId())
    const deadlineMs = ask.waitMs + wayMs
    const answer = await deps.bus.request(subject, encodeLeaveAsk(ask), { signal, deadlineMs })
    return { owner, report: parseJsonAnswer(answer, leaveReportSchema, 'report of a host that leaves') }
  } catch (error) {
    if (signal.aborted || !isLanistaError(error) || error.data['refused'] === true) throw error
    // its last answer may be lost; its death is heard by now, or a newer ask will find it
    if (stateOf(owner, deps) === 'left') return { owner, report: gone }
    throw unreachable(owner, error)
  }
}

const gone: LeaveReport = { state: 'left', toHandOver: [] }

function stateOf(owner: Address, { hosts }: LeaveQueryDeps): PossibleHost['state'] | undefined {
  const id = hostIdOf(owner)
  for (const { address, state } of hosts()) if (hostIdOf(address) === id) return state
  return undefined
}

function onlyOne(owners: readonly Address[]): Address {
  const [only] = owners
  if (only && owners.length === 1) return only
  const found = owners.length === 0 ? 'none' : owners.map(hostIdOf).slice(0, 5).join(', ')
  throw new LanistaError('QUERY_INVALID', `name one host with host and cloud: found ${found}, expected one`, {
    data: { issues: [{ parameter: 'host', found, expected: 'one host' }] },
  })
}

function unreachable(host: Address, cause: unknown): LanistaError {
  return new LanistaError(
    'HOST_UNAVAILABLE',
    `start the agent ${hostIdOf(host)} to let it hand over; of a host that is lost the others take over by themselves, once its grace time is over: found no answer`,
    { cause, data: { host: hostIdOf(host) } },
  )
}
