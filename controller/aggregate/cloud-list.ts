import type { KnownHost } from '#controller/presence/presence-service.ts'
import type { HostState } from '#protocol/presence/presence.ts'
import type { CloudHosts } from './merged-doubt.ts'

/** The hosts of a tenant by cloud, those that have left included. */
export function cloudsOf(tenant: string, hosts: Iterable<KnownHost>): Map<string, CloudHosts> {
  const clouds = new Map<string, Map<string, HostState>>()
  for (const { record, presence } of hosts) {
    const { address } = record
    if (address.tenant !== tenant) continue
    const cloud = clouds.get(address.cloud)
    if (cloud) cloud.set(address.host, presence.state)
    else clouds.set(address.cloud, new Map([[address.host, presence.state]]))
  }
  return clouds
}

/** Clouds that are expected to say something: a host that is only silent still counts. In order of their names. */
export function membersOf(clouds: ReadonlyMap<string, CloudHosts>): string[] {
  return [...clouds]
    .filter(([, hosts]) => [...hosts.values()].some((state) => state !== 'left'))
    .map(([cloud]) => cloud)
    .sort()
}
