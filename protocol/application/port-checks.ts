/** Ports that cannot be had: twice in one instance, or on hosts that placement leaves too few of. */
import type { ConfigIssue } from '#protocol/runtime/config-issues.ts'
import { issueAt } from './forms.ts'
import type { Component } from './model.ts'

/** Instances of one component that want one port of a host each. */
interface Claim {
  readonly component: string
  readonly port: string
  readonly count: number
  readonly hosts: readonly string[]
}

/** Every port clash that no choice of hosts avoids. */
export function portIssues(components: readonly Component[]): ConfigIssue[] {
  return [...components.flatMap(twiceInOne), ...clashesOnHosts(components), ...parted(components)]
}

function twiceInOne({ name, provides }: Component): ConfigIssue[] {
  return provides.flatMap(({ name: port, port: number, protocol }, i) => {
    const other = provides.slice(0, i).find((other) => other.port === number && other.protocol === protocol)
    const path = ['components', name, 'provides', port, 'port']
    return other ? [issueAt(path, `another port than that of ${other.name}`, `${number}/${protocol}`)] : []
  })
}

/**
 * A port of a host can be had once. In Docker only public ports are the host's own; in a directory all are. Where components name their
 * hosts, each instance that is wanted from the start needs one of them for itself.
 */
function clashesOnHosts(components: readonly Component[]): ConfigIssue[] {
  const claims = new Map<string, Claim[]>()
  for (const component of components) {
    const hosts = hostsOf(component)
    if (!hosts) continue
    for (const { name, port, protocol, isPublic } of component.provides) {
      if (component.isolation === 'docker' && !isPublic) continue
      const key = `${port}/${protocol}`
      const claim = { component: component.name, port: name, count: component.instances.initial, hosts }
      claims.set(key, [...(claims.get(key) ?? []), claim])
    }
  }
  return [...claims].flatMap(([port, those]) => {
    const loser = firstWithoutHost(those)
    if (!loser) return []
    const others = those.filter((claim) => claim !== loser).map(({ component }) => component)
    const found = `${loser.count} on ${loser.hosts.join(', ')}${others.length > 0 ? ` beside ${others.join(', ')}` : ''}`
    const path = ['components', loser.component, 'provides', loser.port, 'port']
    return [issueAt(path, `a host for each instance that wants port ${port}`, found)]
  })
}

/** Hosts of one component that are looked at; of a component that names more, placement judges when it knows them. */
const hostsMax = 200

/** The hosts a component names, by cloud where it names several; undefined = any may serve, or too many to judge. */
function hostsOf({ place: { hosts, clouds = [] } }: Component): readonly string[] | undefined {
  if (!hosts || hosts.length * Math.max(1, clouds.length) > hostsMax) return undefined
  return clouds.length > 1 ? clouds.flatMap((cloud) => hosts.map((host) => `${cloud}.${host}`)) : [...new Set(hosts)]
}

/** Gives each instance a host of its own as long as that can be done (augmenting paths); the claim at which it cannot. */
function firstWithoutHost(claims: readonly Claim[]): Claim | undefined {
  const taken = new Map<string, Claim>()
  const place = (claim: Claim, tried: Set<string>): boolean =>
    claim.hosts.some((host) => {
      if (tried.has(host)) return false
      tried.add(host)
      const holder = taken.get(host)
      if (holder && !place(holder, tried)) return false
      taken.set(host, claim)
      return true
    })
  return claims.find((claim) => {
    for (let i = 0; i < claim.count; i++) if (!place(claim, new Set())) return true
    return false
  })
}

/** Components that must not share a host, and have only one and the same. */
function parted(components: readonly Component[]): ConfigIssue[] {
  const only = new Map(components.map((component) => [component.name, onlyHost(component)]))
  return components.flatMap((component) =>
    component.place.antiAffinity.flatMap((other, i) => {
      const host = only.get(component.name)
      const isForced = host !== undefined && host === only.get(other)
      const isCrowded = other === component.name ? component.instances.initial > 1 : component.instances.initial > 0
      const path = ['components', component.name, 'place', 'antiAffinity', i]
      return isForced && isCrowded
        ? [issueAt(path, 'another host for one of them', `${other} on ${host} alone, too`)]
        : []
    }),
  )
}

function onlyHost(component: Component): string | undefined {
  const hosts = new Set(hostsOf(component))
  return hosts.size === 1 ? [...hosts][0] : undefined
}
