/**
 * Who is upgraded next, and when it is over; pure. The first host goes alone, then batches; the next one begins when all of the one before are
 * done, and the first failure ends it: whoever has an order finishes, nobody else gets one.
 */
import type { UpgradeHost, UpgradeRow } from './upgrade-row.ts'

/** How an order ended; undefined while it has not. */
export interface OrderEnd {
  readonly state: string
  readonly code?: string | undefined
  readonly reason?: string | undefined
}

/** The row after what has become of its orders. `endOf` is asked for orders that are under way. */
export function settled(row: UpgradeRow, endOf: (order: string) => OrderEnd | undefined, nowMs: number): UpgradeRow {
  const hosts = row.hosts.map((host) => settledHost(host, endOf))
  const hasFailed = hosts.some(({ state }) => state === 'failed')
  const left = hasFailed ? hosts.map((host) => skipped(host, 'an earlier host failed')) : hosts
  return over({ ...row, hosts: left }, nowMs)
}

/** Hosts that are to get their order now: none while any other has one. */
export function nextBatch({ state, hosts, batch }: UpgradeRow): readonly string[] {
  if (state !== 'running' || hosts.some((host) => host.state === 'ordered')) return []
  const isFirst = !hosts.some((host) => host.state === 'done' || host.state === 'failed')
  const waiting = hosts.filter((host) => host.state === 'waiting')
  return waiting.slice(0, isFirst ? 1 : batch).map(({ target }) => target)
}

/** The row once a host has its order. */
export function ordered(row: UpgradeRow, target: string, order: string): UpgradeRow {
  return changed(row, target, { state: 'ordered', order })
}

/** The row once an order could not be given. */
export function unordered(row: UpgradeRow, target: string, { code, reason }: OrderEnd, nowMs: number): UpgradeRow {
  const failed = changed(row, target, { state: 'failed', code, reason })
  return settled(failed, () => undefined, nowMs)
}

/** Nobody else gets an order. */
export function stopped(row: UpgradeRow, nowMs: number): UpgradeRow {
  return over({ ...row, hosts: row.hosts.map((host) => skipped(host, 'it was stopped')) }, nowMs)
}

function settledHost(host: UpgradeHost, endOf: (order: string) => OrderEnd | undefined): UpgradeHost {
  if (host.state !== 'ordered' || host.order === undefined) return host
  const end = endOf(host.order)
  if (!end) return host
  return end.state === 'done'
    ? { ...host, state: 'done' }
    : { ...host, state: 'failed', code: end.code ?? end.state.toUpperCase(), reason: end.reason }
}

function skipped(host: UpgradeHost, reason: string): UpgradeHost {
  return host.state === 'waiting' ? { ...host, state: 'skipped', code: 'STOPPED', reason } : host
}

/** Over as soon as nobody waits and nobody has an order. */
function over(row: UpgradeRow, nowMs: number): UpgradeRow {
  if (row.state !== 'running' || row.hosts.some(({ state }) => state === 'waiting' || state === 'ordered')) return row
  const wasStopped = row.hosts.some(({ state, code }) => state === 'failed' || code === 'STOPPED')
  return { ...row, state: wasStopped ? 'stopped' : 'done', endedMs: nowMs }
}

function changed(row: UpgradeRow, target: string, change: Partial<UpgradeHost>): UpgradeRow {
  return { ...row, hosts: row.hosts.map((host) => (host.target === target ? { ...host, ...change } : host)) }
}
