/**
 * Instances in the registry: `instance!T!<id>`, `instance-number!T!<prefix>` (kept for ever: a name is never given again), `membership!T!<component>`
 * (kept for ever, too: so is a term) and `drain!T.C.H`.
 * A row of another shape is as good as none.
 */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { Drain } from './fleet.ts'
import { type InstanceRecord, parseInstanceRow } from './instance-record.ts'
import type { Membership } from './membership.ts'
import type { Decided } from './round.ts'

export interface InstanceRows {
  readonly records: Map<string, InstanceRecord>
  readonly numbers: Map<string, number>
  /** By `application/component`. */
  readonly memberships: Map<string, Membership>
  /** By `T.C.H`. */
  readonly drains: Map<string, Drain>
}

const place = z.object({ id: z.string(), cloud: z.string(), cloudIp: z.string(), publicIp: z.string() })
const membershipSchema: z.ZodType<Membership> = z.object({
  term: z.int().min(1),
  master: place,
  joined: z.array(place),
})

const drainSchema: z.ZodType<Drain> = z.object({ sinceMs: z.number(), deadlineMs: z.number().optional() })

export async function readInstanceRows(tenant: string, registry: Pick<RegistryStore, 'list'>): Promise<InstanceRows> {
  const rows: InstanceRows = { records: new Map(), numbers: new Map(), memberships: new Map(), drains: new Map() }
  for await (const { key, value } of registry.list(recordKey(tenant, ''))) {
    const record = parseInstanceRow(key.slice(recordKey(tenant, '').length), value)
    if (record) rows.records.set(record.id, record)
  }
  for await (const { key, value } of registry.list(numberKey(tenant, ''))) {
    if (typeof value === 'number') rows.numbers.set(key.slice(numberKey(tenant, '').length), value)
  }
  for await (const { key, value } of registry.list(membershipKey(tenant, ''))) {
    const membership = membershipSchema.safeParse(value)
    if (membership.success) rows.memberships.set(key.slice(membershipKey(tenant, '').length), membership.data)
  }
  for await (const { key, value } of registry.list(`${drainPrefix}${tenant}.`)) {
    const drain = drainSchema.safeParse(value)
    if (drain.success) rows.drains.set(key.slice(drainPrefix.length), drain.data)
  }
  return rows
}

/** What a round changes, to be written at once. */
export function rowsOf(
  tenant: string,
  { changes, numbers, memberships }: Pick<Decided, 'changes' | 'numbers' | 'memberships'>,
): RegistryChange[] {
  return [
    ...[...changes].map(([id, record]) => recordChange(tenant, id, record)),
    ...[...numbers].map(([prefix, value]) => ({ key: numberKey(tenant, prefix), value })),
    ...[...memberships].map(([component, value]) => ({ key: membershipKey(tenant, component), value })),
  ]
}

export function recordChange(tenant: string, id: string, record: InstanceRecord | undefined): RegistryChange {
  const key = recordKey(tenant, id)
  if (!record) return { key, remove: true }
  const { id: _, ...value } = record
  return { key, value }
}

/** Undefined = it is drained no more. */
export function drainChange(host: string, drain: Drain | undefined): RegistryChange {
  const key = `${drainPrefix}${host}`
  return drain ? { key, value: drain } : { key, remove: true }
}

const drainPrefix = 'drain!'

function recordKey(tenant: string, id: string): string {
  return `instance!${tenant}!${id}`
}

function membershipKey(tenant: string, component: string): string {
  return `membership!${tenant}!${component}`
}

function numberKey(tenant: string, prefix: string): string {
  return `instance-number!${tenant}!${prefix}`
}
