/**
 * Series identity: a metric name and its tags in one canonical text, `name;tag=value;…`, the tags in carbon's own order
 * (graphite-project/carbon:lib/carbon/util.py TaggedSeries.format sorts the strings `;tag=value`). Two writers that mean the
 * same series produce the same text, byte for byte.
 */
import { LanistaError } from '#protocol/errors.ts'
import { metricNameBytesMax } from '#protocol/subjects/token.ts'

/** A metric name and its tags. */
export interface SeriesName {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
}

/** Why a name was refused; the same words count rejected carbon lines. */
export type NameFault = 'name' | 'tag'

const controlCharacter = /[\u0000-\u0020\u007f]/
const tagName = /^[^;!^=\u0000-\u0020\u007f]+$/
const tagValue = /^[^;~\u0000-\u0020\u007f][^;\u0000-\u0020\u007f]*$/

const surrogate = /[\ud800-\udfff]/

/** Tags a series may have at most; beyond it the line is refused as `tag`. */
export const tagCountMax = 64

/** Collapses runs of dots and drops leading and trailing ones; undefined when nothing is left or a control character is in it. */
export function canonicalName(raw: string): string | undefined {
  if (controlCharacter.test(raw)) return undefined
  const name =
    raw.includes('..') || raw.startsWith('.') || raw.endsWith('.')
      ? raw.replace(/\.{2,}/g, '.').replace(/^\.|\.$/g, '')
      : raw
  return name.length > 0 && Buffer.byteLength(name) <= metricNameBytesMax ? name : undefined
}

/**
 * Parses `name;tag=value;…` as clients write it (any order, repeats: the last wins), or says what is wrong with it. The tag `name`
 * stands for the metric's name everywhere, so a client's own is dropped, as carbon does.
 */
export function parseSeries(raw: string): SeriesName | NameFault {
  const [rawName = '', ...segments] = raw.split(';')
  const name = canonicalName(rawName)
  if (name === undefined || /^~+$/.test(name)) return 'name'
  if (segments.length > tagCountMax) return 'tag'
  const tags: Record<string, string> = Object.create(null) as Record<string, string>
  for (const segment of segments) {
    const cut = segment.indexOf('=')
    const key = segment.slice(0, cut)
    const value = segment.slice(cut + 1)
    if (cut < 1 || !tagName.test(key) || !tagValue.test(value)) return 'tag'
    if (key !== 'name') tags[key] = value
  }
  return { name, tags }
}

/** The canonical text of a series. `parseCanonical` is its inverse. */
export function formatSeries(series: SeriesName): string {
  const segments = Object.entries(series.tags).map(([key, value]) => `;${key}=${value}`)
  return series.name + (segments.length > 1 ? segments.sort(byBytes).join('') : segments.join(''))
}

/** Parses a canonical text; throws SERIES_INVALID. */
export function parseCanonical(text: string): SeriesName {
  const series = parseSeries(text)
  if (typeof series === 'string') {
    throw new LanistaError(
      'SERIES_INVALID',
      `name the series otherwise: found ${JSON.stringify(text.slice(0, 120))}, expected name;tag=value;…`,
    )
  }
  return series
}

/** Order of the UTF-8 bytes, which is carbon's; UTF-16 order differs from it beyond the basic plane only. */
function byBytes(a: string, b: string): number {
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}
