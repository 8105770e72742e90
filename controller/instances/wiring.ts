/**
 * Who is told of whom: for each required port the instances that provide it and run. Pure. Peers stay in their order, so that a new one moves
 * no other; what is not known stays as it was told last: a host that is cut off does not take its peers' peers away.
 */
import type { Component } from '#protocol/application/model.ts'
import type { PeerEndpoint } from '#protocol/instances/spec.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { type Fleet, statusOf } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'

/** Peers of one port where the file says nothing: a spec has no room for more. */
const peersMax = 1000

/** Where those are found who may provide something. */
export interface Providers extends Pick<Fleet, 'hosts'> {
  /** Of a component, the oldest first. */
  recordsOf(application: string, component: string): readonly InstanceRecord[]
}

/** The peers of one instance (there already, or still to be) by required port. */
export function peersOf(
  consumer: Pick<InstanceRecord, 'id' | 'application' | 'host'> & {
    readonly told?: InstanceRecord['spec'] | undefined
  },
  component: Component,
  fleet: Providers,
): ReadonlyMap<string, readonly PeerEndpoint[]> {
  const peers = new Map<string, readonly PeerEndpoint[]>()
  for (const { name, from, max } of component.requires) {
    const told = consumer.told?.requires.find((port) => port.name === name)?.peers ?? []
    const providers = fleet
      .recordsOf(consumer.application, from.component)
      .filter(({ id, isLeaving }) => id !== consumer.id && !isLeaving)
    const ready = providers.flatMap((provider) => endpointOf(provider, from.port, consumer, told, fleet) ?? [])
    peers.set(name, firstOf(ready, told, max === undefined ? undefined : Math.min(max, peersMax)))
  }
  return peers
}

function endpointOf(
  provider: InstanceRecord,
  port: string,
  consumer: Pick<InstanceRecord, 'host'>,
  told: readonly PeerEndpoint[],
  fleet: Pick<Fleet, 'hosts'>,
): PeerEndpoint | undefined {
  const status = statusOf(provider, fleet)
  if (status === 'unknown' || (status !== 'absent' && status.state === 'unknown')) {
    return told.find(({ instance }) => instance === provider.id)
  }
  const own = status !== 'absent' && status.state === 'running' ? status.endpoints[port] : undefined
  if (!own) return undefined
  const isNear = parseHostId(provider.host).cloud === parseHostId(consumer.host).cloud
  const isHere = provider.host === consumer.host
  return {
    instance: provider.id,
    public: own.public,
    cloud: isNear ? own.cloud : undefined,
    container: isHere ? own.container : undefined,
  }
}

/** Where there are more than it is told of, those that it knows stay. */
function firstOf(
  ready: readonly PeerEndpoint[],
  told: readonly PeerEndpoint[],
  max = peersMax,
): readonly PeerEndpoint[] {
  if (ready.length <= max) return ready
  const known = new Set(told.map(({ instance }) => instance))
  const kept = ready.toSorted((a, b) => Number(known.has(b.instance)) - Number(known.has(a.instance))).slice(0, max)
  return ready.filter((peer) => kept.includes(peer))
}
