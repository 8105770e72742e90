import { type QueryLimits } from '#controller/window/query.ts'
import { isLanistaError, LanistaError, messageOf } from '#protocol/errors.ts'
import type { Logger } from '#protocol/runtime/logger.ts'
import { hostIdOf } from '#protocol/subjects/subject.ts'
import type { AnswerSize } from './answer-size.ts'
import { type Holder, type HolderDeps, type Patience, pagesOf } from './holder.ts'
import type { Question } from './question.ts'
import { type Row, RowBuilder } from './rows.ts'

/** What became of asking holders, counted up as it happens. */
export interface HolderCounts {
  pages: number
  bytes: number
  /** Answers that were not what was asked for. */
  invalid: number
}

/** A question on its way. */
export interface Asking extends Patience {
  readonly question: Question
  readonly limits: QueryLimits
  /** Agents `T.C.H` that did not answer: nobody waits for them once more. */
  readonly silent: Set<string>
}

/** Codes of those of whom nothing is heard. */
const silentCodes: readonly string[] = ['TIMED_OUT', 'NO_ONE_THERE']

/** Asks one holder for all of an owner's rows. */
export class HolderRows {
  readonly #deps: HolderDeps & { readonly logger: Logger }
  readonly #counts: HolderCounts

  constructor(deps: HolderDeps & { readonly logger: Logger }, counts: HolderCounts) {
    this.#deps = deps
    this.#counts = counts
  }

  /**
   * All rows, or undefined when this holder does not answer in full; what is left out of `size` again then.
   * @throws LanistaError ANSWER_TOO_LARGE, QUERY_TOO_LARGE; the signal's reason
   */
  async ask(holder: Holder, asking: Asking, size: AnswerSize): Promise<readonly Row[] | undefined> {
    if (asking.silent.has(hostIdOf(holder.holder))) return undefined
    const rows = new RowBuilder(asking.question, holder.owner, holder.holder.host)
    let samples = 0
    try {
      for await (const { chunks, bytes } of pagesOf(holder, asking.question, this.#deps, asking)) {
        this.#counts.pages++
        this.#counts.bytes += bytes
        const before = rows.count
        let more = 0
        for (const chunk of chunks) {
          rows.add(chunk)
          more += Math.max(1, chunk.timestampsMs.length)
        }
        samples += more
        size.add(rows.count - before, more)
      }
      return rows.finish()
    } catch (error) {
      size.remove(rows.count, samples)
      this.#passOver(error, hostIdOf(holder.holder), asking)
      return undefined
    }
  }

  /** Throws what concerns the whole question; anything else is the holder's. */
  #passOver(error: unknown, holder: string, { signal, silent }: Asking): void {
    if (signal.aborted) throw signal.reason
    if (!isLanistaError(error) || error.code === 'ANSWER_TOO_LARGE') throw error
    if (error.code === 'QUERY_TOO_LARGE') {
      throw new LanistaError(error.code, `${error.message} (says ${holder})`, { data: { host: holder } })
    }
    if (silentCodes.includes(error.code)) silent.add(holder)
    if (error.code === 'PAGE_INVALID') {
      this.#counts.invalid++
      this.#deps.logger.warn({ host: holder, error: messageOf(error) }, 'query_answer_refused')
    } else {
      this.#deps.logger.debug({ host: holder, code: error.code }, 'query_unanswered')
    }
  }
}
