/**
 * Applications in the registry. The text of the file is what is kept: what it means is read again at each start, so that a row never knows
 * less than the code. `applications/T/A/version/<generation, 15 digits>`, `applications/T/A/wanted/<component>` and
 * `applications/T/generation`; names hold no `/`.
 */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'

/** A file as it was applied. */
export interface VersionRow {
  /** Of the tenant's set of applications when it was applied: higher for each change of any of them, never used again. */
  readonly generation: number
  readonly appliedAtMs: number
  readonly text: string
}

/** All rows of one application. */
export interface ApplicationRows {
  readonly tenant: string
  readonly name: string
  /** Oldest first; the last one is in force. */
  readonly versions: readonly VersionRow[]
  readonly wanted: ReadonlyMap<string, number>
}

const prefix = 'applications/'

const versionRow: z.ZodType<VersionRow> = z.object({
  generation: z.int().min(1),
  appliedAtMs: z.number(),
  text: z.string(),
})
const wantedRow = z.object({ count: z.int().min(0) })

/** The row of one version. */
export function versionKey(tenant: string, name: string, generation: number): string {
  return `${prefix}${tenant}/${name}/version/${String(generation).padStart(15, '0')}`
}

/** The count of instances that is wanted of a component. */
export function wantedChange(tenant: string, name: string, component: string, count: number): RegistryChange {
  return { key: wantedKey(tenant, name, component), value: { count } }
}

/** There is no such component any more. */
export function unwantedChange(tenant: string, name: string, component: string): RegistryChange {
  return { key: wantedKey(tenant, name, component), remove: true }
}

/** The generation of a tenant's set. */
export function generationChange(tenant: string, generation: number): RegistryChange {
  return { key: generationKey(tenant), value: generation }
}

function wantedKey(tenant: string, name: string, component: string): string {
  return `${prefix}${tenant}/${name}/wanted/${component}`
}

function generationKey(tenant: string): string {
  return `${prefix}${tenant}/generation`
}

/** All applications, and the generation of each tenant. A row of another shape is as good as none. */
export async function readApplicationRows(
  registry: Pick<RegistryStore, 'list'>,
): Promise<{ applications: ApplicationRows[]; generations: Map<string, number> }> {
  const found = new Map<string, { tenant: string; name: string; versions: VersionRow[]; wanted: Map<string, number> }>()
  const generations = new Map<string, number>()
  for await (const { key, value } of registry.list(prefix)) {
    const [tenant = '', name = '', kind, last = ''] = key.slice(prefix.length).split('/')
    if (kind === undefined) {
      if (name === 'generation' && typeof value === 'number') generations.set(tenant, value)
      continue
    }
    const rows = found.get(`${tenant}/${name}`) ?? { tenant, name, versions: [], wanted: new Map<string, number>() }
    found.set(`${tenant}/${name}`, rows)
    const version = kind === 'version' ? versionRow.safeParse(value) : undefined
    if (version?.success) rows.versions.push(version.data)
    const wanted = kind === 'wanted' ? wantedRow.safeParse(value) : undefined
    if (wanted?.success) rows.wanted.set(last, wanted.data.count)
  }
  const applications = [...found.values()].filter(({ versions }) => versions.length > 0)
  return { applications, generations }
}
