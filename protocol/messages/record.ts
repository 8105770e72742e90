/**
 * Body and answer of `control.record.<id>`: results that belong to no cloud, for an agent of `home` to keep. The same sample again changes
 * nothing, so whoever got no answer sends it once more, here or to another agent.
 */
import * as z from 'zod/mini'
import type { SeriesName } from '#protocol/metrics/series.ts'
import { encodeJson, parseJson } from './json.ts'

/** One sample, in the words of a metric message. */
export interface RecordedSample {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly unit?: string | undefined
  /** Epoch ms. */
  readonly t: number
  readonly v: number
}

export interface RecordAsk {
  readonly samples: readonly RecordedSample[]
}

/** What became of the samples; those taken are on the agent's disk. */
export interface RecordReceipt {
  readonly taken: number
  /** Of series that are not recorded this way, or that the agent has no room for. */
  readonly refused: number
}

/** Samples of one message. */
export const recordSamplesMax = 1_000

/** The cloud whose agents keep what belongs to none. */
export const keeperCloud = 'home'

/** The tag of whatever belongs to no cloud. */
export const crossCloudTags: Readonly<Record<string, string>> = { scope: 'cross-cloud' }

const names = /^(?:monitor|rule|wanted)\./

/** True for the series that are recorded this way: results of monitors, decisions of rules and counts wanted, with the tag of their scope. */
export function isCrossCloud({ name, tags }: SeriesName): boolean {
  return names.test(name) && Object.hasOwn(tags, 'scope') && tags['scope'] === crossCloudTags['scope']
}

const askSchema: z.ZodMiniType<RecordAsk> = z.object({
  samples: z
    .array(
      z.object({
        name: z.string(),
        tags: z.record(z.string(), z.string()),
        unit: z.optional(z.string().check(z.maxLength(256))),
        t: z.number(),
        v: z.number(),
      }),
    )
    .check(z.maxLength(recordSamplesMax)),
})

/** What a reader takes; unknown fields are ignored. */
export const recordReceiptSchema: z.ZodMiniType<RecordReceipt> = z.object({
  taken: z.int().check(z.minimum(0)),
  refused: z.int().check(z.minimum(0)),
})

export function encodeRecordAsk(ask: RecordAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseRecordAsk(body: Uint8Array): RecordAsk {
  return parseJson(body, askSchema, 'request to record')
}
