/** What the controller keeps of an instance: where it is to be, and what was last wanted of it. It is there before the first order. */
import * as z from 'zod'
import type { InstanceSpec } from '#protocol/instances/spec.ts'
import { hostIdOf, parseHostId } from '#protocol/subjects/subject.ts'

export interface InstanceRecord {
  /** `shop-web-3`. */
  readonly id: string
  readonly application: string
  readonly component: string
  /** The last part of the id; higher for each new one, never used again. */
  readonly number: number
  /** `T.C.H`. */
  readonly host: string
  /** The newest, that its host is told; the peers in it are what it knows of the others. */
  readonly spec: InstanceSpec
  /** Stopped by hand. */
  readonly isStopped: boolean
  /** It goes: nothing but its removal is wanted any more. */
  readonly isLeaving: boolean
  readonly createdAtMs: number
}

/** A spec was checked when it was made, by this or an older lanista: what is looked at here is what is asked of it. */
const specSchema = z.looseObject({
  id: z.string(),
  generation: z.int(),
  requires: z.array(z.looseObject({ name: z.string(), peers: z.array(z.looseObject({ instance: z.string() })) })),
  provides: z.array(z.looseObject({ name: z.string(), port: z.int() })),
  resources: z.looseObject({}),
})

const rowSchema = z.object({
  application: z.string(),
  component: z.string(),
  number: z.int().min(1),
  host: z.string(),
  spec: specSchema,
  isStopped: z.boolean(),
  isLeaving: z.boolean(),
  createdAtMs: z.number(),
})

/** The name people use: `shop/web-3`. */
export function instanceName({ application, component, number }: InstanceRecord): string {
  return `${application}/${component}-${number}`
}

/** What ids begin with. `a-b` + `c` and `a` + `b-c` make the same ids, so they share their numbers, too. */
export function idPrefix(application: string, component: string): string {
  return `${application}-${component}`
}

/** A row as it was written; undefined for anything else. */
export function parseInstanceRow(id: string, value: unknown): InstanceRecord | undefined {
  const { success, data } = rowSchema.safeParse(value)
  if (!success || hostIdOf(parseHostId(data.host)) !== data.host) return undefined
  return { ...data, id, spec: data.spec as unknown as InstanceSpec }
}
