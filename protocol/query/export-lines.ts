/** Samples as text, one a line: the shape of every export, of running agents and of a stopped one. */
import { parseCanonical, type SeriesName } from '#protocol/metrics/series.ts'
import type { Address } from '#protocol/subjects/subject.ts'

/** `json`: one JSON object a sample; `csv`: RFC 4180 with a header line. */
export const exportFormats = ['json', 'csv'] as const
export type ExportFormat = (typeof exportFormats)[number]

/** What stands before all lines. */
export function exportTitle(format: ExportFormat): string {
  return format === 'csv' ? 'tenant,cloud,host,series,timestampMs,value\n' : ''
}

/** Samples of one series, each a line with its newline. @param canonical of the series */
export function exportLines(
  { tenant, cloud, host }: Address,
  canonical: string,
  { timestampsMs, values }: { readonly timestampsMs: Float64Array; readonly values: Float64Array },
  format: ExportFormat,
): string {
  const series: SeriesName = parseCanonical(canonical)
  const head =
    format === 'csv'
      ? [tenant, cloud, host, quote(canonical)].join(',')
      : JSON.stringify({ ...series, tenant, cloud, host }).slice(0, -1)
  let text = ''
  for (let i = 0; i < timestampsMs.length; i++) {
    const value = values[i] as number
    const written = Object.is(value, -0) ? '-0' : String(value)
    const time = timestampsMs[i] as number
    text += format === 'csv' ? `${head},${time},${written}\n` : `${head},"timestampMs":${time},"value":${written}}\n`
  }
  return text
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
