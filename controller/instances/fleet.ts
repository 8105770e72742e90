/** What the reconciler looks at: what is wanted, what is there, and what is not known. Plain data, made by the shell. */
import type { Component, System } from '#protocol/application/model.ts'
import type { InstanceStatus } from '#protocol/instances/status.ts'
import type { HostState } from '#protocol/presence/presence.ts'
import type { InstanceRecord } from './instance-record.ts'
import type { Membership } from './membership.ts'
import type { Refusal } from './refusal.ts'
import type { WantedCode } from './wanted-code.ts'

/** A component of an application in force. */
export interface WantedComponent {
  readonly application: string
  readonly component: Component
  readonly wanted: number
}

/** A host that instances may be on. */
export interface FleetHost {
  /** `T.C.H`. */
  readonly id: string
  readonly cloud: string
  readonly host: string
  readonly state: HostState
  readonly labels: Readonly<Record<string, string>>
  /** The same for hosts that share their ports: those on one machine without addresses of their own; undefined = not known. */
  readonly machine?: string | undefined
  readonly cores?: number | undefined
  readonly memoryBytes?: number | undefined
  /** What its agent said of itself and its instances in its present session; undefined = not known. */
  readonly report?: HostReport | undefined
  /** Since when it is offline, as a time that has passed, ms; undefined while it is not. */
  readonly silentMs?: number | undefined
  readonly drain?: Drain | undefined
}

export interface HostReport {
  readonly system: System
  readonly isolations: readonly string[]
  /** Where its instances listen, and no other host of its machine does; absent = it shares the ports of the machine. */
  readonly address?: string | undefined
  readonly diskFreeBytes?: number | undefined
  /** Where its instances are reached inside its cloud, and by everybody else. */
  readonly cloudIp?: string | undefined
  readonly publicIp?: string | undefined
  readonly statuses: ReadonlyMap<string, InstanceStatus>
}

/** A host that is to be empty. */
export interface Drain {
  readonly sinceMs: number
  /** Instances leave then although nothing has taken their place, epoch ms; undefined = they wait for that. */
  readonly deadlineMs?: number | undefined
}

/** The last order about an instance. */
export interface InstanceOrder {
  readonly verb: string
  readonly isOpen: boolean
  /** Why it was not done, where it was not. */
  readonly failure?: string | undefined
  /** The same, for programs. */
  readonly code?: string | undefined
  /** Not ordered again before this, epoch ms. */
  readonly againAtMs: number
}

export interface Fleet {
  readonly components: readonly WantedComponent[]
  /** Applications whose file cannot be read: nothing is decided on them. */
  readonly unreadable: ReadonlySet<string>
  readonly hosts: ReadonlyMap<string, FleetHost>
  readonly records: ReadonlyMap<string, InstanceRecord>
  readonly orders: ReadonlyMap<string, InstanceOrder>
  /** Hosts that did not take a component, by `refusalKey`; absent = none. */
  readonly refusals?: ReadonlyMap<string, Refusal> | undefined
  /** The highest number that was ever used, by prefix of the id. */
  readonly numbers: ReadonlyMap<string, number>
  /** Of components whose instances know each other, by `application/component`. */
  readonly memberships: ReadonlyMap<string, Membership>
  /** Which code they are to run, by `application/component`; those without any are left out. */
  readonly codes: ReadonlyMap<string, WantedCode>
  readonly nowMs: number
  /** Hosts that nobody knows are gone for good: those that are there have had the time to be known. */
  readonly knowsHosts: boolean
}

/** What a host says of an instance of ours. `absent` = the host is known and has nothing of it. */
export function statusOf(record: InstanceRecord, fleet: Pick<Fleet, 'hosts'>): InstanceStatus | 'absent' | 'unknown' {
  const report = fleet.hosts.get(record.host)?.report
  if (!report) return 'unknown'
  const status = report.statuses.get(record.id)
  return status === undefined || status.state === 'removed' ? 'absent' : status
}

/** Runs what is wanted of it now, or rests as it is wanted to. */
export function isSettled({ spec, isStopped }: InstanceRecord, status: InstanceStatus | 'absent' | 'unknown'): boolean {
  if (typeof status === 'string' || status.generation !== spec.generation) return false
  return status.state === (isStopped ? 'stopped' : 'running')
}

/** The host is not coming back: it has left, or nobody knows it any more. */
export function isHostGone(
  record: InstanceRecord,
  { hosts, knowsHosts }: Pick<Fleet, 'hosts' | 'knowsHosts'>,
): boolean {
  const host = hosts.get(record.host)
  return host ? host.state === 'left' : knowsHosts
}
