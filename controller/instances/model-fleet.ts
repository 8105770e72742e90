/** Hosts that do as they are told, a step at a time, and a controller that reconciles them: for tests of the pure parts. */
import type { Component } from '#protocol/application/model.ts'
import { parseApplication } from '#protocol/application/parse.ts'
import { instanceVerbs } from '#protocol/instances/instance-orders.ts'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import type { InstanceState, InstanceStatus } from '#protocol/instances/status.ts'
import type { Drain, Fleet, FleetHost, InstanceOrder } from './fleet.ts'
import type { InstanceRecord } from './instance-record.ts'
import type { Membership } from './membership.ts'
import { reconcile } from './reconcile.ts'
import type { Decided } from './round.ts'
import type { WantedCode } from './wanted-code.ts'

/** The components of an application file. */
export function componentsOf(components: Readonly<Record<string, unknown>>): readonly Component[] {
  const { application, issues } = parseApplication({ application: 'shop', components })
  if (!application) throw new Error(JSON.stringify(issues))
  return application.components
}

interface ModelHost {
  isOnline: boolean
  silentMs: number
  readonly statuses: Map<string, InstanceStatus>
  readonly specs: Map<string, InstanceSpec>
  drain?: Drain | undefined
}

interface ModelOrder extends InstanceOrder {
  readonly host: string
  readonly body: unknown
}

export class ModelFleet {
  readonly hosts: Map<string, ModelHost> = new Map()
  readonly wanted: Map<string, number> = new Map()
  components: readonly Component[]
  readonly records: Map<string, InstanceRecord> = new Map()
  readonly numbers: Map<string, number> = new Map()
  readonly memberships: Map<string, Membership> = new Map()
  /** Every master there was, by `component term`. */
  readonly masters: Map<string, Set<string>> = new Map()
  readonly codes: Map<string, WantedCode> = new Map()
  readonly orders: Map<string, ModelOrder> = new Map()
  /** Every id ever made, in order. */
  readonly made: string[] = []
  /** Every order issued. */
  issued = 0
  /** Components whose instances do not come up. */
  readonly broken: Set<string> = new Set()
  /** Hosts that take no instance that they do not have. */
  readonly refusing: Set<string> = new Set()
  last: Decided | undefined
  nowMs = 1_000_000

  constructor(components: readonly Component[], hosts: number) {
    this.components = components
    for (let i = 1; i <= hosts; i++) this.hosts.set(`main.home.h${i}`, newHost())
    for (const { name, instances } of components) this.wanted.set(name, instances.initial)
  }

  fleet(): Fleet {
    const hosts = [...this.hosts].map(([id, host]): [string, FleetHost] => [id, fleetHost(id, host)])
    return {
      components: this.components.map((component) => ({
        application: 'shop',
        component,
        wanted: this.wanted.get(component.name) ?? 0,
      })),
      unreadable: new Set(),
      hosts: new Map(hosts),
      records: this.records,
      orders: this.orders,
      refusals: this.last?.refusals,
      numbers: this.numbers,
      memberships: this.memberships,
      codes: this.codes,
      nowMs: this.nowMs,
      knowsHosts: true,
    }
  }

  /** One round, written and ordered. */
  reconcile(): Decided {
    const decided = reconcile(this.fleet())
    this.last = decided
    for (const [id, record] of decided.changes) {
      if (record && !this.records.has(id)) this.made.push(id)
      if (record) this.records.set(id, record)
      else this.records.delete(id)
    }
    for (const [prefix, number] of decided.numbers) this.numbers.set(prefix, number)
    for (const [key, membership] of decided.memberships) {
      this.memberships.set(key, membership)
      const masters = this.masters.get(`${key} ${membership.term}`) ?? new Set()
      this.masters.set(`${key} ${membership.term}`, masters.add(membership.master.id))
    }
    for (const { id, host, verb, body } of decided.orders) {
      this.issued++
      this.orders.set(id, { host, verb, body, isOpen: true, againAtMs: this.nowMs })
    }
    return decided
  }

