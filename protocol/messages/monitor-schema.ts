/**
 * The shape of monitors on the wire. What they mean was judged where the application was accepted; here only what others rely on is
 * checked, key by key in the order in which `#protocol/monitors/parse-monitor.ts` makes them, because plans are told apart by their text.
 */
import * as z from 'zod/mini'
import {
  type ComposedMonitor,
  type ConstantMonitor,
  comparisons,
  type Monitor,
  type MonitorFilter,
  type Quantifier,
  type RawMonitor,
  type WindowSpec,
} from '#protocol/monitors/model.ts'
import { idForm, isId } from '#protocol/subjects/token.ts'

const dayMs = 86_400_000

const id = z.string().check(z.refine(isId, `expected ${idForm}`))
const word = z.string().check(z.maxLength(256))
const text = z.string().check(z.maxLength(1_024))
const words = z.record(word, text)

const filter: z.ZodMiniType<MonitorFilter> = z.object({
  component: z.optional(id),
  instance: z.optional(id),
  cloud: z.optional(id),
  host: z.optional(id),
  tags: z.optional(words),
})

const window: z.ZodMiniType<WindowSpec> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('time'), ms: z.int().check(z.minimum(1), z.maximum(31 * dayMs)) }),
  z.object({ kind: z.literal('count'), samples: z.int().check(z.minimum(1), z.maximum(10_000)) }),
])

const quantifier: z.ZodMiniType<Quantifier> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('every') }),
  z.object({ kind: z.literal('some') }),
  z.object({ kind: z.literal('atLeast'), count: z.int().check(z.minimum(1)) }),
  z.object({ kind: z.literal('atLeastShare'), percent: z.number().check(z.minimum(0), z.maximum(100)) }),
])

const base = {
  name: id,
  scope: z.enum(['host', 'cloud', 'cross-cloud']),
  everyMs: z.int().check(z.minimum(100), z.maximum(dayMs)),
  latenessMs: z.int().check(z.minimum(0), z.maximum(dayMs)),
  coverage: z.number().check(z.minimum(0), z.maximum(1)),
  unit: z.optional(word),
  externalReferences: z.optional(words),
}

const computation = {
  function: z.optional(word),
  window: z.optional(window),
  compare: z.optional(z.object({ with: z.enum(comparisons), limit: z.number() })),
  reduce: z.optional(word),
  quantifier: z.optional(quantifier),
  by: z.array(word).check(z.maxLength(64)),
  exact: z.boolean(),
}

const raw: z.ZodMiniType<RawMonitor> = z.object({ ...base, ...computation, kind: z.literal('raw'), of: text, filter })

const composed: z.ZodMiniType<ComposedMonitor> = z.object({
  ...base,
  ...computation,
  kind: z.literal('composed'),
  from: z.array(id).check(z.maxLength(1_000)),
  combine: z.optional(word),
  operand: z.optional(z.number()),
})

const constant: z.ZodMiniType<ConstantMonitor> = z.object({
  ...base,
  kind: z.literal('constant'),
  value: z.number(),
})

/** One monitor; unknown fields are ignored. */
export const monitorSchema: z.ZodMiniType<Monitor> = z.union([raw, composed, constant])
