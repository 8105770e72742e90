/**
 * From the name field of a line to the canonical text of its series: what happens once for each new name. Besides
 * `name;tag=value` carbon takes `name{tag="value",…}` (graphite-project/carbon:lib/carbon/util.py TaggedSeries.parse).
 */
import { formatSeries, type NameFault, parseSeries, type SeriesName } from '#protocol/metrics/series.ts'

/** A canonical text, or what is wrong with the name. */
export type SeriesText = { readonly canonical: string } | { readonly fault: NameFault }

/**
 * @param raw the name field
 * @param application becomes the tag of that name, whatever the name field says; from the first of four fields
 */
export function seriesText(raw: string, application?: string): SeriesText {
  const plain = raw.endsWith('"}') && raw.includes('{') ? withoutBraces(raw) : raw
  if (plain === undefined) return { fault: 'tag' }
  const series = parseSeries(plain)
  if (typeof series === 'string') return { fault: series }
  if (/^~+$/.test(series.name)) return { fault: 'name' }
  return { canonical: formatSeries({ name: series.name, tags: ownTags(series, application) }) }
}

/** The tag `name` is the metric's name in Graphite, so a client's own is dropped. */
function ownTags(series: SeriesName, application: string | undefined): Readonly<Record<string, string>> {
  if (application === undefined && !('name' in series.tags)) return series.tags
  const tags = Object.assign(Object.create(null), series.tags) as Record<string, string>
  delete tags['name']
  if (application !== undefined) tags['application'] = application
  return tags
}

/** `name{a="b",c="d"}` as `name;a=b;c=d`; undefined when it is not of that form, or a value would break it. */
function withoutBraces(raw: string): string | undefined {
  const open = raw.indexOf('{')
  const inside = raw.slice(open + 1, -1)
  const pair = /([^=;]+)="((?:\\["\\]|[^"\\;])+)"(?:,|$)/y
  const segments = [raw.slice(0, open)]
  while (pair.lastIndex < inside.length) {
    const [, key, value] = pair.exec(inside) ?? []
    if (key === undefined || value === undefined) return undefined
    segments.push(`${key}=${value.replace(/\\(["\\])/g, '$1')}`)
  }
  return segments.join(';')
}
