/** A metrics page as readings: names as they are, labels as tags, what is no finite number left out and counted. */
import { canonicalName, tagCountMax } from '#protocol/metrics/series.ts'
import type { PageSample } from './exposition.ts'
import type { Reading } from './sensor.ts'
import { tagValue } from './tag-value.ts'

export interface ScrapeReadings {
  readonly readings: readonly Reading[]
  /** Samples that are NaN or infinite, or whose name or number of labels no series can have. */
  readonly dropped: number
  /** Samples beyond the bound. */
  readonly leftOut: number
}

/** The first `seriesMax` samples that can be stored. Histograms and summaries become their plain parts. */
export function scrapeReadings(samples: readonly PageSample[], seriesMax: number): ScrapeReadings {
  const good = samples.filter(isStorable)
  const readings = good.slice(0, seriesMax).map(({ name, labels, value, unit }) => ({
    name,
    tags: tagsOf(labels),
    value,
    unit,
  }))
  return { readings, dropped: samples.length - good.length, leftOut: good.length - readings.length }
}

function isStorable({ name, labels, value }: PageSample): boolean {
  return Number.isFinite(value) && canonicalName(name) === name && labels.size <= tagCountMax
}

/** An empty label is the same as none. */
function tagsOf(labels: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const full = [...labels].filter(([, value]) => value !== '')
  return Object.fromEntries(full.map(([key, value]) => [key, tagValue(value)]))
}
