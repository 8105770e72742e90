/** Applications and hosts as the reconciler looks at them. */
import type { AppliedApplication } from '#controller/applications/application-state.ts'
import type { KnownHost } from '#controller/presence/presence-service.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { Drain, Fleet, FleetHost, HostReport } from './fleet.ts'

export function wantedComponents(
  applications: readonly Pick<AppliedApplication, 'name' | 'file' | 'wanted'>[],
): Pick<Fleet, 'components' | 'unreadable'> {
  return {
    components: applications.flatMap(({ name, file, wanted }) =>
      (file?.components ?? []).map((component) => ({
        application: name,
        component,
        wanted: wanted.get(component.name) ?? component.instances.initial,
      })),
    ),
    unreadable: new Set(applications.filter(({ file }) => !file).map(({ name }) => name)),
  }
}

export interface HostSources {
  readonly hosts: Iterable<KnownHost>
  /** By `T.C.H`. */
  readonly drains: ReadonlyMap<string, Drain>
  readonly reportOf: (host: string, session: number) => HostReport | undefined
  /** Monotonic ms. */
  readonly nowMs: number
}

/** The hosts of a tenant by `T.C.H`. */
export function fleetHosts(tenant: string, { hosts, drains, reportOf, nowMs }: HostSources): Map<string, FleetHost> {
  const found = new Map<string, FleetHost>()
  for (const { record, presence } of hosts) {
    const { address, birth } = record
    if (address.tenant !== tenant) continue
    const id = hostIdOf(address)
    const report = reportOf(id, presence.session)
    found.set(id, {
      id,
      cloud: address.cloud,
      host: address.host,
      state: presence.state,
      labels: birth?.labels ?? {},
      machine: report?.address === undefined ? machineOf(birth?.inventory) : id,
      cores: numberOf(birth?.inventory['cores']),
      memoryBytes: numberOf(birth?.inventory['memory_bytes']),
      drain: drains.get(id),
      report,
      silentMs: presence.state === 'offline' ? nowMs - presence.heardAtMs : undefined,
    })
  }
  return found
}

/** Machines that were cloned share an id, and those in network namespaces do; with the addresses it tells them apart. */
function machineOf(inventory: Readonly<Record<string, string | number>> = {}): string | undefined {
  const { machine_id: id, addresses } = inventory
  return id === undefined || addresses === undefined ? undefined : `${id} ${addresses}`
}

function numberOf(value: string | number | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
