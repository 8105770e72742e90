/** Asks one agent, page by page. */
import { randomBytes } from 'node:crypto'
import type { Bus } from '#broker/bus.ts'
import { LanistaError } from '#protocol/errors.ts'
import { encodeQueryAsk, type QueryAsk } from '#protocol/query/ask.ts'
import { decodePage } from '#protocol/query/page-reader.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { type Address, buildSubject, hostIdOf } from '#protocol/subjects/subject.ts'
import { type CheckedChunk, PageCheck } from './page-check.ts'
import type { Question } from './question.ts'

/** A page that takes longer than this does not come, ms: agents close a page after a second. */
export const pageDeadlineMs = 4_000
/** What the way to the agent and back is given of a deadline, ms. */
const wayMs = 250

export interface HolderDeps {
  readonly bus: Pick<Bus, 'request'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** Whom to ask for whose samples. */
export interface Holder {
  readonly owner: Address
  readonly holder: Address
}

/** How long to wait. */
export interface Patience {
  readonly signal: AbortSignal
  /** By the monotonic clock, when the answer must be whole; Infinity = each page on its own. */
  readonly endMs: number
}

const ids = { prefix: randomBytes(6).toString('hex'), next: 0 }

/** An id that no other request of this process bears, nor one of a process before it. */
export function newId(): string {
  return `${ids.prefix}-${ids.next++}`
}

/**
 * The chunks of an answer, page by page, each found to be what was asked for.
 * @throws LanistaError the agent's refusal, PAGE_INVALID, TIMED_OUT, NO_ONE_THERE, NOT_UP …; the signal's reason
 */
export async function* pagesOf(
  { owner, holder }: Holder,
  question: Question,
  { bus, clock }: HolderDeps,
  { signal, endMs }: Patience,
): AsyncGenerator<{ readonly chunks: readonly CheckedChunk[]; readonly bytes: number }> {
  const { match, fromMs, untilMs, last, names, function: functionName, stepMs } = question
  const common = { owner: hostIdOf(owner), match, fromMs, untilMs, last, names, function: functionName, stepMs }
  const check = new PageCheck(question)
  let cursor: QueryAsk['cursor']
  do {
    const leftMs = Math.round(endMs - clock.monotonic())
    if (leftMs <= 0) throw new LanistaError('TIMED_OUT', `ask again: ${hostIdOf(holder)} came to no end in time`)
    const deadlineMs = Math.min(pageDeadlineMs, leftMs)
    const body = encodeQueryAsk({ ...common, cursor, deadlineMs: Math.max(1, deadlineMs - wayMs) })
    const answer = await bus.request(buildSubject(holder, 'control', 'query', newId()), body, { signal, deadlineMs })
    const page = decodePage(answer)
    yield { chunks: check.next(page), bytes: answer.length }
    cursor = page.next
  } while (cursor)
}
