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
import type { ReadRequest } from '../store/query/history.ts'
import type { HistoryStore, SeriesEntry } from '../store/store.ts'
import { Breath } from './breath.ts'

/** A page is closed after this long, ms, at the next place where a cursor can stand. */
const pageMs = 1_000
/** Series asked of the store together: it reads ahead among them. */
const groupSeriesMax = 64
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

/** Samples or windows of one series, in time order. */
interface Stretch {
  readonly seriesId: number
  readonly entry: SeriesEntry
  readonly timestampsMs: Float64Array
  readonly columns: readonly Float64Array[]
}

/** Series read together, from one time on. */
interface Group {
  readonly seriesIds: readonly number[]
  readonly fromMs: number
}

class PageFiller {
  readonly #ask: QueryAsk
  readonly #deps: PageFillerDeps
  readonly #signal: AbortSignal
  readonly #breath: Breath
  readonly #matches: SeriesMatcher
  readonly #nameStart: string
  readonly #fromMs: number
  readonly #endAt: number
  readonly #page = new PageWriter()
  /** The next series to look at. */
  #at: number
  #hasMoved = false

  constructor(ask: QueryAsk, deps: PageFillerDeps, signal: AbortSignal) {
    this.#ask = ask
    this.#deps = deps
    this.#signal = signal
    this.#breath = new Breath(deps.clock, signal)
    this.#matches = ask.match === undefined ? () => true : compileSelector(ask.match)
    this.#nameStart = literalStart(ask.match ?? '')
    this.#fromMs = ask.fromMs ?? -queryTimeMsMax
    this.#endAt = deps.clock.monotonic() + pageMs
    this.#at = ask.cursor?.seriesId ?? 0
  }

  async fill(): Promise<Uint8Array> {
    for (let group = await this.#nextGroup(); group; group = await this.#nextGroup()) {
      const next = await this.#addGroup(group)
      if (next) return this.#page.finish(next)
      this.#hasMoved = true
    }
    return this.#page.finish()
  }

  /** Full, or out of time and further than the page before. */
  get #isOver(): boolean {
    return this.#page.isFull || (this.#hasMoved && this.#deps.clock.monotonic() >= this.#endAt)
  }

  /** The next series that are chosen; the one that the cursor stands in is a group of its own. */
  async #nextGroup(): Promise<Group | undefined> {
    const { store } = this.#deps
    const { cursor } = this.#ask
    const seriesIds: number[] = []
    for (; this.#at < store.seriesCount && seriesIds.length < groupSeriesMax; this.#at++) {
      if (this.#at % namesALook === 0 && this.#breath.isDue) await this.#breath.take()
      if (!this.#isChosen(store.seriesEntry(this.#at).name)) continue
      seriesIds.push(this.#at)
      if (cursor?.seriesId === this.#at) {
        this.#at++
        return { seriesIds, fromMs: cursor.fromMs }
      }
    }
    return seriesIds.length === 0 ? undefined : { seriesIds, fromMs: this.#fromMs }
  }

  #isChosen(name: string): boolean {
    if (!name.startsWith(this.#nameStart)) return false
    const series = parseSeries(name)
    return typeof series !== 'string' && this.#matches(series)
  }

  /** Adds a group; answers where it had to stop, undefined when all of it is in. */
  #addGroup(group: Group): Promise<PageCursor | undefined> {
    if (this.#ask.names) return this.#addValues(group, this.#samples(group))
    if (this.#ask.function === undefined) return this.#addStretches(this.#samples(group))
    const windows = this.#windows(group, this.#ask.function)
    return this.#ask.stepMs === undefined ? this.#addValues(group, windows) : this.#addStretches(windows)
  }

  async #addStretches(stretches: AsyncIterable<Stretch>): Promise<PageCursor | undefined> {
    for await (const { seriesId, entry, timestampsMs, columns } of stretches) {
      for (let at = 0; at < timestampsMs.length; ) {
        if (this.#isOver) return { seriesId, fromMs: timestampsMs[at] as number }
        at += this.#page.add(entry, timestampsMs, columns, at)
        this.#hasMoved = true
      }
      if (this.#breath.isDue) await this.#breath.take()
    }
    return undefined
  }

  /** One value a series; of one without samples in the range `count` is 0, and everything else (its newest sample too) is unknown. */
  async #addValues({ seriesIds }: Group, found: AsyncIterable<Stretch>): Promise<PageCursor | undefined> {
    const rest = [...seriesIds]
    for await (const { seriesId, timestampsMs, columns } of found) {
      const times = this.#ask.names ? timestampsMs : Float64Array.of(this.#fromMs)
      const next = this.#addUnknown(rest, seriesId) ?? this.#addValue(seriesId, times, columns)
      if (next) return next
      rest.shift()
      if (this.#breath.isDue) await this.#breath.take()
    }
    return this.#addUnknown(rest, Number.POSITIVE_INFINITY)
  }

  /** Adds those series that come before `seriesId`, and takes them out of the list. */
  #addUnknown(rest: number[], seriesId: number): PageCursor | undefined {
    const columns = this.#ask.function === 'count' ? [Float64Array.of(0)] : []
    for (let id = rest[0]; id !== undefined && id < seriesId; id = rest[0]) {
      const next = this.#addValue(id, Float64Array.of(this.#fromMs), columns)
      if (next) return next
      rest.shift()
    }
    return undefined
  }

  #addValue(seriesId: number, timestampsMs: Float64Array, columns: readonly Float64Array[]): PageCursor | undefined {
    if (this.#isOver) return { seriesId, fromMs: this.#fromMs }
    this.#page.add(this.#deps.store.seriesEntry(seriesId), timestampsMs, columns)
    this.#hasMoved = true
    return undefined
  }

  async *#samples(group: Group): AsyncGenerator<Stretch> {
    const request = { ...this.#requestFor(group), newest: this.#ask.last || this.#ask.names }
    for await (const { seriesId, timestampsMs, values, ...entry } of this.#deps.store.read(request)) {
      yield { seriesId, entry, timestampsMs, columns: [values] }
    }
  }

  async *#windows(group: Group, functionName: string): AsyncGenerator<Stretch> {
    const request = { ...this.#requestFor(group), function: functionName, stepMs: this.#ask.stepMs }
    for await (const { seriesId, windows, ...entry } of this.#deps.store.windows(request)) {
      const timestampsMs = Float64Array.from(windows, ([startMs]) => startMs)
      yield { seriesId, entry, timestampsMs, columns: columnsOf(windows) }
    }
  }

  #requestFor({ seriesIds, fromMs }: Group): ReadRequest {
    const untilMs = this.#ask.untilMs ?? queryTimeMsMax
    return { matches: () => true, seriesIds, fromMs, untilMs, signal: this.#signal }
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