  /** Hosts that are there carry out what was ordered, and each instance goes one step on. */
  work(): void {
    this.nowMs += 1000
    for (const host of this.hosts.values()) host.silentMs = host.isOnline ? 0 : host.silentMs + 1000
    for (const [id, order] of this.orders) {
      const host = this.hosts.get(order.host)
      if (!order.isOpen || !host?.isOnline) continue
      this.orders.set(id, { ...order, isOpen: false, againAtMs: this.nowMs + 5000 })
      if (order.verb === instanceVerbs.apply && this.refusing.has(order.host) && !host.specs.has(id)) {
        const failure = 'its order failed: IMAGE_NOT_ALLOWED: not here'
        const refused = { isOpen: false, failure, code: 'IMAGE_NOT_ALLOWED', againAtMs: this.nowMs + 5000 }
        this.orders.set(id, { ...order, ...refused })
      } else if (order.verb === instanceVerbs.remove) {
        host.specs.delete(id)
        host.statuses.delete(id)
      } else host.specs.set(id, order.body as InstanceSpec)
    }
    for (const host of this.hosts.values()) for (const spec of host.specs.values()) this.#advance(host, spec)
  }

  /** Rounds until nothing more is decided; the number of rounds. */
  settle(roundsMax = 200): number {
    for (let round = 1; round <= roundsMax; round++) {
      const { changes, orders } = this.reconcile()
      const isQuiet =
        changes.size === 0 && orders.length === 0 && [...this.orders.values()].every(({ isOpen }) => !isOpen)
      const before = this.text()
      this.work()
      if (isQuiet && this.text() === before) return round
    }
    return Number.POSITIVE_INFINITY
  }

  live(component: string): InstanceRecord[] {
    return [...this.records.values()].filter((record) => record.component === component && !record.isLeaving)
  }

  /** Instances of a component that run on hosts, whatever the controller knows of them. */
  running(component: string): string[] {
    return [...this.hosts.values()].flatMap(({ statuses }) =>
      [...statuses.values()].filter((status) => status.component === component).map(({ id }) => id),
    )
  }

  text(): string {
    return JSON.stringify([...this.hosts.values()].map(({ statuses }) => [...statuses.values()]))
  }

  #advance(host: ModelHost, spec: InstanceSpec): void {
    const before = host.statuses.get(spec.id)
    const isSame = before?.generation === spec.generation
    const state = nextState(isSame ? before.state : undefined, spec, this.broken.has(spec.component))
    if (isSame && before.state === state) return
    const endpoints = Object.fromEntries(
      spec.provides.map(({ name, port }) => [name, { instance: spec.id, cloud: `10.0.0.1:${port}` }]),
    )
    host.statuses.set(spec.id, {
      id: spec.id,
      application: spec.application,
      component: spec.component,
      generation: spec.generation,
      state,
      restarts: 0,
      sinceMs: this.nowMs,
      endpoints: state === 'running' ? endpoints : {},
    })
  }
}

function nextState(before: InstanceState | undefined, spec: InstanceSpec, isBroken: boolean): InstanceState {
  if (!spec.isWanted) return 'stopped'
  if (spec.requires.some(({ peers, min }) => peers.length < min)) return before === 'running' ? 'running' : 'waiting'
  if (before === undefined || before === 'waiting' || before === 'stopped') return 'installing'
  if (isBroken && before !== 'running') return 'crashLooping'
  return before === 'installing' ? 'starting' : 'running'
}

function newHost(): ModelHost {
  return { isOnline: true, silentMs: 0, statuses: new Map(), specs: new Map() }
}

function fleetHost(id: string, { isOnline, silentMs, statuses, drain }: ModelHost): FleetHost {
  const [, cloud = '', host = ''] = id.split('.')
  const report = {
    system: 'linux',
    isolations: ['docker', 'directory'],
    statuses,
    cloudIp: `10.0.0.${host.slice(1)}`,
  } as const
  return {
    id,
    cloud,
    host,
    state: isOnline ? 'online' : 'offline',
    labels: { zone: `z${Number(host.slice(1)) % 2}` },
    cores: 4,
    memoryBytes: 8e9,
    drain,
    report: isOnline ? report : undefined,
    silentMs: isOnline ? undefined : silentMs,
  }
}
