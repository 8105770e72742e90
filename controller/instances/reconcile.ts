/**
 * Desired against observed: what is to be ordered so that every application has the instances that are wanted of it, and nothing else of ours
 * is left on any host. Pure: the same fleet gives the same round, and a round on what it has led to gives nothing more.
 *
 * Nothing is decided on what is not known. An instance on a host that is silent is neither replaced nor changed: its agent keeps it running. It is
 * replaced when somebody drains the host, or when the host has left.
 */
import { instanceVerbs } from '#protocol/instances/instance-orders.ts'
import { countInstances } from './counts.ts'
import { type Fleet, isHostGone, statusOf } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { leaveRefused } from './leave-refused.ts'
import { rollOut } from './roll-out.ts'
import { type Decided, partsOfId, Round } from './round.ts'

export function reconcile(fleet: Fleet): Decided {
  const round = new Round(fleet)
  letUnwantedLeave(round)
  for (const wish of fleet.components) countInstances(round, wish)
  for (const wish of fleet.components) rollOut(round, wish)
  for (const wish of fleet.components) leaveRefused(round, wish)
  for (const record of round.records.values()) orderAgain(round, record)
  removeStrays(round)
  return round
}

/** Instances of components that no application has any more. */
function letUnwantedLeave(round: Round): void {
  const { components, unreadable } = round.fleet
  const known = new Set(components.map(({ application, component }) => `${application}/${component.name}`))
  for (const record of round.records.values()) {
    const { application, component, isLeaving } = record
    if (known.has(`${application}/${component}`) || unreadable.has(application)) continue
    if (isHostGone(record, round.fleet)) round.forget(record)
    else if (!isLeaving && round.hasRoom()) round.leave(record)
  }
}

/** What was ordered and has not come about is ordered again, later each time; what has gone is forgotten. */
function orderAgain(round: Round, record: InstanceRecord): void {
  const { fleet, changes } = round
  if (changes.has(record.id)) return
  const order = fleet.orders.get(record.id)
  const status = statusOf(record, fleet)
  const verb = record.isLeaving ? instanceVerbs.remove : instanceVerbs.apply
  if (order?.isOpen && order.verb === verb) {
    if (status === 'unknown') round.wait(record.id, `its host ${record.host}`)
    return
  }
  const isOrdered = order?.verb === verb
  if (record.isLeaving && status === 'absent' && isOrdered && order.failure === undefined) return round.forget(record)
  const isDue =
    !isOrdered ||
    (status !== 'unknown' && (record.isLeaving || status === 'absent' || status.generation < record.spec.generation))
  if (!isDue) return
  if (isOrdered && order.failure !== undefined) round.wait(record.id, `its next order: ${order.failure}`)
  if (isOrdered && fleet.nowMs < order.againAtMs) return
  if (record.isLeaving) round.orderRemove(record)
  else round.orderApply(record)
}

/** Instances with names that we gave, and have no record of: they were removed once, and their host did not get to know it. */
function removeStrays(round: Round): void {
  const { fleet, records } = round
  for (const { id: host, report } of fleet.hosts.values()) {
    for (const { id, state } of report?.statuses.values() ?? []) {
      const parts = partsOfId(id)
      const isOurs = parts !== undefined && parts.number <= (fleet.numbers.get(parts.prefix) ?? 0)
      if (!isOurs || state === 'removed' || records.has(id) || round.changes.has(id)) continue
      const order = fleet.orders.get(id)
      if (!order?.isOpen && fleet.nowMs >= (order?.againAtMs ?? 0)) round.orderRemove({ id, host })
    }
  }
}
