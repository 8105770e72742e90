/** The body of a published metric: what an operator's subscriber reads. */
import * as z from 'zod/mini'
import { parseJson } from './json.ts'

export interface MetricMessage {
  /** Epoch milliseconds of the sample. */
  readonly t: number
  /** Null = unknown: of results alone, a host's sample is a number. */
  readonly v: number | null
  readonly unit?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

const metricSchema: z.ZodMiniType<MetricMessage> = z.object({
  t: z.number(),
  v: z.nullable(z.number()),
  unit: z.optional(z.string()),
  tags: z.optional(z.record(z.string(), z.string())),
})

/** Throws MESSAGE_INVALID. */
export function parseMetric(body: Uint8Array): MetricMessage {
  return parseJson(body, metricSchema, 'metric')
}
