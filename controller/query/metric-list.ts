import type { Row } from './rows.ts'

/** One series of one host in the list of metrics. */
export interface MetricView {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly host: string
  readonly cloud: string
  readonly tenant: string
  readonly unit: string | null
  /** The host whose store knows it; `_controller`: out of its window, because the host could not be asked. */
  readonly served_by: string
  /** Newest [timestampMs, value]; null = none that recent. */
  readonly last: readonly [number, number] | null
}

/** The entry of a row of an answer to `names`. */
export function metricOf({ head, columns, samples }: Row): MetricView {
  const { name, tags, host, cloud, tenant, unit, served_by } = head
  const [timestampMs, value] = columns
    ? [columns.timestampsMs.at(-1), columns.columns[0]?.at(-1)]
    : (samples?.at(-1) ?? [])
  const last = timestampMs === undefined || typeof value !== 'number' ? null : ([timestampMs, value] as const)
  return { name, tags, host, cloud, tenant, unit, served_by, last }
}
