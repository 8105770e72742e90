import { formatSeries } from '#protocol/metrics/series.ts'
import type { MetricAnswer, SeriesAnswer } from './answers.ts'
import { formatNumber, formatTime } from './figures.ts'
import { type Column, renderTable } from './table.ts'

const metricColumns: readonly Column[] = [
  { title: 'METRIC', align: 'left' },
  { title: 'HOST', align: 'left' },
  { title: 'CLOUD', align: 'left' },
  { title: 'UNIT', align: 'left' },
  { title: 'NEWEST', align: 'left' },
]

const valueColumns: readonly Column[] = [
  { title: 'METRIC', align: 'left' },
  { title: 'HOST', align: 'left' },
  { title: 'VALUE', align: 'right' },
]

const sampleColumns: readonly Column[] = [{ title: 'TIME', align: 'left' }, ...valueColumns]

/** Series as a table. */
export function metricsText(metrics: readonly MetricAnswer[]): string {
  return renderTable(
    metricColumns,
    metrics.map((metric) => [
      formatSeries(metric),
      metric.served_by === '_controller' ? `${metric.host}*` : metric.host,
      metric.cloud ?? '-',
      metric.unit ?? '-',
      metric.last ? formatTime(metric.last[0]) : '-',
    ]),
  )
}

/** Answers of a query as a table: one row a sample, or one row a series where a function gave one value. */
export function seriesText(answers: readonly SeriesAnswer[]): string {
  if (answers.length > 0 && answers.every((answer) => answer.samples === undefined)) return valuesText(answers)
  const rows = answers.flatMap((answer) =>
    (answer.samples ?? []).map(([t, v]) => [formatTime(t), formatSeries(answer), answer.host, formatValue(v)]),
  )
  return renderTable(sampleColumns, rows)
}

function valuesText(answers: readonly SeriesAnswer[]): string {
  return renderTable(
    valueColumns,
    answers.map((answer) => [formatSeries(answer), answer.host, formatValue(answer.value)]),
  )
}

function formatValue(value: number | Readonly<Record<string, number>> | null | undefined): string {
  if (value === null || value === undefined || typeof value === 'number') return formatNumber(value)
  return Object.entries(value)
    .map(([key, figure]) => `${key}=${formatNumber(figure)}`)
    .join(' ')
}
