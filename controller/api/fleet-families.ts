import { chooseSeries } from '#controller/window/query.ts'
import type { SampleWindow } from '#controller/window/window.ts'
import type { WindowSeries } from '#controller/window/window-series.ts'
import type { MetricFamily, MetricSample } from './open-metrics.ts'

/**
 * The newest value of each series as one family: names and tags are Graphite's, so they are label values, where anything may
 * stand. `series` alone is unique within a host; tags whose names are labels' are labels of their own, `tag_<name>`.
 */
export function fleetFamilies(window: SampleWindow, tenant: string): MetricFamily[] {
  const samples: MetricSample[] = []
  for (const series of chooseSeries(window, { tenant })) {
    const span = window.read(series, -Infinity, Infinity)
    const value = span && span.values[span.end - 1]
    if (value !== undefined) samples.push({ labels: labelsOf(series), value })
  }
  return [{ name: 'lanista_sample', type: 'gauge', help: 'Newest value of each series of the fleet.', samples }]
}

function labelsOf({ address, canonical, name }: WindowSeries): Record<string, string> {
  const tags = Object.entries(name.tags).filter(([tag]) => /^[a-zA-Z0-9_]+$/.test(tag))
  return {
    cloud: address.cloud,
    host: address.host,
    name: name.name,
    series: canonical,
    ...Object.fromEntries(tags.map(([tag, value]) => [`tag_${tag}`, value])),
  }
}
