/**
 * What agents of one cloud say to each other of monitors, on `lanista.T.C.<to>.ring.<from>.<verb>.<id>`; JSON, bytes as base64.
 *
 * | verb | body | answer |
 * |---|---|---|
 * | `published` | PublishedNote: what an aggregator published, for those who come after it | none |
 * | `partials` | PartialsAsk | PartialsAnswer |
 * | `recall` | RecallAsk | RecallAnswer |
 */
import * as z from 'zod/mini'
import { parseJson } from '#protocol/messages/json.ts'
import type { MonitorResult, ResultTags } from '#protocol/monitors/model.ts'
import { parseJsonAnswer } from '#protocol/query/answer.ts'
import { isId, isToken } from '#protocol/subjects/token.ts'

/** A window of a monitor. */
export interface PartialName {
  readonly application: string
  readonly monitor: string
  readonly windowEndMs: number
}

/** The part of a result that its window does not say. */
export type ResultPart = Pick<MonitorResult, 'tags' | 'value' | 'known' | 'expected'>

export interface PublishedNote extends PartialName {
  readonly session: number
  readonly revision: number
  /** Empty also where they did not fit. */
  readonly results: readonly ResultPart[]
  /** True for those who are to record the results, too. */
  readonly isToKeep?: boolean | undefined
}

/** Asks for what a host says of some windows: the host itself, or one that has copies of its samples. */
export interface PartialsAsk {
  readonly owner: string
  readonly windows: readonly PartialName[]
}

/** Those that fit into an answer; the others are asked for again. */
export interface PartialsAnswer {
  readonly partials: readonly { readonly application: string; readonly monitor: string; readonly body: string }[]
}

/** Asks for recorded results of the cloud: of a host's own store, or of the copies of it. */
export interface RecallAsk {
  readonly owner: string
  readonly application: string
  readonly monitor: string
  readonly fromMs: number
}

export interface RecallAnswer {
  readonly series: readonly { readonly tags: ResultTags; readonly samples: readonly (readonly [number, number])[] }[]
}

/** Windows in one ask. */
export const windowsAskedMax = 200
/** Results in one note; beyond it none go along. */
export const notedResultsMax = 1_000

const id = z.string().check(z.refine(isId))
const host = z.string().check(z.refine(isToken))
const time = z.number()
const count = z.int().check(z.minimum(0))
const tags = z.record(z.string(), z.string())
const name = { application: id, monitor: id, windowEndMs: time }

const noteSchema: z.ZodMiniType<PublishedNote> = z.object({
  ...name,
  session: count,
  revision: count,
  results: z
    .array(z.object({ tags, value: z.nullable(z.number()), known: count, expected: count }))
    .check(z.maxLength(notedResultsMax)),
  isToKeep: z.optional(z.boolean()),
})

const partialsAskSchema: z.ZodMiniType<PartialsAsk> = z.object({
  owner: host,
  windows: z.array(z.object(name)).check(z.maxLength(windowsAskedMax)),
})

const partialsAnswerSchema: z.ZodMiniType<PartialsAnswer> = z.object({
  partials: z.array(z.object({ application: id, monitor: id, body: z.string() })).check(z.maxLength(windowsAskedMax)),
})

const recallAskSchema: z.ZodMiniType<RecallAsk> = z.object({ owner: host, application: id, monitor: id, fromMs: time })

const recallAnswerSchema: z.ZodMiniType<RecallAnswer> = z.object({
  series: z.array(z.object({ tags, samples: z.array(z.tuple([time, z.number()])) })),
})

/** Throws MESSAGE_INVALID. */
export function parsePublishedNote(body: Uint8Array): PublishedNote {
  return parseJson(body, noteSchema, 'note of a published window')
}

/** Throws MESSAGE_INVALID. */
export function parsePartialsAsk(body: Uint8Array): PartialsAsk {
  return parseJson(body, partialsAskSchema, 'question for partials')
}

/** Throws MESSAGE_INVALID. */
export function parseRecallAsk(body: Uint8Array): RecallAsk {
  return parseJson(body, recallAskSchema, 'question for results')
}

/** Throws the refusal that the answer is, PAGE_INVALID, MESSAGE_INVALID. */
export function parsePartialsAnswer(body: Uint8Array): PartialsAnswer {
  return parseJsonAnswer(body, partialsAnswerSchema, 'partials')
}

/** Throws the refusal that the answer is, PAGE_INVALID, MESSAGE_INVALID. */
export function parseRecallAnswer(body: Uint8Array): RecallAnswer {
  return parseJsonAnswer(body, recallAnswerSchema, 'results')
}
