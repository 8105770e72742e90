/**
 * Code in the registry: `code-version!T!A!C!<sha256>`, what was uploaded, and `code!T!A!C`, which version is in force and what is being rolled
 * out. A row of another shape is as good as none.
 */
import * as z from 'zod'
import type { RegistryChange, RegistryStore } from '#controller/registry/registry-store.ts'
import type { UploadedVersion } from './code-version.ts'
import type { CodeState } from './roll-out.ts'

/** A component of a tenant. */
export interface CodeOwner {
  readonly application: string
  readonly component: string
}

/** All of one component's code. */
export interface ComponentCode {
  /** The oldest first. */
  readonly versions: readonly UploadedVersion[]
  readonly state: CodeState
}

export const noCode: ComponentCode = { versions: [], state: {} }

const versionSchema = z.object({
  bytes: z.int().min(0),
  name: z.string(),
  type: z.enum(['tar', 'tar.gz', 'zip']),
  description: z.string(),
  uploadedAtMs: z.number(),
})
const rollOut = z.object({
  to: z.string(),
  phase: z.enum(['forward', 'back']),
  gateMs: z.number(),
  beganAtMs: z.number(),
  reason: z.string().optional(),
})
const stateSchema: z.ZodType<CodeState> = z.object({
  current: z.string().optional(),
  rollOut: rollOut.optional(),
  last: z
    .object({
      to: z.string(),
      outcome: z.enum(['enabled', 'rolledBack']),
      reason: z.string().optional(),
      beganAtMs: z.number(),
    })
    .optional(),
})

/** By `application/component`. */
export async function readCodeRows(
  tenant: string,
  registry: Pick<RegistryStore, 'list'>,
): Promise<Map<string, ComponentCode>> {
  const found = new Map<string, ComponentCode>()
  const versions = `code-version!${tenant}!`
  for await (const { key, value } of registry.list(versions)) {
    const [application, component, sha256] = key.slice(versions.length).split('!')
    const { success, data } = versionSchema.safeParse(value)
    if (!success || sha256 === undefined) continue
    const before = found.get(`${application}/${component}`) ?? noCode
    const all = [...before.versions, { ...data, sha256 }]
    const sorted = all.toSorted((a, b) => a.uploadedAtMs - b.uploadedAtMs)
    found.set(`${application}/${component}`, { ...before, versions: sorted })
  }
  const states = `code!${tenant}!`
  for await (const { key, value } of registry.list(states)) {
    const [application, component] = key.slice(states.length).split('!')
    const { success, data } = stateSchema.safeParse(value)
    const before = found.get(`${application}/${component}`)
    if (success && before) found.set(`${application}/${component}`, { ...before, state: data })
  }
  return found
}

export function versionChange(
  tenant: string,
  owner: CodeOwner,
  { sha256, ...value }: UploadedVersion,
  isThere: boolean,
): RegistryChange {
  const key = `code-version!${tenant}!${owner.application}!${owner.component}!${sha256}`
  return isThere ? { key, value } : { key, remove: true }
}

/** Undefined = there is no code any more. */
export function stateChange(tenant: string, owner: CodeOwner, state: CodeState | undefined): RegistryChange {
  const key = `code!${tenant}!${owner.application}!${owner.component}`
  return state ? { key, value: state } : { key, remove: true }
}
