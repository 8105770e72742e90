import { parseFunction } from '#protocol/aggregation/functions.ts'
import { alignedRange, type WindowValue } from '#protocol/aggregation/windows.ts'
import type { SeriesMatcher } from '#protocol/metrics/selector.ts'
import { parseSeries } from '#protocol/metrics/series.ts'
import { dayMs } from '../area/day.ts'
import { type Samples, SeriesReader } from '../area/series-reader.ts'
import type { BlockHeader } from '../block/format.ts'
import type { Dictionary } from '../dictionary.ts'
import type { Memory } from '../memory/memory.ts'
import { commonStepMs } from '../memory/time-order.ts'
import type { SeriesEntry } from '../store.ts'
import type { Windows } from '../tier/roll-up.ts'
import type { Tier } from '../tier/tier.ts'
import { decodeWindows } from '../tier/tier-block.ts'
import { ahead } from './ahead.ts'
import { readMeans } from './means.ts'
import { newestOf } from './newest.ts'
import { isPartial, tierFunctions } from './partial.ts'
import { readSeries, type SeriesSources, type TimeRange } from './series-query.ts'
import { WindowFeed } from './window-feed.ts'

/** Which series and when, both ends inclusive. */
export interface ReadRequest extends TimeRange {
  readonly matches: SeriesMatcher
  /** Only these ids are looked at, in this order; absent = all. */
  readonly seriesIds?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** A read of samples. */
export interface SamplesRequest extends ReadRequest {
  /** The newest sample of each series alone. */
  readonly newest?: boolean | undefined
}

/** A read through a window function; without `stepMs` one value over the whole range. */
export interface WindowsRequest extends ReadRequest {
  readonly function: string
  readonly stepMs?: number | undefined
}

/** Samples of one series; several pieces of a series follow each other in time order. */
export interface SamplesPiece extends SeriesEntry, Samples {
  readonly seriesId: number
  /** The distance most of these samples have, ms; 0 for one sample. */
  readonly stepMs: number
}

/** Windows of one series; several pieces of a series follow each other in time order. */
export interface WindowsPiece extends SeriesEntry {
  readonly seriesId: number
  readonly windows: readonly WindowValue[]
}

/** Series whose first blocks are on their way while one is worked on. */
const seriesAhead = 8
/** Windows in one piece, about. */
const windowsAPiece = 4096

/** Reads what the store holds: memory, blocks and tiers as one. Memory use does not depend on the range. */
export class History {
  readonly #sources: SeriesSources
  readonly #tiers: readonly Tier[]
  readonly #dictionary: Dictionary
  #reading = 0

  constructor(sources: Omit<SeriesSources, 'reader'>, tiers: readonly Tier[], dictionary: Dictionary) {
    this.#sources = { ...sources, reader: new SeriesReader(sources.local, () => dictionary.size) }
    this.#tiers = tiers
    this.#dictionary = dictionary
  }

  /** Series that match, in order of id or as asked. */
  *series({ matches, seriesIds }: ReadRequest): Generator<{ readonly seriesId: number; readonly entry: SeriesEntry }> {
    const { size } = this.#dictionary
    for (let i = 0; i < (seriesIds?.length ?? size); i++) {
      const seriesId = seriesIds?.[i] ?? i
      const entry = this.#dictionary.entry(seriesId)
      const series = parseSeries(entry.name)
      if (typeof series !== 'string' && matches(series)) yield { seriesId, entry }
    }
  }

  /** Samples as they were taken, series by series; means of a tier's windows for days that are past retention. Rejects with the signal's reason. */
  read(request: SamplesRequest): AsyncGenerator<SamplesPiece> {
    return this.#during(this.#each(request, (seriesId, entry) => this.#readOne(request, seriesId, entry)))
  }

  /**
   * A function over windows. Whole blocks in one window are taken by their headers, whole days by a tier, where the function allows
   * it and the result is the same. Throws FUNCTION_UNKNOWN, STEP_INVALID, QUERY_TOO_LARGE.
   */
  windows(request: WindowsRequest): AsyncGenerator<WindowsPiece> {
    const { stepMs } = request
    parseFunction(request.function)
    const aligned = stepMs === undefined ? undefined : alignedRange(stepMs, request.fromMs, request.untilMs)
    const range = aligned ? { fromMs: aligned.fromMs, untilMs: aligned.beforeMs - 1 } : request
    return this.#during(this.#each(request, (seriesId, entry) => this.#windowsOne(request, range, seriesId, entry)))
  }

  /** Series one after the other; what neighbours share is kept until the last read ends. */
  async *#during<T>(series: Iterable<() => AsyncGenerator<T>>): AsyncGenerator<T> {
    this.#reading++
    try {
      yield* ahead(series, seriesAhead)
    } finally {
      this.#reading--
      if (this.#reading === 0) this.#sources.reader.forget()
    }
  }

