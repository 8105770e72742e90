/**
 * Clouds in the registry: `cloud!T!C`, `cloud-credential!T!C!name`, `cloud-location!T!C!id`, `cloud-hardware!T!C!id`,
 * `cloud-image!T!C!id`. A credential's row holds the name of a secret, never the secret. A row of another shape is as good as none.
 */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { Catalogue, HardwareEntry, ImageEntry, LocationEntry } from './catalogue.ts'

export type DriverName = 'ec2' | 'openstack' | 'simulated'

/** A cloud that a tenant uses. */
export interface CloudRow {
  readonly name: string
  readonly driver: DriverName
  /** Where it is; default the driver's own. */
  readonly endpoint?: string | undefined
  readonly regions: readonly string[]
  /** What only the driver understands. */
  readonly properties: Readonly<Record<string, string>>
}

/** `untried` until a discovery said otherwise. */
export type CredentialState = 'untried' | 'good' | 'wrong' | 'expired' | 'forbidden'

export interface CredentialRow {
  readonly cloud: string
  readonly name: string
  /** Whoever the cloud knows it as; no secret. */
  readonly user: string
  /** Name of the tenant's secret that holds the rest. */
  readonly secret: string
  readonly state: CredentialState
  /** When the state was found, epoch ms; 0 = never. */
  readonly checkedMs: number
}

const cloudSchema: z.ZodType<CloudRow> = z.object({
  name: z.string(),
  driver: z.enum(['ec2', 'openstack', 'simulated']),
  endpoint: z.string().optional(),
  regions: z.array(z.string()),
  properties: z.record(z.string(), z.string()),
})

const credentialSchema: z.ZodType<CredentialRow> = z.object({
  cloud: z.string(),
  name: z.string(),
  user: z.string(),
  secret: z.string(),
  state: z.enum(['untried', 'good', 'wrong', 'expired', 'forbidden']),
  checkedMs: z.number(),
})

const entryFields = { cloud: z.string(), credentials: z.array(z.string()), seenMs: z.number() }
const placed = { id: z.string(), locations: z.array(z.string()) }
const price = z.object({ amount: z.number(), currency: z.string(), unitMs: z.number() })

const locationSchema: z.ZodType<LocationEntry> = z.object({
  ...entryFields,
  offer: z.object({
    id: z.string(),
    scope: z.enum(['region', 'zone', 'host']),
    parent: z.string().optional(),
    isAssignable: z.boolean(),
  }),
  completion: z.object({
    geography: z
      .object({
        city: z.string(),
        country: z.string(),
        countryCode: z.string(),
        latitude: z.number(),
        longitude: z.number(),
      })
      .optional(),
    isAssignable: z.boolean().optional(),
  }),
})

const hardwareSchema: z.ZodType<HardwareEntry> = z.object({
  ...entryFields,
  offer: z.object({
    ...placed,
    name: z.string(),
    cores: z.number(),
    memoryBytes: z.number(),
    diskBytes: z.number().optional(),
    architectures: z.array(z.string()),
    price: price.optional(),
  }),
  completion: z.object({ price: price.optional(), architectures: z.array(z.string()).optional() }),
})

const imageSchema: z.ZodType<ImageEntry> = z.object({
  ...entryFields,
  offer: z.object({
    ...placed,
    name: z.string(),
    architecture: z.string().optional(),
    family: z.string().optional(),
    createdMs: z.number().optional(),
  }),
  completion: z.object({
    architecture: z.string().optional(),
    system: z
      .object({
        family: z.string(),
        distribution: z.string().optional(),
        version: z.string().optional(),
        login: z.string().optional(),
      })
      .optional(),
  }),
})

/** All that the registry has of a tenant's clouds. */
export interface CloudRows {
  readonly clouds: readonly CloudRow[]
  readonly credentials: readonly CredentialRow[]
  readonly catalogue: Catalogue
}

export async function readCloudRows(tenant: string, registry: Pick<RegistryStore, 'list'>): Promise<CloudRows> {
  const read = <T>(kind: string, schema: z.ZodType<T>): Promise<T[]> => rowsOf(registry, `${kind}!${tenant}!`, schema)
  return {
    clouds: await read('cloud', cloudSchema),
    credentials: await read('cloud-credential', credentialSchema),
    catalogue: {
      locations: await read('cloud-location', locationSchema),
      hardware: await read('cloud-hardware', hardwareSchema),
      images: await read('cloud-image', imageSchema),
    },
  }
}

/** What has to be written for `after` to be read where `before` was. */
export function cloudChanges(tenant: string, before: CloudRows, after: CloudRows): RegistryChange[] {
  const [old, fresh] = [keyed(tenant, before), keyed(tenant, after)]
  const changes: RegistryChange[] = []
  for (const [key, value] of fresh) if (old.get(key) !== value) changes.push({ key, value })
  for (const key of old.keys()) if (!fresh.has(key)) changes.push({ key, remove: true })
  return changes
}

function keyed(tenant: string, { clouds, credentials, catalogue }: CloudRows): Map<string, unknown> {
  const rows = new Map<string, unknown>()
  for (const row of clouds) rows.set(`cloud!${tenant}!${row.name}`, row)
  for (const row of credentials) rows.set(`cloud-credential!${tenant}!${row.cloud}!${row.name}`, row)
  for (const kind of ['location', 'hardware', 'image'] as const) {
    const entries = catalogue[kind === 'location' ? 'locations' : kind === 'image' ? 'images' : 'hardware']
    for (const row of entries) rows.set(`cloud-${kind}!${tenant}!${row.cloud}!${row.offer.id}`, row)
  }
  return rows
}

async function rowsOf<T>(registry: Pick<RegistryStore, 'list'>, prefix: string, schema: z.ZodType<T>): Promise<T[]> {
  const rows: T[] = []
  for await (const { value } of registry.list(prefix)) {
    const { success, data } = schema.safeParse(value)
    if (success) rows.push(data)
  }
  return rows
}
