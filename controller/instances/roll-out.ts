/**
 * Instances that run something else than the application file says now: they are told, a few at a time, the next ones when those are well. What
 * does not run as it should is told at once: it has nothing to lose. Whom they are wired to, and whether they are stopped, waits for no other.
 */
import { electMembers, membersOf } from './electing.ts'
import { isSettled, statusOf, type WantedComponent } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { instanceSpec, isSameSpec } from './instance-spec.ts'
import type { Round } from './round.ts'
import { codeOf } from './wanted-code.ts'
import { peersOf } from './wiring.ts'

/** Instances of a component that are changed at once where its `code` says nothing. */
const atOnceDefault = 1

export function rollOut(round: Round, wish: WantedComponent): void {
  const key = `${wish.application}/${wish.component.name}`
  const waits = round.fleet.codes.get(key)?.waits
  if (waits !== undefined) round.wait(key, waits)
  const { application, component } = wish
  electMembers(round, wish)
  const live = round.recordsOf(application, component.name).filter(({ isLeaving }) => !isLeaving)
  const unsettled = new Set(
    live.filter((record) => !isSettled(record, statusOf(record, round.fleet))).map(({ id }) => id),
  )
  const atOnce = component.code?.atOnce ?? atOnceDefault
  for (const record of live) {
    const next = nextSpec(round, record, wish)
    if (!next) continue
    if (isSameSpec(record.spec, next, 'peers', 'isWanted')) tellNow(round, record, next)
    else if (!unsettled.has(record.id) && unsettled.size >= atOnce) {
      round.wait(record.id, `${[...unsettled].join(', ')} to be well before it is changed, too`)
    } else if (round.hasRoom()) {
      unsettled.add(record.id)
      round.apply({ ...record, spec: next })
    }
  }
}

/** Wiring is told once the order before has arrived, so that many changes become one. */
function tellNow(round: Round, record: InstanceRecord, next: InstanceRecord['spec']): void {
  const isWiring = isSameSpec(record.spec, next, 'peers')
  if (isWiring && round.fleet.orders.get(record.id)?.isOpen) {
    round.wait(record.id, 'the order before, to be told of its peers')
  } else if (round.hasRoom()) round.apply({ ...record, spec: next })
}

/** What it is to run now, when that is another; undefined = it is the same, or its host is not known. */
function nextSpec(round: Round, record: InstanceRecord, wish: WantedComponent): InstanceRecord['spec'] | undefined {
  const { fleet, providers } = round
  const { component } = wish
  const report = fleet.hosts.get(record.host)?.report
  if (!report) return undefined
  const { id, application, host, spec, isStopped } = record
  const told = report.statuses.get(id)?.generation ?? 0
  const peers = peersOf({ id, application, host, told: spec }, component, providers)
  const generation = Math.max(spec.generation, told) + 1
  const { system } = report
  const members = membersOf(round, wish, record)
  const code = codeOf(fleet.codes.get(`${application}/${component.name}`), spec)
  const wished = { id, application, component, generation, system, peers, members, code, isWanted: !isStopped }
  const next = instanceSpec(wished)
  const isAhead = told > spec.generation
  return isSameSpec(spec, next) && !isAhead ? undefined : next
}
