/** Agents are not believed: a page that is not an answer to what was asked counts as none. */
import { alignedRange } from '#protocol/aggregation/windows.ts'
import { LanistaError } from '#protocol/errors.ts'
import { formatSeries, parseSeries, type SeriesName } from '#protocol/metrics/series.ts'
import type { PageCursor, QueryPage, SeriesChunk } from '#protocol/query/page-format.ts'
import type { Question } from './question.ts'

/** A chunk that was found to be what was asked for. */
export interface CheckedChunk extends SeriesChunk {
  readonly canonical: string
  readonly series: SeriesName
}

/** Follows the pages of one answer. */
export class PageCheck {
  readonly #question: Question
  readonly #fromMs: number
  readonly #untilMs: number
  readonly #width: number
  readonly #done = new Set<string>()
  #cursor: PageCursor | undefined
  #open: Pick<CheckedChunk, 'name' | 'canonical' | 'series'> | undefined
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(question: Question) {
    const { fromMs = -Infinity, untilMs = Infinity, stepMs } = question
    const range = stepMs === undefined ? undefined : alignedRange(stepMs, fromMs, untilMs)
    this.#question = question
    this.#fromMs = range?.fromMs ?? fromMs
    this.#untilMs = range ? range.beforeMs - 1 : untilMs
    this.#width = question.function === 'leastSquares' ? 2 : 1
  }

  /** The chunks of the next page. Throws PAGE_INVALID. */
  next(page: QueryPage): CheckedChunk[] {
    const chunks = page.chunks.map((chunk) => this.#chunk(chunk))
    if (page.next && this.#cursor && !isBehind(page.next, this.#cursor)) throw invalid('a cursor that stands still')
    this.#cursor = page.next
    return chunks
  }

  #chunk(chunk: SeriesChunk): CheckedChunk {
    const { name, timestampsMs, columns } = chunk
    const { canonical, series } = this.#open?.name === name ? this.#open : this.#begin(name)
    const isValue = this.#question.function !== undefined && this.#question.stepMs === undefined
    const mayBeUnknown = (isValue || this.#question.names) && columns.length === 0
    if (columns.length !== this.#width && !mayBeUnknown) throw invalid(`${columns.length} columns for ${name}`)
    const [first, last] = [timestampsMs[0], timestampsMs.at(-1)]
    if (first !== undefined && last !== undefined && !isValue) {
      if (first < this.#fromMs || last > this.#untilMs) throw invalid(`times of ${name} outside the range`)
      if (first <= this.#lastMs) throw invalid(`times of ${name} that do not increase`)
      this.#lastMs = last
    }
    return { ...chunk, canonical, series }
  }

  #begin(name: string): Pick<CheckedChunk, 'canonical' | 'series'> {
    const series = parseSeries(name)
    if (typeof series === 'string' || !(this.#question.matches?.(series) ?? true)) {
      throw invalid(`the series ${JSON.stringify(name.slice(0, 120))}, which was not asked for`)
    }
    const canonical = formatSeries(series)
    if (this.#done.has(canonical)) throw invalid(`the series ${canonical.slice(0, 120)} twice`)
    this.#done.add(canonical)
    this.#open = { name, canonical, series }
    this.#lastMs = Number.NEGATIVE_INFINITY
    return this.#open
  }
}

function isBehind(a: PageCursor, b: PageCursor): boolean {
  return a.seriesId > b.seriesId || (a.seriesId === b.seriesId && a.fromMs > b.fromMs)
}

function invalid(found: string): LanistaError {
  return new LanistaError('PAGE_INVALID', `refuse the answer: found ${found}`)
}
