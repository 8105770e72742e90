/**
 * Readings as lines for carbon: `path value seconds`. With tags: `name;cloud=…;host=…;tag=value`. Without: everything is part of the path,
 * `lanista.<cloud>.<host>.<name>.<tag>.<value>…`, tags in order of their names, `_cloud`, `_controller` where there is no host or
 * cloud: the form of the seed's telnet observers, which had an application and one number a line. Unknown values have no line.
 */
import { formatSeries } from '#protocol/metrics/series.ts'
import { cloudHost, controllerHost, homeCloud } from '#protocol/subjects/subject.ts'
import { perSource } from './per-source.ts'
import { labelsOf, type Reading, type ReadingSource } from './reading.ts'

/** Writes one line with its newline; undefined for an unknown value. */
export function carbonLines(withTags: boolean): (reading: Reading) => string | undefined {
  const pathOf = perSource(withTags ? taggedPath : plainPath)
  return ({ source, value, timestampMs }) =>
    value === null ? undefined : `${pathOf(source)} ${value} ${Math.floor(timestampMs / 1000)}\n`
}

/** Carbon refuses `;`, `~` at the start of a value and white space, which no series has; a name's `!`, `^` are only refused in tags. */
function taggedPath(source: ReadingSource): string {
  return formatSeries({ name: source.series.name, tags: Object.fromEntries(labelsOf(source)) })
}

function plainPath({ cloud, host, series }: ReadingSource): string {
  const tags = Object.entries(series.tags).sort(([a], [b]) => (a < b ? -1 : 1))
  const place = [cloud ?? homeCloud, host ?? (cloud === undefined ? controllerHost : cloudHost)]
  const name = series.name.split('.').map(part)
  return ['lanista', ...place.map(part), ...name, ...tags.flatMap(([tag, value]) => [part(tag), part(value)])].join('.')
}

/** One part of a path: carbon makes files and folders of them. */
function part(text: string): string {
  return text.replace(/[^A-Za-z0-9_:@%+-]/g, '_')
}
