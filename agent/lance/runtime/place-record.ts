/** The page of a place: which instance a folder belongs to, and what it was made from. A folder without one is never ours. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'
import { LanistaError } from '#protocol/errors.ts'
import type { InstanceSpec, ResourceLimits } from '#protocol/instances/spec.ts'
import { readSecretFile, writeSecretFile } from '#protocol/runtime/secret-file.ts'

/** Kept as `place.json` in the instance's folder. */
export interface PlaceRecord {
  readonly id: string
  readonly isolation: InstanceSpec['isolation']
  /** 0 until everything is in place: such a place is made again, or removed. */
  readonly generation: number
  /** `placeDigest` of the spec it was made from. */
  readonly digest: string
  /** Host numbers of provided ports, by name. */
  readonly hostPorts: Readonly<Record<string, number>>
  readonly resources: ResourceLimits
  /** What of a directory's `work` comes from the spec, and so goes with it; all else there is the component's. Absent in Docker. */
  readonly delivered?: Delivered | undefined
}

/** What the spec puts into a directory's `work`. */
export interface Delivered {
  /** Paths of its files, those of a generation before that may still be there included. */
  readonly files: readonly string[]
  /** Whether `code` is unpacked code. */
  readonly hasCode: boolean
}

const schema: z.ZodMiniType<PlaceRecord> = z.strictObject({
  id: z.string(),
  isolation: z.enum(['docker', 'directory']),
  generation: z.number(),
  digest: z.string(),
  hostPorts: z.record(z.string(), z.number()),
  resources: z.strictObject({
    cpus: z.optional(z.number()),
    memoryBytes: z.optional(z.number()),
    processes: z.optional(z.number()),
  }),
  delivered: z.optional(z.strictObject({ files: z.array(z.string()), hasCode: z.boolean() })),
})

const recordName = 'place.json'
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/**
 * The folder of an instance below `root`.
 * @throws LanistaError PATH_REFUSED when the id is not one name of a folder
 */
export function placeFolder(root: string, id: string): string {
  if (idPattern.test(id)) return join(root, id)
  throw new LanistaError(
    'PATH_REFUSED',
    `give the instance another id: found ${JSON.stringify(id)}, expected letters, digits, dots and dashes`,
    { data: { id } },
  )
}

/** The page of a place that is made for this spec, but for its generation and what is delivered. */
export function placeRecordOf(
  spec: InstanceSpec,
  hostPorts: PlaceRecord['hostPorts'],
): Omit<PlaceRecord, 'generation' | 'delivered'> {
  const { id, isolation, resources } = spec
  return { id, isolation, digest: placeDigest(spec), hostPorts, resources }
}

/** Writes the page, whole or not at all. Throws what the file system throws. */
export function writePlace(folder: string, record: PlaceRecord): void {
  writeSecretFile(join(folder, recordName), JSON.stringify(record))
}

/** The page of a folder; undefined where there is none, or one that belongs to another instance or is damaged. */
export function readPlace(root: string, id: string): PlaceRecord | undefined {
  const text = readSecretFile(join(placeFolder(root, id), recordName))
  if (text === undefined) return undefined
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success && parsed.data.id === id ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** Every place below `root` of this isolation; other folders and files there are passed over. */
export function readPlaces(root: string, isolation: InstanceSpec['isolation']): readonly PlaceRecord[] {
  const names = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && idPattern.test(entry.name))
    .map((entry) => entry.name)
  return names.map((id) => readPlace(root, id)).filter((record) => record?.isolation === isolation) as PlaceRecord[]
}

/**
 * Names what a place is made from: two specs with the same digest share a place. Environment, handlers, peers and restarts are no
 * part of it: they are given anew with each command.
 */
export function placeDigest(spec: InstanceSpec): string {
  const { isolation, image, provides, files, code, volumes, resources } = spec
  const hasMembers = spec.members ? true : undefined
  const made = { isolation, image, provides, files, code: code?.sha256, volumes, resources, hasMembers }
  return createHash('sha256').update(JSON.stringify(made)).digest('hex')
}
