import { parseCanonical } from '#protocol/metrics/series.ts'
import type { SamplesPiece } from '../query/history.ts'

/** `json`: one JSON object a sample; `csv`: RFC 4180 with a header line. */
export const exportFormats = ['json', 'csv'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** Samples as text, some thousand lines at a time, each line with its newline. */
export async function* exportText(pieces: AsyncIterable<SamplesPiece>, format: ExportFormat): AsyncGenerator<string> {
  if (format === 'csv') yield 'series,timestampMs,value\n'
  for await (const { name, timestampsMs, values } of pieces) {
    const head = format === 'csv' ? quote(name) : JSON.stringify(parseCanonical(name)).slice(0, -1)
    const lines: string[] = []
    for (const [i, time] of timestampsMs.entries()) {
      const value = values[i] as number
      const text = Object.is(value, -0) ? '-0' : String(value)
      lines.push(format === 'csv' ? `${head},${time},${text}\n` : `${head},"timestampMs":${time},"value":${text}}\n`)
    }
    yield lines.join('')
  }
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
