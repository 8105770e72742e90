/**
 * Readings as InfluxDB line protocol (docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference): the metric's name as measurement,
 * `labelsOf` as tags, one field `value`, the time in milliseconds. Unknown values have no line.
 */
import { perSource } from './per-source.ts'
import { labelsOf, type Reading, type ReadingSource } from './reading.ts'

/** Tags and fields InfluxDB keeps for itself. */
const reserved: ReadonlySet<string> = new Set(['time', '_measurement', '_field'])

/** Writes one line with its newline; undefined for an unknown value. */
export function influxLines(): (reading: Reading) => string | undefined {
  const pointOf = perSource(point)
  return ({ source, value, timestampMs }) =>
    value === null ? undefined : `${pointOf(source)} value=${value} ${Math.floor(timestampMs)}\n`
}

/** Measurement and tags. */
function point(source: ReadingSource): string {
  const tags = labelsOf(source).map(
    ([key, value]) => `,${tagText(reserved.has(key) ? `tag_${key}` : key)}=${tagText(value)}`,
  )
  return measurement(source.series.name) + tags.sort().join('')
}

/** A line that begins with `#` is a comment. */
function measurement(name: string): string {
  return slashless(name).replace(/^#/, '_').replace(/[, ]/g, '\\$&')
}

function tagText(text: string): string {
  return slashless(text).replace(/[,= ]/g, '\\$&')
}

/** A backslash before a separator would escape it, and there is no way to write one that does not. */
function slashless(text: string): string {
  return text.replaceAll('\\', '_')
}
