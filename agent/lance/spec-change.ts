/** What a newer spec changes: whether the place has to be made again, the component started again, or told of its peers. Pure. */
import type { HandlerName, InstanceSpec, PeerEndpoint, RequiredPort } from '#protocol/instances/spec.ts'
import { placeDigest } from './runtime/place-record.ts'

const ofInstallation: readonly HandlerName[] = ['init', 'preInstall', 'install', 'postInstall']
const ofStart: readonly HandlerName[] = ['preStart', 'start', 'postStart']

/** Do both run in the same place: isolation, image, code, files, volumes, ports, limits, and the handlers that install? */
export function isSameInstallation(a: InstanceSpec, b: InstanceSpec): boolean {
  return a === b || (placeDigest(a) === placeDigest(b) && isEqual(a, b, (spec) => handlersOf(spec, ofInstallation)))
}

/** Would both be started alike, peers aside: variables, the handlers that start, required ports? */
export function isSameStart(a: InstanceSpec, b: InstanceSpec): boolean {
  return a === b || isEqual(a, b, startOf)
}

/** Peers a component is told of: the first `max`. */
export function toldPeers({ peers, max }: RequiredPort): readonly PeerEndpoint[] {
  return max === undefined ? peers : peers.slice(0, max)
}

/** Required ports, in order, whose peers are others than the component was told of. */
export function changedPorts(active: InstanceSpec, spec: InstanceSpec): readonly RequiredPort[] {
  return spec.requires.filter((port) => {
    const told = active.requires.find(({ name }) => name === port.name)
    return !told || JSON.stringify(toldPeers(told).map(asTold)) !== JSON.stringify(toldPeers(port).map(asTold))
  })
}

/** The newer spec, with the peers the component was told of: what changes without anybody being told. */
export function withToldPeers(spec: InstanceSpec, active: InstanceSpec): InstanceSpec {
  const told = new Map(active.requires.map(({ name, peers }) => [name, peers]))
  return { ...spec, requires: spec.requires.map((port) => ({ ...port, peers: told.get(port.name) ?? [] })) }
}

/** The spec with other peers of one port. */
export function withPeers(spec: InstanceSpec, name: string, peers: readonly PeerEndpoint[]): InstanceSpec {
  return { ...spec, requires: spec.requires.map((port) => (port.name === name ? { ...port, peers } : port)) }
}

function startOf({ lifecycle, startDetector, requires, environment }: InstanceSpec): unknown {
  const variables = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [handlersOf({ lifecycle }, ofStart), startDetector, requires.map(({ name }) => name), variables]
}

function handlersOf({ lifecycle }: Pick<InstanceSpec, 'lifecycle'>, names: readonly HandlerName[]): unknown {
  return names.map((name) => lifecycle[name]?.commands)
}

function isEqual(a: InstanceSpec, b: InstanceSpec, of: (spec: InstanceSpec) => unknown): boolean {
  return JSON.stringify(of(a)) === JSON.stringify(of(b))
}

function asTold(peer: PeerEndpoint): readonly unknown[] {
  return [peer.instance, peer.public, peer.cloud, peer.container]
}
