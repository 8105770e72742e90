/** Shapes of the `monitors` and `rules` sections of an application file: flat maps, read by a person. What the words mean is judged in `parse.ts`. */
import * as z from 'zod/mini'
import { isId } from '#protocol/subjects/token.ts'
import { type Comparison, comparisons } from './model.ts'

/** Monitors of one application, those made for its rules included; rules of one application. */
export const monitorsMax = 1_000
export const rulesMax = 1_000
/** Tags by which results are grouped, inputs of a composed monitor, parts of a condition, actions, events of a pattern. */
const listMax = 64

type ByComparison = { readonly [C in Comparison]?: number | undefined }

/** One entry below `monitors:`. */
export interface MonitorEntry extends ByComparison {
  readonly of?: string | undefined
  readonly from?: string | readonly string[] | undefined
  readonly value?: number | undefined
  readonly component?: string | undefined
  readonly instance?: string | undefined
  readonly cloud?: string | undefined
  readonly host?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  readonly function?: string | undefined
  readonly window?: string | { readonly samples: number } | undefined
  readonly every?: string | undefined
  readonly lateness?: string | undefined
  readonly scope?: 'host' | 'cloud' | 'cross-cloud' | undefined
  readonly reduce?: string | undefined
  readonly by?: string | readonly string[] | undefined
  readonly quantifier?: 'every' | 'some' | { readonly atLeast: number | string } | undefined
  readonly combine?: string | undefined
  readonly operand?: number | undefined
  readonly coverage?: string | undefined
  readonly exact?: boolean | undefined
  readonly unit?: string | undefined
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
}

/** A duration, or one for each direction. */
export type DirectionalEntry = string | { readonly up?: string | undefined; readonly down?: string | undefined }

/** One entry below `rules:`; `when` and `then` are read piece by piece. */
export interface RuleEntry {
  readonly when: Readonly<Record<string, unknown>>
  readonly then: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[]
  readonly cooldown?: DirectionalEntry | undefined
  readonly stabilisation?: DirectionalEntry | undefined
  readonly tolerance?: string | undefined
  readonly schedule?: ScheduleEntry | undefined
  readonly paused?: boolean | undefined
  readonly onMissing?: 'hold' | boolean | 'true' | 'false' | undefined
  readonly every?: string | undefined
  readonly externalReferences?: Readonly<Record<string, string>> | undefined
}

export interface ScheduleEntry {
  /** `Mon-Fri`, `Sat,Sun`, or a list of these. */
  readonly days?: string | readonly string[] | undefined
  /** `HH:MM`. */
  readonly from?: string | undefined
  readonly until?: string | undefined
  readonly zone?: string | undefined
}

const text = z.string().check(z.minLength(1), z.maxLength(1_024))
const word = z.string().check(z.minLength(1), z.maxLength(256))
const id = z.string().check(z.refine(isId, 'expected 1 to 64 of A-Z a-z 0-9 _ - without a leading _'))
const number = z.number()
const references = z.record(word, text)
const plainMap = z.record(z.string(), z.unknown())

export const monitorEntrySchema: z.ZodMiniType<MonitorEntry> = z.strictObject({
  of: z.optional(text),
  from: z.optional(z.union([id, z.array(id).check(z.minLength(1), z.maxLength(listMax))])),
  value: z.optional(number),
  component: z.optional(id),
  instance: z.optional(id),
  cloud: z.optional(id),
  host: z.optional(id),
  tags: z.optional(z.record(word, word)),
  function: z.optional(word),
  window: z.optional(z.union([word, z.strictObject({ samples: z.int().check(z.minimum(1), z.maximum(10_000)) })])),
  every: z.optional(word),
  lateness: z.optional(word),
  scope: z.optional(z.enum(['host', 'cloud', 'cross-cloud'])),
  reduce: z.optional(word),
  by: z.optional(z.union([word, z.array(word).check(z.maxLength(8))])),
  quantifier: z.optional(
    z.union([z.enum(['every', 'some']), z.strictObject({ atLeast: z.union([z.int().check(z.minimum(1)), word]) })]),
  ),
  combine: z.optional(word),
  operand: z.optional(number),
  coverage: z.optional(word),
  exact: z.optional(z.boolean()),
  unit: z.optional(word),
  externalReferences: z.optional(references),
  ...(Object.fromEntries(comparisons.map((key) => [key, z.optional(number)])) as Record<
    Comparison,
    z.ZodMiniOptional<z.ZodMiniNumber>
  >),
})

const directional = z.union([word, z.strictObject({ up: z.optional(word), down: z.optional(word) })])

export const ruleEntrySchema: z.ZodMiniType<RuleEntry> = z.strictObject({
  when: plainMap,
  then: z.union([plainMap, z.array(plainMap).check(z.minLength(1), z.maxLength(listMax))]),
  cooldown: z.optional(directional),
  stabilisation: z.optional(directional),
  tolerance: z.optional(word),
  schedule: z.optional(
    z.strictObject({
      days: z.optional(z.union([word, z.array(word)])),
      from: z.optional(word),
      until: z.optional(word),
      zone: z.optional(word),
    }),
  ),
  paused: z.optional(z.boolean()),
  onMissing: z.optional(z.union([z.literal('hold'), z.boolean(), z.enum(['true', 'false'])])),
  every: z.optional(word),
  externalReferences: z.optional(references),
})
