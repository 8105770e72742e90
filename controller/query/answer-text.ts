/** Rows as JSON text, a piece at a time: the shape of `GET /api/v1/query`. */
import type { Row } from './rows.ts'

/** Samples written between two pieces of text: a piece is about 200 KiB. */
const samplesAPiece = 8_192

/** One JSON array of rows. */
export function* answerText(rows: readonly Row[]): Generator<string> {
  let before = '['
  for (const row of rows) {
    yield* rowText(row, before)
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

/** One row as JSON, after `before`. */
export function* rowText({ head, columns, samples, value }: Row, before = ''): Generator<string> {
  const open = `${before}${JSON.stringify(head).slice(0, -1)}`
  if (columns) {
    yield `${open},"samples":[`
    for (let at = 0; at < columns.timestampsMs.length; at += samplesAPiece) {
      yield pairsText(columns.timestampsMs, columns.columns, at, at + samplesAPiece)
    }
    yield ']}'
  } else if (samples) yield `${open},"samples":${JSON.stringify(samples)}}`
  else yield `${open},"value":${JSON.stringify(value)}}`
}

function pairsText(times: Float64Array, columns: readonly Float64Array[], from: number, to: number): string {
  const [values, intercepts] = columns as [Float64Array, Float64Array?]
  const end = Math.min(to, times.length)
  let text = ''
  for (let i = from; i < end; i++) {
    const value = intercepts
      ? `{"slope":${values[i] as number},"intercept":${intercepts[i] as number}}`
      : (values[i] as number)
    text += `${i === 0 ? '' : ','}[${times[i] as number},${value}]`
  }
  return text
}
