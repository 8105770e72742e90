/**
 * What a host does not take another may: an instance that its host refuses, and that has nothing there to lose, leaves where another host can have
 * it. Pure.
 */
import type { Component } from '#protocol/application/model.ts'
import { type Fleet, statusOf, type WantedComponent } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { place } from './placement.ts'
import { refusalKey } from './refusal.ts'
import type { Round } from './round.ts'

/** How long a host is not asked again, ms. */
const refusalMs = 600_000

/** Codes that are about the host, not the instance: of orders, and of places that could not be made. */
const hostCodes: ReadonlySet<string> = new Set([
  'ADDRESS_REFUSED',
  'DISK_FULL',
  'IMAGE_MISSING',
  'IMAGE_NOT_ALLOWED',
  'INSTANCES_FULL',
  'ISOLATION_UNKNOWN',
  'NAME_TAKEN',
  'PATH_REFUSED',
  'PORT_TAKEN',
])

/** Notes who refuses, and lets leave what another host can have. */
export function leaveRefused(round: Round, { application, component }: WantedComponent): void {
  const refused = round
    .recordsOf(application, component.name)
    .filter((record) => !record.isLeaving && !round.changes.has(record.id))
    .filter((record) => noteRefusal(round, record, component))
  for (const record of refused) {
    const records = [...round.records.values()].filter(({ id }) => id !== record.id)
    const hosts = round.fleet.hosts.values()
    const found = place({ application, component, hosts, records, refusals: round.refusals })
    if (found.host === undefined) round.rejected.set(`${application}/${component.name}`, found.rejected)
    else if (round.hasRoom()) round.leave(record)
  }
}

function noteRefusal({ fleet, refusals }: Round, record: InstanceRecord, component: Component): boolean {
  const { id, host, application } = record
  const why = refusalOf(record, fleet)
  if (why === undefined) return false
  const key = refusalKey(host, application, component.name)
  const refusal = { host, application, component, says: `it refused ${id}: ${why}`, untilMs: fleet.nowMs + refusalMs }
  if (!refusals.has(key)) refusals.set(key, refusal)
  return true
}

/** Why its host does not take it; undefined = it does, or it has run there and what it wrote would be lost. */
function refusalOf(record: InstanceRecord, fleet: Fleet): string | undefined {
  const status = statusOf(record, fleet)
  const order = fleet.orders.get(record.id)
  if (status === 'absent') {
    const isRefused = order?.isOpen === false && order.code !== undefined && hostCodes.has(order.code)
    return isRefused ? order.failure : undefined
  }
  if (status === 'unknown' || status.hasRun === true || status.generation !== record.spec.generation) return undefined
  const { failure } = status
  return failure?.code !== undefined && hostCodes.has(failure.code) ? `${failure.code}: ${failure.reason}` : undefined
}
