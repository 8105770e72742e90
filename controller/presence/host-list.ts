import { appliedGeneration } from '#controller/aggregate/applied-set.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { HostView } from './host-view.ts'
import type { KnownHost } from './presence-service.ts'
import { vitalsOf } from './vitals.ts'

export interface HostListSources {
  readonly hosts: Iterable<KnownHost>
  readonly window: SampleWindow
  /** Of the set of monitors that hosts should compute; 0 = none ever. */
  readonly generation: number
  /** Samples ingested a second of a host `T.C.H`. */
  readonly samplesPerSecond: (host: string) => number
}

/** The hosts of a tenant, by cloud and name. */
export function listHosts(tenant: string, sources: HostListSources): HostView[] {
  const views: HostView[] = []
  for (const known of sources.hosts) {
    if (known.record.address.tenant === tenant) views.push(viewOf(known, sources))
  }
  return views.sort((a, b) => compare(a.cloud, b.cloud) || compare(a.id, b.id))
}

function viewOf(known: KnownHost, { window, generation, samplesPerSecond }: HostListSources): HostView {
  const { record, presence } = known
  const { address, birth, heartbeat } = record
  const applied = generation === 0 ? undefined : appliedGeneration(known)
  const id = hostIdOf(address)
  return {
    id: address.host,
    tenant: address.tenant,
    cloud: address.cloud,
    state: presence.state,
    session: presence.session,
    version: birth?.version ?? null,
    pid: birth?.pid ?? null,
    carbon: birth?.carbon ?? null,
    labels: birth?.labels ?? {},
    inventory: birth?.inventory ?? {},
    last_seen_ms: record.lastSeenMs ?? null,
    skew_ms: record.skewMs ?? null,
    lag_samples: heartbeat?.lagSamples ?? null,
    dropped: heartbeat?.dropped ?? null,
    store_fault: heartbeat?.storeFault ?? null,
    monitors: applied === undefined ? null : applied === generation ? 'applied' : 'behind',
    samples_per_second: samplesPerSecond(id),
    vitals: vitalsOf(window, id),
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
