/**
 * Where one more instance of a component goes: every host that cannot have it says why, and of the others the one wins on which the fewest
 * of its kind share its fate. Pure. Nothing is placed on a host whose instances are not known: it may have what would be placed there.
 */
import type { Component } from '#protocol/application/model.ts'
import type { FleetHost, HostReport } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import { type Refusal, refusalKey } from './refusal.ts'

/** An instance of this component would be placed. */
export interface PlacementCase {
  readonly application: string
  readonly component: Component
  readonly hosts: Iterable<FleetHost>
  /** Every instance that has a host, those that leave included: they hold their ports until they are gone. */
  readonly records: Iterable<InstanceRecord>
  /** Who did not take it, by `refusalKey`. */
  readonly refusals: ReadonlyMap<string, Refusal>
}

export interface Rejection {
  /** `T.C.H`. */
  readonly host: string
  /** Everything that speaks against it, in words. */
  readonly reasons: readonly string[]
}

export interface Placement {
  /** `T.C.H`; undefined = no host can have it. */
  readonly host: string | undefined
  readonly rejected: readonly Rejection[]
}

/** A host with what is on it. */
interface Site {
  readonly host: FleetHost
  readonly here: readonly InstanceRecord[]
  /** On this host and those on the same machine: they share its ports. */
  readonly onMachine: readonly InstanceRecord[]
}

/** A host that has no such label is a zone of its own cloud. */
const zoneLabel = 'zone'

export function place({ application, component, hosts, records, refusals }: PlacementCase): Placement {
  const all = [...records]
  const byHost = new Map<string, InstanceRecord[]>()
  for (const record of all) byHost.set(record.host, [...(byHost.get(record.host) ?? []), record])
  const sites = sitesOf([...hosts], (host) => byHost.get(host) ?? [])
  const refusalOf = ({ host: { id } }: Site): string[] => {
    const refusal = refusals.get(refusalKey(id, application, component.name))
    return refusal ? [refusal.says] : []
  }
  const judged = sites.map((site) => ({
    site,
    reasons: [...reasonsAgainst(site, application, component), ...refusalOf(site)],
  }))
  const fits = judged.filter(({ reasons }) => reasons.length === 0).map(({ site }) => site)
  const spread = spreadCounts(sites, application, component)
  const scored = fits.map((site) => ({ site, score: scoreOf(site, application, component, spread) }))
  const [best] = scored.toSorted((a, b) => compare(a.score, b.score) || (a.site.host.id < b.site.host.id ? -1 : 1))
  const rejected = judged.filter(({ reasons }) => reasons.length > 0)
  return { host: best?.site.host.id, rejected: rejected.map(({ site, reasons }) => ({ host: site.host.id, reasons })) }
}

/** Ports that an instance has on its host under its own numbers: public ones in Docker, all in a directory. */
function fixedPorts({ isolation, provides }: Pick<InstanceRecord['spec'], 'isolation' | 'provides'>): string[] {
  const fixed = provides.filter(({ isPublic }) => isPublic || isolation === 'directory')
  return fixed.map(({ port, protocol }) => `${port}/${protocol}`)
}

function whyFixed({ isolation }: Component): string {
  return isolation === 'directory' ? 'in a directory it listens on its own numbers' : 'a public port keeps its number'
}

function sitesOf(hosts: readonly FleetHost[], recordsOn: (host: string) => readonly InstanceRecord[]): Site[] {
  const machines = new Map<string, InstanceRecord[]>()
  const machineOf = ({ id, machine }: FleetHost): string => machine ?? id
  for (const host of hosts) {
    machines.set(machineOf(host), [...(machines.get(machineOf(host)) ?? []), ...recordsOn(host.id)])
  }
  return hosts.map((host) => ({ host, here: recordsOn(host.id), onMachine: machines.get(machineOf(host)) ?? [] }))
}

function reasonsAgainst(site: Site, application: string, component: Component): string[] {
  const { host, here } = site
  const { report } = host
  if (host.state !== 'online') return [`it is ${host.state}`]
  if (!report) return ['what it runs is not known: its agent has not said, or takes no instances']
  return [
    ...(host.drain ? ['it is drained'] : []),
    ...placeReasons(host, report, component),
    ...roomReasons(site, component),
    ...neighbourReasons(here, application, component),
  ]
}

