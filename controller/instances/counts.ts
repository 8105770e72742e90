/**
 * How many instances a component has: one more where too few are staying, the newest away where there are too many, and those on hosts that
 * are to be empty as soon as others have taken their place. All there may be, those that go included, never exceed `max`. A master goes last.
 */
import { electMembers, membersOf } from './electing.ts'
import { type FleetHost, isHostGone, isSettled, statusOf, type WantedComponent } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { instanceSpec } from './instance-spec.ts'
import { place } from './placement.ts'
import type { Round } from './round.ts'
import { codeOfNew } from './wanted-code.ts'
import { peersOf } from './wiring.ts'

/** Instances of one component on their way to running at once; the next are made as those arrive. */
const startingMax = 10

/** States on the way. */
const starting: ReadonlySet<string> = new Set(['absent', 'unknown', 'waiting', 'installing', 'starting'])

export function countInstances(round: Round, wish: WantedComponent): void {
  const { application, component, wanted } = wish
  const all = round.recordsOf(application, component.name)
  for (const lost of all.filter((record) => isHostGone(record, round.fleet))) round.forget(lost)
  const live = round.recordsOf(application, component.name).filter(({ isLeaving }) => !isLeaving)
  const staying = live.filter((record) => !drainOf(record, round))
  if (staying.length < wanted) addMissing(round, wish, wanted - staying.length)
  const master = component.members && round.membershipOf(application, component.name)?.master.id
  const ranked = staying.toSorted((a, b) => Number(b.id === master) - Number(a.id === master))
  for (const newest of ranked.slice(wanted).toReversed()) if (round.hasRoom()) round.leave(newest)
  const draining = live.filter((record) => drainOf(record, round))
  if (draining.length > 0) emptyHosts(round, wish, staying, draining)
}

function addMissing(round: Round, wish: WantedComponent, missing: number): void {
  const key = `${wish.application}/${wish.component.name}`
  if (wish.component.code && !codeOfNew(round.fleet.codes.get(key))) {
    return round.wait(key, `its code: lanista code upload ${key} FOLDER, and enable it`)
  }
  const all = round.recordsOf(wish.application, wish.component.name)
  const onTheWay = all.filter((record) => !record.isLeaving && isStarting(record, round)).length
  const leaving = all.filter(({ isLeaving }) => isLeaving)
  let room = wish.component.instances.max - all.length
  let starts = startingMax - onTheWay
  for (let i = 0; i < missing; i++) {
    if (room <= 0 && leaving.length > 0)
      return round.wait(key, `${namesOf(leaving)} to be gone: there are ${all.length}`)
    if (starts <= 0) return round.wait(key, `${onTheWay} that are starting`)
    if (room <= 0 || !round.hasRoom() || !addOne(round, wish)) return
    room--
    starts--
  }
}

/** False when no host can have it. */
function addOne(round: Round, wanted: WantedComponent): boolean {
  const { application, component } = wanted
  const { hosts, nowMs } = round.fleet
  const key = `${application}/${component.name}`
  const found = place({
    application,
    component,
    hosts: hosts.values(),
    records: round.records.values(),
    refusals: round.refusals,
  })
  const host = found.host === undefined ? undefined : hosts.get(found.host)
  if (!host?.report) {
    round.rejected.set(key, found.rejected)
    round.wait(key, `a host for one more instance: none of ${hosts.size} can have it`)
    return false
  }
  const number = round.nextNumber(application, component.name)
  const id = `${application}-${component.name}-${number}`
  const peers = peersOf({ id, application, host: host.id }, component, round.providers)
  electMembers(round, wanted, { id, number, host: host.id })
  const members = membersOf(round, wanted, { id, number, host: host.id })
  const code = codeOfNew(round.fleet.codes.get(key))
  const { system } = host.report
  const wish = { id, application, component, generation: 1, system, peers, members, code, isWanted: true }
  round.apply({
    id,
    application,
    component: component.name,
    number,
    host: host.id,
    spec: instanceSpec(wish),
    isStopped: false,
    isLeaving: false,
    createdAtMs: nowMs,
  })
  return true
}

/** Those on hosts that are drained go once enough others run; where no more may be, one goes first, as soon as another host can have it. */
function emptyHosts(
  round: Round,
  wish: WantedComponent,
  staying: readonly InstanceRecord[],
  draining: readonly InstanceRecord[],
): void {
  const { application, component, wanted } = wish
  const settled = staying.filter((record) => isSettled(record, statusOf(record, round.fleet))).length
  const all = round.recordsOf(application, component.name)
  const isFull = all.length >= component.instances.max && staying.length < wanted
  const isQuiet = settled === staying.length && all.every(({ isLeaving }) => !isLeaving)
  let goesFirst = isFull && isQuiet && hasPlace(round, wish)
  for (const record of draining) {
    const isOver = (drainOf(record, round)?.deadlineMs ?? Number.POSITIVE_INFINITY) <= round.fleet.nowMs
    if (!isOver && settled < wanted && !goesFirst) {
      round.wait(record.id, `${wanted} others to run before it leaves ${record.host}: ${settled} do`)
    } else if (round.hasRoom()) {
      round.leave(record)
      goesFirst = false
    }
  }
}

function hasPlace(round: Round, { application, component }: WantedComponent): boolean {
  const hosts = round.fleet.hosts.values()
  const found = place({ application, component, hosts, records: round.records.values(), refusals: round.refusals })
  if (found.host === undefined) round.rejected.set(`${application}/${component.name}`, found.rejected)
  return found.host !== undefined
}

function isStarting(record: InstanceRecord, { fleet }: Round): boolean {
  const status = statusOf(record, fleet)
  return starting.has(typeof status === 'string' ? status : status.state)
}

function drainOf({ host }: InstanceRecord, { fleet }: Round): FleetHost['drain'] {
  return fleet.hosts.get(host)?.drain
}

function namesOf(records: readonly InstanceRecord[]): string {
  return records.map(({ id, host }) => `${id} on ${host}`).join(', ')
}
