import { type ExportFormat, exportLines, exportTitle } from '#protocol/query/export-lines.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import type { SamplesPiece } from '../query/history.ts'

/** Samples of a host as text, some thousand lines at a time, each line with its newline. */
export async function* exportText(
  owner: Address,
  pieces: AsyncIterable<SamplesPiece>,
  format: ExportFormat,
): AsyncGenerator<string> {
  yield exportTitle(format)
  for await (const { name, ...samples } of pieces) yield exportLines(owner, name, samples, format)
}
