/** The variables of handlers, commands and the main process: names exactly as in seed-systems §2.6. Pure. */
import { portVariable } from '#protocol/instances/port-variable.ts'
import type { InstanceSpec, PeerEndpoint } from '#protocol/instances/spec.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import { formatHostPort } from '#protocol/runtime/host-port.ts'
import type { Place } from './instance.ts'
import { toldPeers } from './spec-change.ts'

/** What the host is called at the seed's address levels. */
export interface HostAddresses {
  /** From outside the cloud; absent = it cannot be reached from there. */
  readonly publicIp?: string | undefined
  /** Inside the cloud. */
  readonly cloudIp: string
  readonly vmId: string
}

/** What an instance is given of its own; absent = it has none. */
export interface OwnPaths {
  /** Where it may send metrics to, as LANISTA_CARBON. */
  readonly carbon?: string | undefined
  /** Where it finds its member file, as LANISTA_MEMBERS. */
  readonly membersPath?: string | undefined
}

/**
 * All variables: addresses and own numbers, `ip:port` lists of peers (empty without any), ids, the component's own properties, its role among the
 * members of its component, and what it is given of its own.
 */
export function environmentOf(
  spec: InstanceSpec,
  place: Place | undefined,
  host: HostAddresses,
  { carbon, membersPath }: OwnPaths = {},
): Readonly<Record<string, string>> {
  const containerIp = place?.address ?? host.cloudIp
  return {
    ...spec.environment,
    PUBLIC_IP: host.publicIp ?? '',
    CLOUD_IP: host.cloudIp,
    CONTAINER_IP: containerIp,
    ...Object.fromEntries(spec.provides.flatMap((port) => providedVariables(port, place))),
    ...Object.fromEntries(
      spec.requires.flatMap((port) => {
        const peers = toldPeers(port)
        const list = (level: keyof PeerEndpoint): string => peers.flatMap((peer) => peer[level] ?? []).join(',')
        return byLevel(port.name, list('public'), list('cloud'), list('container'))
      }),
    ),
    VM_ID: host.vmId,
    INSTANCE_ID: spec.id,
    TERM: 'DUMB',
    ...(carbon === undefined ? {} : { LANISTA_CARBON: carbon }),
    ...memberVariables(spec, membersPath),
  }
}

/** Names of seed-systems §7.6, where instances know each other. */
function memberVariables(
  { id, members }: InstanceSpec,
  membersPath: string | undefined,
): Readonly<Record<string, string>> {
  if (!members) return {}
  const own = members.list.find((member) => member.id === id)
  return {
    MY_IP: own?.ip ?? '',
    MY_ROLE: own?.role ?? 'node',
    MASTER_IP: members.masterIp,
    MASTER_TERM: String(members.term),
    ...(membersPath === undefined ? {} : { LANISTA_MEMBERS: membersPath }),
  }
}

/** How peers reach what the instance provides. A public port is reached at the host's public address, every other inside the cloud alone. */
export function endpointsOf(spec: InstanceSpec, place: Place, host: HostAddresses): InstanceStatus['endpoints'] {
  return Object.fromEntries(
    spec.provides.flatMap(({ name, port, isPublic }) => {
      const number = place.hostPorts[name]
      if (number === undefined) return []
      const endpoint: PeerEndpoint = {
        instance: spec.id,
        ...(isPublic && host.publicIp !== undefined ? { public: formatHostPort(host.publicIp, number) } : {}),
        cloud: formatHostPort(host.cloudIp, number),
        container:
          place.address === undefined ? formatHostPort(host.cloudIp, number) : formatHostPort(place.address, port),
      }
      return [[name, endpoint]]
    }),
  )
}

/** The number a component itself listens on: in a container the one it was built for, in a directory the host's. */
function ownPort(port: InstanceSpec['provides'][number], place: Place | undefined): number {
  const hostPort = place?.hostPorts[port.name]
  return place?.address === undefined && hostPort !== undefined ? hostPort : port.port
}

function providedVariables(port: InstanceSpec['provides'][number], place: Place | undefined): [string, string][] {
  const number = place?.hostPorts[port.name]
  const onHost = number === undefined ? '' : String(number)
  return byLevel(port.name, port.isPublic ? onHost : '', onHost, String(ownPort(port, place)))
}

function byLevel(name: string, ofPublic: string, cloud: string, container: string): [string, string][] {
  const variable = portVariable(name)
  return [
    [`PUBLIC_${variable}`, ofPublic],
    [`CLOUD_${variable}`, cloud],
    [`CONTAINER_${variable}`, container],
  ]
}
