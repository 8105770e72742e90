import type { SampleSink } from '#agent/intake/sink.ts'
import { parseCanonical } from '#protocol/metrics/series.ts'
import type { Clock } from '#protocol/runtime/clock.ts'
import { LineParser } from './line-parser.ts'
import { LineStream } from './line-stream.ts'
import type { RejectReason } from './reject.ts'

/** What became of one line: a sample, or the reason why not. Lines count from 1. */
export type LineReport =
  | {
      readonly line: number
      readonly name: string
      readonly tags: Readonly<Record<string, string>>
      readonly value: number
      readonly timestampMs: number
    }
  | { readonly line: number; readonly reject: RejectReason }

export interface LinesOptions {
  /** Take four fields too. */
  readonly fourFields: boolean
  /** What −1 means and `future` is judged by; default the clock's present. */
  readonly nowMs?: number | undefined
}

/**
 * What the socket would make of these lines, by the socket's own parser: one report for each line, in order, empty ones and
 * a last one without LF included. Holds one chunk and its reports at a time, however many names there are.
 */
export async function* explainLines(
  bytes: AsyncIterable<Uint8Array>,
  options: LinesOptions,
  clock: Clock,
): AsyncGenerator<LineReport> {
  const reporter = new Reporter()
  const { nowMs } = options
  const parser = new LineParser(
    { fourFields: options.fourFields, names: { entriesMax: 0, bytesMax: 0 } },
    {
      sink: reporter,
      clock: { now: () => nowMs ?? clock.now(), monotonic: () => clock.monotonic() },
      onReject: (reason) => reporter.reject(reason),
    },
  )
  const stream = new LineStream(parser)
  for await (const chunk of bytes) {
    stream.feed(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    yield* reporter.take()
  }
  stream.end('line')
  yield* reporter.take()
}

/** A sink of one series: with no names remembered, the parser asks for the id of each just before its sample. */
class Reporter implements SampleSink {
  readonly isFull = false
  #line = 0
  #canonical = ''
  #reports: LineReport[] = []

  seriesId(canonical: string): number {
    this.#canonical = canonical
    return 0
  }

  append(_seriesId: number, timestampMs: number, value: number): void {
    this.#reports.push({ line: ++this.#line, ...parseCanonical(this.#canonical), value, timestampMs })
  }

  reject(reason: RejectReason): void {
    this.#reports.push({ line: ++this.#line, reject: reason })
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  take(): LineReport[] {
    const reports = this.#reports
    this.#reports = []
    return reports
  }
}
