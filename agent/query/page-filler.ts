/**
 * One page of a query: series in order of id from the cursor on, until the page is full or has taken its time. Nothing is kept between
 * two pages: the cursor says it all.
 */

import { parseFunction } from '#protocol/aggregation/functions.ts'
import type { WindowValue } from '#protocol/aggregation/windows.ts'
import { alignedRange } from '#protocol/aggregation/windows.ts'
import { compileSelector, type SeriesMatcher } from '#protocol/metrics/selector.ts'
import { parseSeries } from '#protocol/metrics/series.ts'
import { type QueryAsk, queryTimeMsMax } from '#protocol/query/ask.ts'
import type { PageCursor } from '#protocol/query/page-format.ts'
import { PageWriter } from '#protocol/query/page-writer.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import type { HistoryStore, SeriesEntry } from '../store/store.ts'
import { Breath } from './breath.ts'

/** A page is closed after this long, ms, at the next place where a cursor can stand. */
const pageMs = 1_000
/** Names looked at between two looks at the time. */
const namesALook = 256

export interface PageFillerDeps {
  readonly store: Pick<HistoryStore, 'read' | 'windows' | 'seriesCount' | 'seriesEntry'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/**
 * The page that answers `ask`.
 * @throws LanistaError SELECTOR_INVALID, FUNCTION_UNKNOWN, STEP_INVALID, QUERY_TOO_LARGE; the signal's reason
 */
export async function fillPage(ask: QueryAsk, deps: PageFillerDeps, signal: AbortSignal): Promise<Uint8Array> {
  if (ask.function !== undefined) parseFunction(ask.function)
  if (ask.stepMs !== undefined) alignedRange(ask.stepMs, 0, 0)
  return new PageFiller(ask, deps, signal).fill()
}

class PageFiller {
  readonly #ask: QueryAsk
  readonly #deps: PageFillerDeps
  readonly #signal: AbortSignal
  readonly #breath: Breath
  readonly #matches: SeriesMatcher
  readonly #nameStart: string
  readonly #fromMs: number
  readonly #untilMs: number
  readonly #endAt: number
  readonly #page = new PageWriter()
  #hasMoved = false

  constructor(ask: QueryAsk, deps: PageFillerDeps, signal: AbortSignal) {
    this.#ask = ask
    this.#deps = deps
    this.#signal = signal
    this.#breath = new Breath(deps.clock, signal)
    this.#matches = ask.match === undefined ? () => true : compileSelector(ask.match)
    this.#nameStart = literalStart(ask.match ?? '')
    this.#fromMs = ask.fromMs ?? -queryTimeMsMax
    this.#untilMs = ask.untilMs ?? queryTimeMsMax
    this.#endAt = deps.clock.monotonic() + pageMs
  }

  async fill(): Promise<Uint8Array> {
    const { store } = this.#deps
    const { cursor } = this.#ask
    for (let seriesId = cursor?.seriesId ?? 0; seriesId < store.seriesCount; seriesId++) {
      if (seriesId % namesALook === 0 && this.#breath.isDue) await this.#breath.take()
      const entry = store.seriesEntry(seriesId)
      if (!this.#isChosen(entry.name)) continue
      const next = { seriesId, fromMs: this.#fromMs }
      const fromMs = cursor?.seriesId === seriesId ? cursor.fromMs : this.#fromMs
      if (this.#isOver) return this.#page.finish({ ...next, fromMs })
      const stoppedMs = await this.#addSeries(seriesId, entry, fromMs)
      this.#hasMoved = true
      if (stoppedMs !== undefined) return this.#page.finish({ ...next, fromMs: stoppedMs })
    }
    return this.#page.finish()
  }

  /** Full, or out of time and further than the page before. */
  get #isOver(): boolean {
    return this.#page.isFull || (this.#hasMoved && this.#deps.clock.monotonic() >= this.#endAt)
  }

  #isChosen(name: string): boolean {
    if (!name.startsWith(this.#nameStart)) return false
    const series = parseSeries(name)
    return typeof series !== 'string' && this.#matches(series)
  }

  /** Adds a series from `fromMs` on; answers where it had to stop, undefined when all of it is in. */
  #addSeries(seriesId: number, entry: SeriesEntry, fromMs: number): Promise<number | undefined> {
    const { function: functionName, stepMs } = this.#ask
    if (functionName === undefined) return this.#addSamples(seriesId, entry, fromMs)
    return stepMs === undefined
      ? this.#addValue(seriesId, entry, functionName)
      : this.#addWindows(seriesId, entry, fromMs, functionName, stepMs)
  }

  async #addSamples(seriesId: number, entry: SeriesEntry, fromMs: number): Promise<number | undefined> {
    const request = { ...this.#requestFor(seriesId, fromMs), newest: this.#ask.last }
    for await (const { timestampsMs, values } of this.#deps.store.read(request)) {
      for (let at = 0; at < timestampsMs.length; ) {
        if (this.#isOver) return timestampsMs[at]
        at += this.#page.add(entry, timestampsMs, [values], at)
        this.#hasMoved = true
      }
      if (this.#breath.isDue) await this.#breath.take()
    }
    return undefined
  }

  async #addWindows(
    seriesId: number,
    entry: SeriesEntry,
    fromMs: number,
    functionName: string,
    stepMs: number,
  ): Promise<number | undefined> {
    const request = { ...this.#requestFor(seriesId, fromMs), function: functionName, stepMs }
    for await (const { windows } of this.#deps.store.windows(request)) {
      const timestampsMs = Float64Array.from(windows, ([startMs]) => startMs)
      const columns = columnsOf(windows)
      for (let at = 0; at < windows.length; ) {
        if (this.#isOver) return timestampsMs[at]
        at += this.#page.add(entry, timestampsMs, columns, at)
        this.#hasMoved = true
      }
      if (this.#breath.isDue) await this.#breath.take()
    }
    return undefined
  }

  /** One value; of a series without samples in the range `count` is 0, and everything else is unknown. */
  async #addValue(seriesId: number, entry: SeriesEntry, functionName: string): Promise<undefined> {
    const request = { ...this.#requestFor(seriesId, this.#fromMs), function: functionName }
    const windows: WindowValue[] = []
    for await (const piece of this.#deps.store.windows(request)) windows.push(...piece.windows)
    const values = windows.length === 0 && functionName === 'count' ? [[this.#fromMs, 0] as const] : windows
    this.#page.add(entry, Float64Array.of(this.#fromMs), values.length === 0 ? [] : columnsOf(values))
    if (this.#breath.isDue) await this.#breath.take()
  }

  #requestFor(
    seriesId: number,
    fromMs: number,
  ): Pick<PageCursor, 'fromMs'> & {
    untilMs: number
    seriesIds: number[]
    matches: SeriesMatcher
    signal: AbortSignal
  } {
    return { matches: () => true, seriesIds: [seriesId], fromMs, untilMs: this.#untilMs, signal: this.#signal }
  }
}

/** A column of numbers, or the two of lines. */
function columnsOf(windows: readonly WindowValue[]): Float64Array[] {
  if (typeof windows[0]?.[1] === 'number') return [Float64Array.from(windows, ([, value]) => value as number)]
  const lines = windows.map(([, value]) => value as Exclude<WindowValue[1], number>)
  return [Float64Array.from(lines, ({ slope }) => slope), Float64Array.from(lines, ({ intercept }) => intercept)]
}

/** What every name that a selector can take begins with: spares parsing nearly all other names. */
export function literalStart(match: string): string {
  return /^[^*?[\]{};]*/.exec(match)?.[0] ?? ''
}
