import type { HostState } from '#protocol/presence/presence.ts'

/** A host as `GET /api/v1/hosts` lists it. Null = not known: never heard, or not yet. */
export interface HostView {
  /** The host's token; unique within tenant and cloud. */
  readonly id: string
  readonly tenant: string
  readonly cloud: string
  readonly state: HostState
  readonly session: number | null
  readonly version: string | null
  /** Process id of the agent on its host. */
  readonly pid: number | null
  /** Where the agent takes carbon lines, `host:port`. */
  readonly carbon: string | null
  readonly labels: Readonly<Record<string, string>>
  readonly inventory: Readonly<Record<string, string | number>>
  readonly last_seen_ms: number | null
  /** Host's clock minus ours at its last heartbeat, ms; holds the message's way too. */
  readonly skew_ms: number | null
  /** Samples the agent accepted and we did not acknowledge yet. */
  readonly lag_samples: number | null
  /** Samples the agent dropped since its start. */
  readonly dropped: number | null
  /** Why its store cannot write, as of its last heartbeat, such as `disk_full`: samples are dropped. Null while it can. */
  readonly store_fault: string | null
  /** Does it compute the newest set of monitors? Null: it has not said what it computes, or there never were any. */
  readonly monitors: 'applied' | 'behind' | null
  /** Samples of this host that we ingest, a second. */
  readonly samples_per_second: number
  readonly vitals: Vitals
}

/** Hosts by state, states without any included. */
export function countStates(hosts: readonly Pick<HostView, 'state'>[]): Record<HostState, number> {
  const counts = { online: 0, suspect: 0, offline: 0, left: 0, unknown: 0 }
  for (const { state } of hosts) counts[state]++
  return counts
}

/** Newest vital signs out of the window. */
export interface Vitals {
  /** `cpu.usage`, percent. */
  readonly cpu: number | null
  /** `memory.usage`, percent. */
  readonly memory: number | null
  /** `filesystem.usage` of `/`, percent. */
  readonly disk: number | null
  /** `network.rx` + `network.tx`, bytes a second. */
  readonly network: number | null
}