  *#each<T>(request: ReadRequest, of: (seriesId: number, entry: SeriesEntry) => T): Generator<() => T> {
    for (const { seriesId, entry } of this.series(request)) yield () => of(seriesId, entry)
  }

  async *#readOne(request: SamplesRequest, seriesId: number, entry: SeriesEntry): AsyncGenerator<SamplesPiece> {
    request.signal?.throwIfAborted()
    if (request.newest) {
      const newest = await newestOf(this.#sources, seriesId, request)
      if (newest) yield { seriesId, ...entry, ...newest, stepMs: 0 }
      return
    }
    for await (const samples of readMeans(this.#tiers, this.#sources.local, seriesId, request)) {
      yield { seriesId, ...entry, ...samples, stepMs: commonStepMs(samples.timestampsMs) }
      request.signal?.throwIfAborted()
    }
    for await (const piece of readSeries(this.#sources, seriesId, request)) {
      if (piece.kind !== 'samples') continue
      yield { seriesId, ...entry, ...piece.samples, stepMs: commonStepMs(piece.samples.timestampsMs) }
      request.signal?.throwIfAborted()
    }
  }

  async *#windowsOne(
    request: WindowsRequest,
    range: TimeRange,
    seriesId: number,
    entry: SeriesEntry,
  ): AsyncGenerator<WindowsPiece> {
    request.signal?.throwIfAborted()
    const feed = new WindowFeed(request.function, request.stepMs, range.fromMs)
    for await (const _ of this.#feed(feed, seriesId, range, request)) {
      request.signal?.throwIfAborted()
      const windows = feed.take()
      if (windows.length > 0) yield { seriesId, ...entry, windows }
    }
    const last = feed.finish()
    if (last.length > 0) yield { seriesId, ...entry, windows: last }
  }

  /** Feeds a series; yields now and then, so that what is complete can leave. */
  async *#feed(feed: WindowFeed, seriesId: number, range: TimeRange, request: WindowsRequest): AsyncGenerator<void> {
    const fits = (header: BlockHeader): boolean =>
      isPartial(request.function) && feed.windowOf(header.t0Ms) === feed.windowOf(header.t1Ms)
    let count = 0
    for await (const part of this.#parts(seriesId, range, request)) {
      if ('windows' in part) {
        feedTier(feed, part.windows, range)
        yield
        continue
      }
      for await (const piece of readSeries(this.#sources, seriesId, part.range, fits)) {
        if (piece.kind === 'header') feed.summed(piece.header)
        else feed.samples(piece.samples)
        if (++count % windowsAPiece === 0 || piece.kind === 'samples') yield
      }
    }
  }

  /** The range in parts: whole days that a tier has, and what lies between. */
  async *#parts(
    seriesId: number,
    range: TimeRange,
    request: WindowsRequest,
  ): AsyncGenerator<{ readonly windows: Windows } | { readonly range: TimeRange }> {
    const tier = this.#tierFor(request)
    let fromMs = range.fromMs
    for (const day of tier?.area.days ?? []) {
      const startMs = day * dayMs
      const untilMs = startMs + dayMs - 1
      if (!tier || startMs < fromMs || untilMs > range.untilMs) continue
      const { samples, isRolled } = this.#sources.local.facts(day)
      if ((samples > 0 && !isRolled) || hasBetween(this.#sources.memory, startMs, untilMs)) continue
      const [block] = await tier.area.blocks(day, seriesId)
      const windows = block && (await tier.area.guard(block, () => decodeWindows(block.bytes)))
      if (!windows) continue
      if (startMs > fromMs) yield { range: { fromMs, untilMs: startMs - 1 } }
      yield { windows }
      fromMs = untilMs + 1
    }
    if (fromMs <= range.untilMs) yield { range: { fromMs, untilMs: range.untilMs } }
  }

  /** The coarsest tier whose windows make up the asked ones exactly. */
  #tierFor({ function: name, stepMs }: WindowsRequest): Tier | undefined {
    if (!tierFunctions.includes(name)) return undefined
    return this.#tiers
      .filter((tier) => stepMs === undefined || stepMs % tier.stepMs === 0)
      .toSorted((a, b) => b.stepMs - a.stepMs)[0]
  }
}

/** Samples on their way into a day make its tiers incomplete. */
function hasBetween(memory: Memory, fromMs: number, untilMs: number): boolean {
  return memory.parts.some((part) => part.count > 0 && part.minMs <= untilMs && part.maxMs >= fromMs)
}

function feedTier(feed: WindowFeed, windows: Windows, range: TimeRange): void {
  for (let i = 0; i < windows.startsMs.length; i++) {
    const t0Ms = windows.startsMs[i] as number
    if (t0Ms < range.fromMs || t0Ms > range.untilMs) continue
    const last = windows.last[i] as number
    feed.summed({
      count: windows.count[i] as number,
      first: last,
      last,
      min: windows.min[i] as number,
      max: windows.max[i] as number,
      sum: windows.sum[i] as number,
      lost: 0,
      t0Ms,
      t1Ms: t0Ms,
    })
  }
}
