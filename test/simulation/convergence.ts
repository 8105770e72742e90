import type { LaneHolding } from '#agent/ring/lane.ts'
import { laneKey } from '#agent/ring/lane.ts'
import { RangeSet } from '#protocol/samples/arrival.ts'
import type { SimHost } from './sim-host.ts'
import type { World } from './world.ts'

const monitors = ['cpu', 'queue', 'errors']

/** What is not in its place yet, in words; undefined when everything is. */
export function findUnsettled(world: World): string | undefined {
  const clouds = new Set(world.hosts.map(({ options }) => options.cloud))
  for (const cloud of clouds) {
    const hosts = world.hosts.filter(({ options }) => options.cloud === cloud)
    const found =
      hosts.map((host) => (host.isRunning ? undefined : `${host.host} does not run`)).find(Boolean) ??
      findViews(hosts) ??
      findAggregators(hosts) ??
      findOwnLag(world, hosts) ??
      findCopies(world, hosts)
    if (found) return `${cloud}: ${found}`
  }
  return undefined
}

/** Everybody sees the same members. */
function findViews(hosts: readonly SimHost[]): string | undefined {
  const all = hosts
    .map(({ host }) => host)
    .sort()
    .join(' ')
  for (const { host, node } of hosts) {
    const seen = [...(node?.ring.hosts ?? [])]
      .filter((other) => node?.membership.isAlive(other))
      .sort()
      .join(' ')
    if (seen !== all) return `${host} sees ${seen}, there are ${all}`
    const wrong = hosts.find((other) => node?.ring.zoneOf(other.host) !== other.options.zone)
    if (wrong) return `${host} sees ${wrong.host} in zone ${node?.ring.zoneOf(wrong.host)}`
  }
  return undefined
}

function findAggregators(hosts: readonly SimHost[]): string | undefined {
  for (const monitor of monitors) {
    const chosen = hosts.filter(({ node }) => node?.isAggregator(monitor)).map(({ host }) => host)
    if (chosen.length !== 1) return `monitor ${monitor} is aggregated by ${chosen.join(', ') || 'nobody'}`
  }
  return undefined
}

/** Every owner has as many holders as there may be, and they have all it has. */
function findOwnLag(world: World, hosts: readonly SimHost[]): string | undefined {
  for (const { host, node, disk } of hosts) {
    const lags = node?.shipper.lags ?? []
    if (lags.length !== Math.min(world.copies - 1, hosts.length - 1)) return `${host} has ${lags.length} holders`
    if (node?.shipper.isQuarantined) return `${host} is quarantined`
    for (const lag of lags) {
      if (!lag.isGreeted || lag.lagSamples > 0)
        return `${lag.host} lags ${lag.lagSamples} behind ${host} of ${disk.syncedTo}`
    }
  }
  return undefined
}

/** What there is of any owner is with all who are to keep it, and with nobody else. */
function findCopies(world: World, hosts: readonly SimHost[]): string | undefined {
  const owners = new Set(hosts.flatMap(({ node }) => [...(node?.keeper.owners ?? [])]))
  for (const owner of owners) {
    const holders = hosts.filter(({ node }) => node?.holdingsOf(owner).some(({ ranges }) => ranges.length > 0))
    const first = holders[0]?.node
    if (!first) continue
    const keepers = first.keepersOf(owner).hosts
    const wanted = keepers.length
    if (wanted < Math.min(world.copies, hosts.length)) return `${owner} has only ${wanted} keepers`
    for (const { host } of holders) if (!keepers.includes(host)) return `${host} still holds ${owner}`
    if (world.quotaBytes < 1_000_000) continue
    const union = unionOf(holders.flatMap(({ node }) => [...(node?.holdingsOf(owner) ?? [])]))
    for (const host of hosts.filter((machine) => keepers.includes(machine.host))) {
      const lacking = lackingOf(union, host.node?.holdingsOf(owner) ?? [])
      if (lacking) return `${host.host} lacks ${owner} ${lacking}`
      const unread = unreadOf(host, owner)
      if (unread) return `${host.host} cannot read ${owner} ${unread}`
    }
  }
  return undefined
}

function unionOf(lanes: readonly LaneHolding[]): Map<string, RangeSet> {
  const union = new Map<string, RangeSet>()
  for (const lane of lanes) {
    const set = union.get(laneKey(lane)) ?? new RangeSet()
    union.set(laneKey(lane), set)
    for (const range of lane.ranges) set.add(range)
  }
  return union
}

function lackingOf(union: ReadonlyMap<string, RangeSet>, lanes: readonly LaneHolding[]): string | undefined {
  const held = unionOf(lanes)
  for (const [key, set] of union) {
    const floor = Math.max(0, ...lanes.filter((lane) => laneKey(lane) === key).map((lane) => lane.floor))
    const have = held.get(key) ?? new RangeSet()
    for (const range of set.ranges) {
      const gap = have.missing(range).find(({ to }) => to > floor)
      if (gap) return `${key} ${gap.from} to ${gap.to}`
    }
  }
  return undefined
}

/** What a host says it holds is on its disk. */
function unreadOf(host: SimHost, owner: string): string | undefined {
  const onDisk = new Map<string, RangeSet>()
  for (const rows of host.disk.copies.rowsOf(owner, true)) {
    const set = onDisk.get(laneKey(rows)) ?? new RangeSet()
    onDisk.set(laneKey(rows), set)
    set.add(rows)
  }
  for (const lane of host.node?.keeper.holdingsOf(owner)?.summary() ?? []) {
    const set = onDisk.get(laneKey(lane)) ?? new RangeSet()
    const gap = lane.ranges.flatMap((range) => set.missing(range))[0]
    if (gap) return `${laneKey(lane)} ${gap.from} to ${gap.to}`
  }
  return undefined
}
