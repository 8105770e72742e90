/** One round of the reconciler while it is decided: records as they will be, what is to be ordered, and what is waited for. No I/O. */
import { instanceVerbs } from '#protocol/instances/instance-orders.ts'
import type { Fleet } from './fleet.ts'
import { type InstanceRecord, idPrefix } from './instance-record.ts'
import type { Membership } from './membership.ts'
import type { Rejection } from './placement.ts'
import { type Refusal, standingRefusals } from './refusal.ts'
import type { Providers } from './wiring.ts'

/** An order that is due: what the host is told of an instance. */
export interface DueOrder {
  readonly id: string
  /** `T.C.H`. */
  readonly host: string
  readonly verb: string
  readonly body: unknown
}

/** What a round has decided. */
export interface Decided {
  /** Rows that change, by id; undefined = removed. On the disk before anything is ordered. */
  readonly changes: ReadonlyMap<string, InstanceRecord | undefined>
  /** Highest numbers that change, by prefix of the id. */
  readonly numbers: ReadonlyMap<string, number>
  /** Memberships that change, by `application/component`. */
  readonly memberships: ReadonlyMap<string, Membership>
  readonly orders: readonly DueOrder[]
  /** What an instance (by id) or a component (`application/component`) waits for, in words. */
  readonly waits: ReadonlyMap<string, readonly string[]>
  /** By component: hosts that cannot have one more, where one more is wanted. */
  readonly rejected: ReadonlyMap<string, readonly Rejection[]>
  /** Who did not take what, from now on. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** More is to be done than one round does. */
  readonly isCut: boolean
}

/** Instances made, changed or taken away in one round; the next follows at once. */
const changesMax = 64

export class Round implements Decided {
  readonly fleet: Fleet
  readonly changes: Map<string, InstanceRecord | undefined> = new Map()
  readonly numbers: Map<string, number> = new Map()
  readonly memberships: Map<string, Membership> = new Map()
  readonly waits: Map<string, string[]> = new Map()
  readonly rejected: Map<string, readonly Rejection[]> = new Map()
  readonly refusals: Map<string, Refusal>
  readonly #records: Map<string, InstanceRecord>
  /** Ids by `application/component`. */
  readonly #ids = new Map<string, Set<string>>()
  readonly #orders = new Map<string, DueOrder>()
  #isCut = false

  constructor(fleet: Fleet) {
    this.fleet = fleet
    this.refusals = standingRefusals(fleet.refusals ?? new Map(), fleet.components, fleet.nowMs)
    this.#records = new Map(fleet.records)
    for (const record of this.#records.values()) this.#index(record)
  }

  get orders(): readonly DueOrder[] {
    return [...this.#orders.values()]
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** As they are after what has been decided so far. */
  get records(): ReadonlyMap<string, InstanceRecord> {
    return this.#records
  }

  /** Of a component, the oldest first. */
  recordsOf(application: string, component: string): InstanceRecord[] {
    const ids = [...(this.#ids.get(`${application}/${component}`) ?? [])]
    return ids.flatMap((id) => this.#records.get(id) ?? []).toSorted((a, b) => a.number - b.number)
  }

  /** Who may be wired to whom. */
  get providers(): Providers {
    return { hosts: this.fleet.hosts, recordsOf: (application, component) => this.recordsOf(application, component) }
  }

  /** Is one more change allowed in this round? */
  hasRoom(): boolean {
    const hasRoom = this.changes.size < changesMax
    if (!hasRoom) this.#isCut = true
    return hasRoom
  }

  /** A number that no instance with this prefix ever had. */
  nextNumber(application: string, component: string): number {
    const prefix = idPrefix(application, component)
    const before =
      this.numbers.get(prefix) ?? Math.max(this.fleet.numbers.get(prefix) ?? 0, seenNumber(prefix, this.fleet))
    this.numbers.set(prefix, before + 1)
    return before + 1
  }

  /** As it is after what has been decided so far. */
  membershipOf(application: string, component: string): Membership | undefined {
    const key = `${application}/${component}`
    return this.memberships.get(key) ?? this.fleet.memberships.get(key)
  }

  keepMembership(application: string, component: string, membership: Membership): void {
    this.memberships.set(`${application}/${component}`, membership)
  }

  /** Keeps the record and tells its host the spec in it. */
  apply(record: InstanceRecord): void {
    this.#put(record)
    this.orderApply(record)
  }

  /** Keeps that it goes, and tells its host so. */
  leave(record: InstanceRecord): void {
    this.#put({ ...record, isLeaving: true })
    this.orderRemove(record)
  }

  /** Nothing is left of it. */
  forget({ id }: InstanceRecord): void {
    this.#records.delete(id)
    this.#orders.delete(id)
    this.changes.set(id, undefined)
  }

  orderApply({ id, host, spec }: InstanceRecord): void {
    this.#orders.set(id, { id, host, verb: instanceVerbs.apply, body: spec })
  }

  orderRemove({ id, host }: Pick<InstanceRecord, 'id' | 'host'>): void {
    this.#orders.set(id, { id, host, verb: instanceVerbs.remove, body: { id } })
  }

  /** Says what an instance or a component waits for. */
  wait(whose: string, says: string): void {
    this.waits.set(whose, [...(this.waits.get(whose) ?? []), says])
  }

  #put(record: InstanceRecord): void {
    this.#records.set(record.id, record)
    this.#index(record)
    this.changes.set(record.id, record)
  }

  #index({ id, application, component }: InstanceRecord): void {
    const key = `${application}/${component}`
    const ids = this.#ids.get(key) ?? new Set()
    this.#ids.set(key, ids.add(id))
  }
}

/** The highest number that hosts speak of: a registry that was lost gives no name a second time. */
function seenNumber(prefix: string, { hosts }: Fleet): number {
  let highest = 0
  for (const { report } of hosts.values()) {
    for (const id of report?.statuses.keys() ?? []) {
      const parts = partsOfId(id)
      if (parts?.prefix === prefix) highest = Math.max(highest, parts.number)
    }
  }
  return highest
}

/** `shop-web-3` as `shop-web` and 3; undefined for an id that is none of ours. */
export function partsOfId(id: string): { readonly prefix: string; readonly number: number } | undefined {
  const [, prefix, digits] = /^(.+)-([1-9]\d{0,14})$/.exec(id) ?? []
  return prefix === undefined ? undefined : { prefix, number: Number(digits) }
}