function placeReasons(host: FleetHost, report: HostReport, { place, isolation, lifecycle }: Component): string[] {
  const { clouds, hosts, systems, labels, coresMin, memoryBytesMin, diskBytesMin } = place
  const reasons: string[] = []
  const expect = (isRight: boolean, found: string | number, expected: string | number): void => {
    if (!isRight) reasons.push(`found ${found}, expected ${expected}`)
  }
  expect(clouds?.includes(host.cloud) ?? true, `cloud ${host.cloud}`, `${clouds?.join(' or ')}`)
  expect(hosts?.includes(host.host) ?? true, `host ${host.host}`, `${hosts?.join(' or ')}`)
  expect(systems?.includes(report.system) ?? true, `system ${report.system}`, `${systems?.join(' or ')}`)
  for (const [name, value] of Object.entries(labels)) {
    expect(host.labels[name] === value, `label ${name}=${host.labels[name] ?? 'none'}`, value)
  }
  atLeast(reasons, 'cores', host.cores, coresMin)
  atLeast(reasons, 'bytes of memory', host.memoryBytes, memoryBytesMin)
  atLeast(reasons, 'bytes of disk free', report.diskFreeBytes, diskBytesMin)
  if (!report.isolations.includes(isolation)) {
    reasons.push(`found ${report.isolations.join(' and ') || 'nothing'} to run instances in, expected ${isolation}`)
  }
  const start = lifecycle.start
  if (start && isolation === 'directory' && !start.any && !start[report.system]) {
    reasons.push(`found no start handler for ${report.system}`)
  }
  return reasons
}

function atLeast(reasons: string[], what: string, found: number | undefined, min: number | undefined): void {
  if (min === undefined || (found !== undefined && found >= min)) return
  reasons.push(`found ${found ?? 'an unknown number of'} ${what}, expected at least ${min}`)
}

function roomReasons({ host: { memoryBytes }, here, onMachine }: Site, component: Component): string[] {
  const reasons: string[] = []
  const asked = component.resources.memoryBytes ?? 0
  const reserved = sum(here.map(({ spec }) => spec.resources.memoryBytes ?? 0))
  if (memoryBytes !== undefined && asked > 0 && reserved + asked > memoryBytes) {
    reasons.push(`found ${Math.max(0, memoryBytes - reserved)} bytes of memory not reserved, expected ${asked}`)
  }
  const wanted = new Set(fixedPorts(component))
  for (const { id, host, spec } of onMachine) {
    const taken = fixedPorts(spec).filter((port) => wanted.has(port))
    const where = here.some((record) => record.id === id) ? '' : ` of this machine, on ${host}`
    if (taken.length > 0) reasons.push(`${id} has port ${taken.join(', ')}${where}: ${whyFixed(component)}`)
  }
  return reasons
}

function neighbourReasons(here: readonly InstanceRecord[], application: string, component: Component): string[] {
  const own = here.filter((record) => record.application === application)
  const unwelcome = own.filter((record) => component.place.antiAffinity.includes(record.component))
  return unwelcome.map(({ id }) => `${id} is there: they never share a host`)
}

/** Instances of the component by where they share their fate. */
function spreadCounts(sites: readonly Site[], application: string, component: Component): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { host, here } of sites) {
    const key = spreadKey(host, component)
    counts.set(key, (counts.get(key) ?? 0) + ownOf(here, application, component).length)
  }
  return counts
}

function spreadKey({ id, cloud, labels }: FleetHost, { place }: Component): string {
  if (place.spread === 'cloud') return cloud
  return place.spread === 'zone' ? `${cloud}/${labels[zoneLabel] ?? ''}` : id
}

/** Less is better: own kind in the same zone, own kind on the host, what is there for each core. */
function scoreOf(
  { host, here }: Site,
  application: string,
  component: Component,
  spread: ReadonlyMap<string, number>,
): readonly number[] {
  const load = sum(here.map(({ spec }) => spec.resources.cpus ?? 1)) / Math.max(1, host.cores ?? 1)
  return [spread.get(spreadKey(host, component)) ?? 0, ownOf(here, application, component).length, load]
}

function ownOf(here: readonly InstanceRecord[], application: string, { name }: Component): InstanceRecord[] {
  return here.filter((record) => record.application === application && record.component === name && !record.isLeaving)
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] ?? 0)
  return 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
