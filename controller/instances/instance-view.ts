/** Instances as `/api/v1/instances` shows them, and why a component has those that it has. Pure. */
import { missingPeers } from '#protocol/instances/missing-peers.ts'
import type { PeerEndpoint } from '#protocol/instances/spec.ts'
import { type InstanceState, instanceStates } from '#protocol/instances/status.ts'
import { parseHostId } from '#protocol/subjects/subject.ts'
import { type Fleet, isSettled, statusOf, type WantedComponent } from './fleet.ts'
import { type InstanceRecord, instanceName } from './instance-record.ts'
import type { Rejection } from './placement.ts'
import type { Decided } from './round.ts'

/** `ordered` = its host has nothing of it yet; `unknown` = its host is silent, or its engine is. */
export type ShownInstanceState = 'ordered' | InstanceState
export const shownInstanceStates: readonly ShownInstanceState[] = ['ordered', ...instanceStates]

/** Null = not known, or not there. */
export interface InstanceView {
  readonly id: string
  readonly name: string
  readonly application: string
  readonly component: string
  readonly cloud: string
  readonly host: string
  readonly state: ShownInstanceState
  /** What is wanted of it. */
  readonly wanted: 'running' | 'stopped' | 'removed'
  /** Of what it is to run, and of what its host works towards. */
  readonly generation: number
  readonly host_generation: number | null
  readonly restarts: number | null
  /** When its state was entered, by its host's clock, epoch ms. */
  readonly since_ms: number | null
  readonly endpoints: Readonly<Record<string, Omit<PeerEndpoint, 'instance'>>>
  /** Why it is not as wanted. */
  readonly why: string | null
  /** What happens next. */
  readonly next: string
}

export interface ComponentExplanation {
  readonly application: string
  readonly component: string
  readonly wanted: number
  readonly min: number
  readonly max: number
  /** Instances by state, those that go included. */
  readonly seen: Readonly<Record<string, number>>
  /** What one more, or one less, waits for. */
  readonly waits: readonly string[]
  /** Hosts that cannot have one more, where one more is wanted; else those that refused one. */
  readonly rejected: readonly Rejection[]
  /** The version of its code that is enabled, and how the last roll-out ended; null = it has none. */
  readonly code: string | null
  readonly instances: readonly InstanceView[]
}

/** All, by application, component and number. */
export function instanceViews(fleet: Fleet, decided: Decided | undefined): InstanceView[] {
  const records = [...fleet.records.values()].toSorted(
    (a, b) => compare(a.application, b.application) || compare(a.component, b.component) || a.number - b.number,
  )
  return records.map((record) => viewOf(record, fleet, decided))
}

export function explainComponent(
  { application, component, wanted }: WantedComponent,
  fleet: Fleet,
  decided: Decided | undefined,
): ComponentExplanation {
  const key = `${application}/${component.name}`
  const isOwn = (view: InstanceView): boolean => view.application === application && view.component === component.name
  const instances = instanceViews(fleet, decided).filter(isOwn)
  const seen: Record<string, number> = {}
  for (const { state } of instances) seen[state] = (seen[state] ?? 0) + 1
  return {
    application,
    component: component.name,
    wanted,
    min: component.instances.min,
    max: component.instances.max,
    seen,
    waits: decided?.waits.get(key) ?? [],
    rejected: decided?.rejected.get(key) ?? refusedBy(application, component.name, decided),
    code: fleet.codes.get(key)?.says ?? null,
    instances,
  }
}

/** Where all are placed: who did not take one before. */
function refusedBy(application: string, component: string, decided: Decided | undefined): Rejection[] {
  const own = [...(decided?.refusals.values() ?? [])].filter(
    (refusal) => refusal.application === application && refusal.component.name === component,
  )
  return own.map(({ host, says }) => ({ host, reasons: [says] }))
}

function viewOf(record: InstanceRecord, fleet: Fleet, decided: Decided | undefined): InstanceView {
  const { id, application, component, spec, isLeaving, isStopped } = record
  const { cloud, host } = parseHostId(record.host)
  const said = statusOf(record, fleet)
  const status = typeof said === 'string' ? undefined : said
  return {
    id,
    name: instanceName(record),
    application,
    component,
    cloud,
    host,
    state: said === 'unknown' ? 'unknown' : said === 'absent' ? 'ordered' : said.state,
    wanted: isLeaving ? 'removed' : isStopped ? 'stopped' : 'running',
    generation: spec.generation,
    host_generation: status?.generation ?? null,
    restarts: status?.restarts ?? null,
    since_ms: status?.sinceMs ?? null,
    endpoints: Object.fromEntries(Object.entries(status?.endpoints ?? {}).map(([port, at]) => [port, levelsOf(at)])),
    why: whyOf(record, fleet, decided),
    next: nextOf(record, fleet),
  }
}

/** JSON leaves out those where it cannot be reached. */
function levelsOf({ public: outside, cloud, container }: PeerEndpoint): Omit<PeerEndpoint, 'instance'> {
  return { public: outside, cloud, container }
}

function whyOf(record: InstanceRecord, fleet: Fleet, decided: Decided | undefined): string | null {
  const said = statusOf(record, fleet)
  const state = fleet.hosts.get(record.host)?.state
  const reasons = [
    ...(said === 'unknown'
      ? [`its host is ${state === 'online' ? 'there, and says nothing of instances' : (state ?? 'gone')}`]
      : []),
    ...(typeof said !== 'string' && said.failure ? [`${said.failure.kind}: ${said.failure.reason}`] : []),
    ...(typeof said !== 'string' && said.waitsFor !== undefined ? [`waits for ${said.waitsFor}`] : []),
    ...(isSettled(record, said) ? (lackOf(record) ?? []) : []),
    ...(decided?.waits.get(record.id) ?? []).map((says) => `waits for ${says}`),
  ]
  return reasons.length === 0 ? null : reasons.join('; ')
}

/** What one that runs on has lost since it came up. */
function lackOf({ isStopped, isLeaving, spec }: InstanceRecord): string[] | undefined {
  const lack = isStopped || isLeaving ? undefined : missingPeers(spec)
  return lack === undefined ? undefined : [`waits for ${lack}`]
}

function nextOf(record: InstanceRecord, fleet: Fleet): string {
  const { isLeaving, spec, host } = record
  const said = statusOf(record, fleet)
  if (isLeaving) return said === 'unknown' ? `removed once ${host} is heard` : 'removed from its host'
  if (said === 'unknown') return `looked at once ${host} is heard; a drain of it, or its leave, replaces the instance`
  if (said === 'absent' || said.generation < spec.generation) return `its host is told generation ${spec.generation}`
  if (isSettled(record, said)) return lackOf(record) ? 'it is told of its peers once they are ready' : 'nothing'
  if (said.state === 'crashLooping') return 'nothing, until it is changed or restarted by hand'
  if (said.state === 'backoff') return 'its host starts it again'
  return `its host works towards generation ${said.generation}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
