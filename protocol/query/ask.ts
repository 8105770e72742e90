/**
 * What the controller asks an agent in `control.query.<id>`: which series, which stretch of time, as samples or as a function of
 * them. The agent answers with one page (`page-format.ts`); the asker asks again with the cursor of the page until there is none. An agent
 * keeps nothing between two pages.
 */
import * as z from 'zod/mini'
import { encodeJson, parseJson } from '#protocol/messages/json.ts'
import type { PageCursor } from './page-format.ts'

/** No sample is further than this from the epoch, ms. */
export const queryTimeMsMax: number = 2 ** 46

/** One question for one page. */
export interface QueryAsk {
  /** Whose samples, `T.C.H`. Who does not hold them refuses with NOT_HELD. */
  readonly owner: string
  /** A selector, see `#protocol/metrics/selector.ts`; absent = every series. */
  readonly match?: string | undefined
  /** Both ends inclusive, epoch ms; absent = as far as there is anything. */
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
  /** The newest sample of the stretch alone. */
  readonly last?: boolean | undefined
  /** Every series that matches, with its newest sample where there is one in the stretch: the list of what a store knows. */
  readonly names?: boolean | undefined
  /** Name of a window function. */
  readonly function?: string | undefined
  /** One value of the function for each step; absent = one value in all. */
  readonly stepMs?: number | undefined
  /** Where the page before ended; absent = at the beginning. */
  readonly cursor?: PageCursor | undefined
  /** How long the asker waits for this page, ms; afterwards the work is given up. */
  readonly deadlineMs: number
}

const time = z.int().check(z.minimum(-queryTimeMsMax), z.maximum(queryTimeMsMax))

const askSchema: z.ZodMiniType<QueryAsk> = z.object({
  owner: z.string().check(z.maxLength(200)),
  match: z.optional(z.string().check(z.maxLength(1024))),
  fromMs: z.optional(time),
  untilMs: z.optional(time),
  last: z.optional(z.boolean()),
  names: z.optional(z.boolean()),
  function: z.optional(z.string().check(z.maxLength(40))),
  stepMs: z.optional(z.int().check(z.minimum(1))),
  cursor: z.optional(z.object({ seriesId: z.int().check(z.minimum(0)), fromMs: time })),
  deadlineMs: z.int().check(z.minimum(1), z.maximum(600_000)),
})

export function encodeQueryAsk(ask: QueryAsk): Uint8Array {
  return encodeJson(ask)
}

/** Throws MESSAGE_INVALID. */
export function parseQueryAsk(body: Uint8Array): QueryAsk {
  return parseJson(body, askSchema, 'query')
}
