/** What the commands read from the controller's answers. Fields they do not show are ignored, so a newer controller may say more. */
import { z } from 'zod'
import { LanistaError } from '#protocol/errors.ts'
import { dotted, expectedOf } from '#protocol/schema-words.ts'

/** A view of the controller as it is read: any word where the view names some, for a newer controller may say others. */
export type Read<View> = { readonly [Key in keyof View]: View[Key] extends string | null ? Word<View[Key]> : View[Key] }
type Word<Value> = Value extends string ? string : Value

/** A host as `GET /api/v1/hosts` lists it. */
export interface HostAnswer {
  readonly id: string
  readonly tenant: string
  readonly cloud: string
  readonly state: string
  readonly session?: number | null | undefined
  readonly version?: string | null | undefined
  readonly pid?: number | null | undefined
  readonly carbon?: string | null | undefined
  readonly last_seen_ms?: number | null | undefined
  readonly skew_ms?: number | null | undefined
  readonly lag_samples?: number | null | undefined
  readonly dropped?: number | null | undefined
  readonly store_fault?: string | null | undefined
  readonly monitors?: string | null | undefined
  readonly samples_per_second?: number | null | undefined
  readonly vitals?: VitalsAnswer | null | undefined
}

/** Newest vital signs: percent, percent, percent, bytes a second. */
export interface VitalsAnswer {
  readonly cpu?: number | null | undefined
  readonly memory?: number | null | undefined
  readonly disk?: number | null | undefined
  readonly network?: number | null | undefined
}

/** A series as `GET /api/v1/metrics` lists it. */
export interface MetricAnswer {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly host: string
  readonly cloud?: string | undefined
  readonly unit?: string | null | undefined
  readonly served_by?: string | undefined
  readonly last?: readonly [number, number] | null | undefined
}

/** One series of `GET /api/v1/query`: samples, or the value of a function over them. */
export interface SeriesAnswer {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly host: string
  readonly cloud?: string | undefined
  readonly samples?: readonly (readonly [number, number | null | Readonly<Record<string, number>>])[] | undefined
  readonly value?: number | Readonly<Record<string, number>> | null | undefined
}

/** How to reach the broker; the password is the token itself. */
export interface ConnectionAnswer {
  readonly broker: string
  readonly user: string
  readonly tenant: string
}

const figure = z.number().nullish()

const vitalsSchema: z.ZodType<VitalsAnswer> = z.object({ cpu: figure, memory: figure, disk: figure, network: figure })

const hostSchema: z.ZodType<HostAnswer> = z.object({
  id: z.string(),
  tenant: z.string(),
  cloud: z.string(),
  state: z.string(),
  session: figure,
  version: z.string().nullish(),
  pid: figure,
  carbon: z.string().nullish(),
  last_seen_ms: figure,
  skew_ms: figure,
  lag_samples: figure,
  dropped: figure,
  store_fault: z.string().nullish(),
  monitors: z.string().nullish(),
  samples_per_second: figure,
  vitals: vitalsSchema.nullish(),
})

const seriesFields = {
  name: z.string(),
  tags: z.record(z.string(), z.string()),
  host: z.string(),
  cloud: z.string().optional(),
}
const valueSchema = z.union([z.number(), z.record(z.string(), z.number())]).nullable()

const metricSchema: z.ZodType<MetricAnswer> = z.object({
  ...seriesFields,
  unit: z.string().nullish(),
  served_by: z.string().optional(),
  last: z.tuple([z.number(), z.number()]).nullish(),
})

const seriesSchema: z.ZodType<SeriesAnswer> = z.object({
  ...seriesFields,
  samples: z.array(z.tuple([z.number(), valueSchema])).optional(),
  value: valueSchema.optional(),
})

const connectionSchema: z.ZodType<ConnectionAnswer> = z.object({
  broker: z.string(),
  user: z.string(),
  tenant: z.string(),
})

/** Throws ANSWER_INVALID. */
export function parseHosts(answer: unknown): readonly HostAnswer[] {
  return parseAnswer(z.array(hostSchema), answer, 'hosts')
}

/** Throws ANSWER_INVALID. */
export function parseMetrics(answer: unknown): readonly MetricAnswer[] {
  return parseAnswer(z.array(metricSchema), answer, 'metrics')
}

/** Throws ANSWER_INVALID. */
export function parseSeries(answer: unknown): readonly SeriesAnswer[] {
  return parseAnswer(z.array(seriesSchema), answer, 'query')
}

/** Throws ANSWER_INVALID. */
export function parseConnection(answer: unknown): ConnectionAnswer {
  return parseAnswer(connectionSchema, answer, 'connection')
}

/** Checks an answer of the controller; `what` names the question. Throws ANSWER_INVALID. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue && issue.path.length > 0 ? dotted(issue.path) : 'the top'
  throw new LanistaError(
    'ANSWER_INVALID',
    `use a lanista of the controller's version: its answer to ${what} has another shape at ${where}, expected ${issue ? expectedOf(issue) : 'another'}`,
    { cause: result.error },
  )
}
