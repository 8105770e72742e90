/** Rows as JSON text, a piece at a time: the shape of `GET /api/v1/query`. */
import { numberBytesMax, writeNumber } from './number-bytes.ts'
import type { Columns, Row } from './rows.ts'

/** Samples written between two pieces of text: a piece is about 100 KiB. */
const samplesAPiece = 4_096
/** A line with its time is the longest sample. */
const sampleBytesMax = 3 * numberBytesMax + '[,{"slope":,"intercept":}],'.length

const [comma, open, close] = [...Buffer.from(',[]')] as [number, number, number]

/** One JSON array of rows. */
export function* answerText(rows: readonly Row[]): Generator<string | Uint8Array> {
  const scratch = Buffer.allocUnsafe(samplesAPiece * sampleBytesMax)
  let before = '['
  for (const row of rows) {
    yield* rowText(row, before, scratch)
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

/** One row as JSON, after `before`. */
function* rowText(
  { head, columns, samples, value }: Row,
  before: string,
  scratch: Buffer,
): Generator<string | Uint8Array> {
  const open = `${before}${JSON.stringify(head).slice(0, -1)}`
  if (columns) {
    yield `${open},"samples":[`
    for (let at = 0; at < columns.timestampsMs.length; at += samplesAPiece) yield pairs(columns, at, scratch)
    yield ']}'
  } else if (samples) yield `${open},"samples":${JSON.stringify(samples)}}`
  else yield `${open},"value":${JSON.stringify(value)}}`
}

/** Samples from `from` on, as many as a piece has. */
function pairs({ timestampsMs, columns }: Columns, from: number, scratch: Buffer): Uint8Array {
  const [values, intercepts] = columns as [Float64Array, Float64Array?]
  const to = Math.min(from + samplesAPiece, timestampsMs.length)
  let at = 0
  for (let i = from; i < to; i++) {
    if (i > 0) scratch[at++] = comma
    scratch[at++] = open
    at = writeNumber(scratch, at, timestampsMs[i] as number)
    scratch[at++] = comma
    const value = values[i] as number
    at = intercepts ? writeLine(scratch, at, value, intercepts[i] as number) : writeNumber(scratch, at, value)
    scratch[at++] = close
  }
  return new Uint8Array(scratch.subarray(0, at))
}

function writeLine(scratch: Buffer, at: number, slope: number, intercept: number): number {
  return at + scratch.write(JSON.stringify({ slope, intercept }), at, 'latin1')
}
