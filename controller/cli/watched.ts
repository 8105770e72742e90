import type { BusMessage } from '#broker/bus.ts'
import { isLanistaError } from '#protocol/errors.ts'
import { parseMetric } from '#protocol/messages/metric.ts'
import { formatSeries } from '#protocol/metrics/series.ts'
import { metricNameOf, parseSubject } from '#protocol/subjects/subject.ts'
import { encodeMetricPattern } from '#protocol/subjects/token.ts'
import { usageError } from './exit-code.ts'
import { formatNumber, formatTime } from './figures.ts'
import { printable } from './table.ts'

/** A published metric as `watch --json` prints it. */
export interface Watched {
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  readonly tenant: string
  readonly cloud: string
  readonly host: string
  readonly timestampMs: number
  /** Null = unknown: a result that could not be computed. */
  readonly value: number | null
  readonly unit?: string
}

/**
 * The pattern of `watch` as subject tokens. Throws USAGE for a wildcard inside a part, which would be taken as a name and match nothing,
 * and METRIC_NAME_INVALID.
 */
export function watchPattern(pattern: string): string {
  const parts = pattern.split('.')
  const isOff = (part: string, i: number): boolean =>
    /[*?>[\]{}]/.test(part) && part !== '*' && !(part === '>' && i === parts.length - 1)
  if (parts.some(isOff)) {
    throw usageError(
      `watch otherwise: found ${JSON.stringify(pattern)}, expected * as a whole part of the name or > as the last one: 'shop.*', 'shop.>'`,
    )
  }
  return encodeMetricPattern(pattern)
}

/** What a message on a metric subject says; undefined for one that is none of ours. */
export function parseWatched(message: BusMessage): Watched | undefined {
  try {
    const subject = parseSubject(message.subject)
    const { t, v, unit, tags } = parseMetric(message.body)
    return {
      name: metricNameOf(subject),
      tags: tags ?? {},
      ...subject.address,
      timestampMs: t,
      value: v,
      ...(unit === undefined ? {} : { unit }),
    }
  } catch (error) {
    if (isLanistaError(error)) return undefined
    throw error
  }
}

/** One line without its newline: JSON, or columns that line up for usual names. */
export function watchedLine(watched: Watched, isJson: boolean): string {
  if (isJson) return JSON.stringify(watched)
  const place = `${watched.cloud}.${watched.host}`
  const figure = `${formatNumber(watched.value)}${watched.unit ? ` ${watched.unit}` : ''}`
  return printable(
    `${formatTime(watched.timestampMs)}  ${place.padEnd(24)}  ${formatSeries(watched).padEnd(40)}  ${figure}`,
  )
}
