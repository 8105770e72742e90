/**
 * An instance's log over the bus. `control.log` asks for a stream of lines; the answer (`#protocol/query/answer.ts`, JSON `{}`) says that it
 * comes, or refuses. The lines come on `log.<instance>` as LogLines, first to last, each message numbered. A stream that is followed ends
 * when nobody has asked for it again, under the same name, for `leaseMs`.
 */
import * as z from 'zod/mini'

export interface LogAsk {
  readonly instance: string
  /** Names the stream: a token that no other bears. */
  readonly stream: string
  /** The newest ones to begin with. */
  readonly lines: number
  readonly isFollowed: boolean
}

export interface LogLines {
  readonly stream: string
  /** 0 for the first message of the stream, 1 for the next. */
  readonly number: number
  readonly lines: readonly string[]
  /** Nothing more comes. */
  readonly isEnd: boolean
}

/** A followed stream is asked for again before this is over, ms. */
export const leaseMs = 15_000
/** Lines to begin with at most. */
export const logLinesMax = 10_000
/** Characters of a line; the rest is cut off. */
export const logLineMax = 8192

const token = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))

export const logAskSchema: z.ZodMiniType<LogAsk> = z.object({
  instance: token,
  stream: token,
  lines: z.int().check(z.minimum(0), z.maximum(logLinesMax)),
  isFollowed: z.boolean(),
})

export const logLinesSchema: z.ZodMiniType<LogLines> = z.object({
  stream: token,
  number: z.int(),
  lines: z.array(z.string()),
  isEnd: z.boolean(),
})
