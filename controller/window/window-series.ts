import type { SeriesName } from '#protocol/metrics/series.ts'
import type { Address } from '#protocol/subjects/subject.ts'
import { SeriesColumns } from './series-columns.ts'

/**
 * One series of one host: what the ingest holds on to and what queries read. It outlives its samples; while it has none it is
 * in no index and costs only itself.
 */
export class WindowSeries {
  readonly address: Address
  /** Canonical text: unique within its host. */
  readonly canonical: string
  readonly name: SeriesName
  readonly unit: string | undefined
  columns: SeriesColumns | undefined

  constructor(address: Address, canonical: string, name: SeriesName, unit: string | undefined) {
    this.address = address
    this.canonical = canonical
    this.name = name
    this.unit = unit
  }

  get samples(): number {
    return this.columns?.length ?? 0
  }

  get capacity(): number {
    return this.columns?.capacity ?? 0
  }

  /** Room for samples, made on first use. */
  opened(): SeriesColumns {
    this.columns ??= new SeriesColumns()
    return this.columns
  }
}
