/** The parser against the one that anybody would write first, in memory, in one call. */
import type { SampleSink } from '#agent/intake/sink.ts'
import { systemClock } from '#protocol/runtime/clock.ts'
import { carbonLoad } from './carbon-load.ts'
import { LineParser } from './line-parser.ts'

/** Ways to parse one prepared load of about 64 KiB chunks once; the work of one iteration. */
export interface ParserRace {
  readonly lines: number
  readonly byHand: () => void
  readonly bySplit: () => void
}

/** Lines a second, best of several rounds. */
export interface ParserBench {
  readonly series: number
  readonly byHandLinesPerSecond: number
  readonly splitLinesPerSecond: number
  readonly ratio: number
}

const linesEach = 1_000_000
const rounds = 5

/** Both parsers over the same lines of `series` series; takes a few seconds. Use one core alone for steady figures. */
export function benchCarbonParser(series: number): ParserBench {
  const race = parserRace(series, linesEach)
  const byHandLinesPerSecond = best(race.byHand)
  const splitLinesPerSecond = best(race.bySplit)
  return { series, byHandLinesPerSecond, splitLinesPerSecond, ratio: byHandLinesPerSecond / splitLinesPerSecond }
}

/** Prepares a load of `lines` lines (at least one a series). */
export function parserRace(series: number, lines: number): ParserRace {
  const load = carbonLoad({ series, steps: Math.ceil(lines / series) })
  const ends = chunkEnds(load)
  const parser = new LineParser({ fourFields: true }, { sink: new ColumnSink(), clock: systemClock })
  const splitSink = new ColumnSink()
  const cursor = { entry: 0, client: undefined }
  const each = (take: (start: number, end: number) => void): void => {
    let start = 0
    for (const end of ends) {
      take(start, end)
      start = end
    }
  }
  return {
    lines: Math.ceil(lines / series) * series,
    byHand: () => each((start, end) => parser.parse(load, start, end, cursor)),
    bySplit: () => each((start, end) => splitParse(load.subarray(start, end), splitSink)),
  }
}

function best(round: () => void): number {
  let fastest = 0
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    round()
    fastest = Math.max(fastest, (linesEach * 1000) / (performance.now() - start))
  }
  return Math.round(fastest)
}

/** Takes samples into columns, as the head of a store does, and forgets them. */
export class ColumnSink implements SampleSink {
  readonly isFull: boolean = false
  readonly #ids = new Map<string, number>()
  readonly #seriesIds = new Uint32Array(65_536)
  readonly #timestampsMs = new Float64Array(65_536)
  readonly #values = new Float64Array(65_536)
  #count = 0

  seriesId(canonical: string): number {
    const known = this.#ids.get(canonical)
    if (known !== undefined) return known
    this.#ids.set(canonical, this.#ids.size)
    return this.#ids.size - 1
  }

  append(seriesId: number, timestampMs: number, value: number): void {
    const at = this.#count++ & 65_535
    this.#seriesIds[at] = seriesId
    this.#timestampsMs[at] = timestampMs
    this.#values[at] = value
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }
}

/** The baseline: text, `split`, a map of names. */
function splitParse(chunk: Buffer, sink: SampleSink): void {
  const lines = chunk.toString('utf8').split('\n')
  lines.pop()
  for (const line of lines) {
    const [name, value, timestamp] = line.split(' ')
    if (name === undefined || value === undefined || timestamp === undefined) continue
    const parsed = Number.parseFloat(value)
    const seconds = Number.parseFloat(timestamp)
    if (Number.isFinite(parsed) && Number.isFinite(seconds)) sink.append(sink.seriesId(name), seconds * 1000, parsed)
  }
}

/** Ends of chunks of about 64 KiB, each after an LF. */
function chunkEnds(load: Buffer): number[] {
  const ends: number[] = []
  for (let at = 65_535; at < load.length - 1; at = (ends.at(-1) ?? 0) + 65_535) ends.push(load.lastIndexOf(10, at) + 1)
  return [...ends, load.length]
}
